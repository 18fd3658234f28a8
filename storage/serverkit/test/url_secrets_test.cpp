#include "url_secrets.hpp"

#include <gtest/gtest.h>

#include "pharox/errors.hpp"

namespace pharox::serverkit {
namespace {

TEST(UrlSecrets, user_info_and_secret_options_are_hidden) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"", ""},
        {"no secret here", "no secret here"},
        {"mysql://host/db", "mysql://host/db"},
        {"mysql://bob:pa55@host/db", "mysql://***@host/db"},
        {"mysql://bob@host/db", "mysql://***@host/db"},
        {"redis://:pa55@host", "redis://***@host"},
        {"mysql://bob:p@55@host/db", "mysql://***@host/db"},
        {"mysql://bob:p/5?5@host/db", "mysql://***@host/db"},
        {"mysql://bob:it's <pa55 @host/db", "mysql://***@host/db"},
        {"cannot open mysql://bob:pa55@host: refused", "cannot open mysql://***@host: refused"},
        {"\"mysql://bob:pa55@one\" and 'redis://:pa55@two'", "\"mysql://***@one\" and 'redis://***@two'"},
        {"mysql://host/db?password=pa55&ssl=1", "mysql://host/db?password=***&ssl=1"},
        {"host=db password=pa55 dbname=x", "host=db password=*** dbname=x"},
        {"host=db Password='pa 55\\' x' dbname=x", "host=db Password=*** dbname=x"},
        {"password='never closed", "password=***"},
        {"sslpassword=pa55", "sslpassword=***"},
        {"password=", "password=***"},
        {"oauth_client_secret=pa55", "oauth_client_secret=***"},
        {"passwordless=x", "passwordless=x"},
        {"a=b=password=pa55", "a=b=password=***"},
    };
    for (const auto& [text, shown] : cases) {
        EXPECT_EQ(without_secrets(text), shown);
        EXPECT_EQ(without_secrets(text).find("pa55"), std::string::npos);
    }
}

TEST(UrlSecrets, an_unknown_option_is_named_only_if_it_cannot_be_part_of_a_password) {
    const auto refusal = [](std::string_view text, const std::string& key) {
        try {
            refuse_option(StorageUrl::parse(text), key, "libpq");
        } catch (const ValidationError& error) {
            return std::string(error.what());
        }
    };
    const std::string plain = refusal("postgres://host/db?colour=red", "colour");
    EXPECT_NE(plain.find("colour"), std::string::npos);
    EXPECT_EQ(plain.find("red"), std::string::npos);
    // The password is `x?se&cret=1`, and its owner did not encode it.
    const std::string split = refusal("postgres://bob:x?se=1&cret=1@host/db", "se");
    EXPECT_EQ(split.find("cret"), std::string::npos);
    EXPECT_NE(split.find("%26"), std::string::npos);
    const std::string beside = refusal("postgres://host/db?password=x&cret=1", "cret");
    EXPECT_EQ(beside.find("cret"), std::string::npos);
}

TEST(UrlSecrets, percent_encoding_keeps_unreserved_letters) {
    EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encoded("p@s/s?&="), "p%40s%2Fs%3F%26%3D");
    EXPECT_EQ(percent_encoded("\xC3\xA9"), "%C3%A9");
}

}  // namespace
}  // namespace pharox::serverkit
