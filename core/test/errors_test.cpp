#include "pharox/errors.hpp"

#include <gtest/gtest.h>

#include "src/text.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::ConflictError;
using pharox::StorageError;
using pharox::ValidationError;

TEST(Errors, ValidationSaysFieldValueAndRule) {
    const ValidationError error("port", "80800", "is above 65535");
    EXPECT_STREQ(error.what(), "port: 80800 is above 65535");
    EXPECT_EQ(error.field(), "port");
    EXPECT_EQ(error.value(), "80800");
    EXPECT_EQ(error.rule(), "is above 65535");
    EXPECT_STREQ(ValidationError("name", "", "is empty").what(), "name: \"\" is empty");
    EXPECT_STREQ(ValidationError("name", {}, "is missing").what(), "name: is missing");
    EXPECT_STREQ(ValidationError("password", ValidationError::hidden_value, "is too long").what(),
                 "password: *** is too long");
    const pharox::InvalidLeaseError lease("duration_ms", "0", "is not greater than zero");
    EXPECT_STREQ(static_cast<const ValidationError&>(lease).what(),
                 "duration_ms: 0 is not greater than zero");
}

TEST(Errors, ValuesAreShownShortenedAndEscaped) {
    const std::pair<std::string, std::string> values[] = {
        {"", R"("")"},
        {"80", "80"},
        {"-1.5e+3", "-1.5e+3"},
        {"1e", "1e"},
        {"-", R"("-")"},
        {"e", R"("e")"},
        {"12 34", R"("12 34")"},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"a\nb\x1B[31m\x7F", R"("a\x0ab\x1b[31m\x7f")"},
        {std::string("a\0b", 3), R"("a\x00b")"},
        {"é漢😀", "\"é漢😀\""},
        {"\xFF\xC3", R"("\xff\xc3")"},
        {"\xC0\x80", R"("\xc0\x80")"},
        {"\xED\xA0\x80", R"("\xed\xa0\x80")"},
        {"a\xC2\x9B"
         "31m\xC2\x85",
         R"("a\xc2\x9b31m\xc2\x85")"},
        {"\xC2\xA0", "\"\xC2\xA0\""},
        {std::string(80, 'x'), '"' + std::string(80, 'x') + '"'},
        {std::string(81, 'x'), '"' + std::string(80, 'x') + "…\""},
        {std::string(79, 'x') + "é", '"' + std::string(79, 'x') + "…\""},
        {std::string(78, 'x') + "é!", '"' + std::string(78, 'x') + "é…\""},
        {std::string(78, 'x') + "😀", '"' + std::string(78, 'x') + "…\""},
        {std::string(79, 'x') + "\xFF\xBF", '"' + std::string(79, 'x') + "\\xff…\""},
    };
    for (const auto& [value, text] : values) EXPECT_EQ(pharox::shown(value), text);
    const ValidationError error("field", std::string(1000, 'x'), "is long");
    EXPECT_LT(std::string(error.what()).size(), 120U);
    EXPECT_EQ(error.value().size(), 1000U) << "the accessor returns the whole value";
}

TEST(Errors, ListsNames) {
    EXPECT_EQ(pharox::listed({}), "");
    EXPECT_EQ(pharox::listed({"a"}), "a");
    EXPECT_EQ(pharox::listed({"a", "b"}), "a or b");
    EXPECT_EQ(pharox::listed({"a", "b", "c"}), "a, b or c");
}

TEST(Errors, Utf8IsThatOfRfc3629) {
    for (const char* const good : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                   "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_TRUE(pharox::is_utf8(good)) << pharox::shown(good);
    }
    for (const char* const bad :
         {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE2\x82",
          "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80", "\xFE", "a\xFF", "\xC2\x80\x80"}) {
        EXPECT_FALSE(pharox::is_utf8(bad)) << pharox::shown(bad);
    }
}

