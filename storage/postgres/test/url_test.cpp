// Options in a storage URL, without a server.
#include <gtest/gtest.h>

#include <string>

#include "pharox/errors.hpp"
#include "pharox/postgres/storage.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;
using postgres::options_of;

TEST(Url, sets_own_options_and_leaves_the_others_to_libpq) {
    const postgres::Options options = options_of(StorageUrl::parse(
        "postgres://u@h/db?sslmode=require&schema=leases&migrations=expect&prepared=never&max_connections=3&"
        "transaction_warning_ms=7&retention_ms=600000&health_retention_ms=2&health_records_per_proxy=5"));
    EXPECT_EQ(options.connection, "postgresql://u@h/db?sslmode=require");
    EXPECT_EQ(options.schema, "leases");
    EXPECT_EQ(options.migrations, postgres::Migrations::expect);
    EXPECT_EQ(options.prepared, postgres::Prepared::never);
    EXPECT_EQ(options.max_connections, 3U);
    EXPECT_EQ(options.transaction_warning, 7ms);
    EXPECT_EQ(options.retention, 10min);
    EXPECT_EQ(options.health_retention, 2ms);
    EXPECT_EQ(options.health_records_per_proxy, 5U);
}

TEST(Url, refuses_what_it_cannot_read_and_shows_no_password) {
    const auto refusal = [](const std::string& url) -> std::string {
        try {
            static_cast<void>(options_of(StorageUrl::parse(url)));
        } catch (const ValidationError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(refusal("postgres://h/db?retention_ms=1h").find("retention_ms"), std::string::npos);
    EXPECT_NE(refusal("postgres://h/db?migrations=maybe").find("is not apply or expect"), std::string::npos);
    EXPECT_NE(refusal("postgres://h/db?no_such=1").find("no_such"), std::string::npos);
    for (const char* const url : {"postgres://u:a?b&s3cret=x@h/db", "postgres://h/db?password=a&s3cret=1"}) {
        const std::string text = refusal(url);
        EXPECT_FALSE(text.empty());
        EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
    }
}

TEST(Url, refuses_a_part_of_a_password_in_place_of_host_or_port) {
    const auto refusal = [](const std::string& connection) -> std::string {
        try {
            postgres::check_connection(connection);
        } catch (const ValidationError& error) {
            return error.what();
        }
        return "";
    };
    for (const char* const url : {"postgresql://u:a@s3cret@h/db", "postgresql://u:s3cret/b@h/db",
                                  "postgresql://u:s3cret/db", "host=h port=s3cret"}) {
        const std::string text = refusal(url);
        EXPECT_TRUE(text.starts_with("connection: *** has a")) << text;
        EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
    }
    for (const char* const url : {"postgresql://u:a%40b@h1:1,h2:2/db", "host=@abstract port=5432",
                                  "postgresql:///db", "host=/run/postgresql password=a@b"}) {
        EXPECT_EQ(refusal(url), "") << url;
    }
}

}  // namespace