TEST(Errors, ErrorsNameTheirSubject) {
    const auto lease = pharox::LeaseId::parse("0190abcd-0000-7000-8000-000000000001");
    const auto proxy = pharox::ProxyId::parse("0190abcd-0000-7000-8000-000000000002");

    const pharox::LeaseEndedError ended(lease);
    EXPECT_EQ(ended.lease_id(), lease);
    EXPECT_STREQ(ended.what(),
                 "lease 0190abcd-0000-7000-8000-000000000001 has ended; a new lease needs a new id");

    const pharox::PoolNotFoundError pool("po\nol");
    EXPECT_EQ(pool.pool(), "po\nol");
    EXPECT_STREQ(pool.what(), R"(pool "po\x0aol" does not exist)");

    const pharox::ProxyNotFoundError not_found(proxy);
    EXPECT_EQ(not_found.proxy_id(), proxy);
    EXPECT_STREQ(not_found.what(), "proxy 0190abcd-0000-7000-8000-000000000002 does not exist");

    const pharox::ProxyUnavailableError unavailable(proxy, "it is full");
    EXPECT_EQ(unavailable.proxy_id(), proxy);
    EXPECT_STREQ(unavailable.what(),
                 "proxy 0190abcd-0000-7000-8000-000000000002 is not available: it is full");

    const pharox::ConsumerNotFoundError consumer("who");
    EXPECT_EQ(consumer.consumer(), "who");
    EXPECT_STREQ(consumer.what(), R"(consumer "who" does not exist)");

    const ConflictError conflict("name", "a", "is taken");
    EXPECT_EQ(conflict.field(), "name");
    EXPECT_STREQ(conflict.what(), R"(name: "a" is taken)");

    const pharox::UnsupportedError unsupported("catalog");
    EXPECT_EQ(unsupported.capability(), "catalog");
    EXPECT_STREQ(unsupported.what(), "this storage has no catalog");
}

TEST(Errors, StorageErrorHasDetails) {
    const auto lease = pharox::LeaseId::make();
    const StorageError error({.store = "sqlite",
                              .operation = "acquire",
                              .retryable = true,
                              .outcome_unknown = true,
                              .lease_id = lease,
                              .backoff = 7ms},
                             "disk I/O error");
    EXPECT_EQ(error.store(), "sqlite");
    EXPECT_EQ(error.operation(), "acquire");
    EXPECT_TRUE(error.retryable());
    EXPECT_TRUE(error.outcome_unknown());
    EXPECT_EQ(error.lease_id(), lease);
    EXPECT_EQ(error.backoff(), 7ms);
    EXPECT_STREQ(error.what(), "storage sqlite: acquire: disk I/O error (it may have happened nevertheless)");
    const StorageError plain({.store = "memory", .operation = ""}, "no");
    EXPECT_STREQ(plain.what(), "storage memory: no");
    EXPECT_FALSE(plain.retryable());
    EXPECT_FALSE(plain.outcome_unknown());
    EXPECT_FALSE(plain.lease_id());
    EXPECT_GT(plain.backoff(), 0ms);
    EXPECT_EQ(plain.about(lease).lease_id(), lease);
    EXPECT_STREQ(plain.about(lease).what(), plain.what());
}

TEST(Errors, DeriveFromError) {
    EXPECT_TRUE((std::is_base_of_v<pharox::Error, ValidationError>));
    EXPECT_TRUE((std::is_base_of_v<ValidationError, pharox::InvalidLeaseError>));
    EXPECT_TRUE((std::is_base_of_v<pharox::Error, StorageError>));
    EXPECT_TRUE((std::is_base_of_v<pharox::Error, ConflictError>));
    EXPECT_TRUE((std::is_base_of_v<pharox::Error, pharox::LeaseEndedError>));
    EXPECT_TRUE((std::is_base_of_v<pharox::Error, pharox::UnsupportedError>));
    EXPECT_TRUE((std::is_base_of_v<std::runtime_error, pharox::Error>));
}

}  // namespace
