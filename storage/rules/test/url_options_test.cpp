#include "pharox/rules/url_options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "pharox/errors.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::StorageUrl;
using pharox::ValidationError;
using pharox::rules::UrlOptions;

enum class Speed { slow, fast, fastest };

struct Options {
    pharox::Duration pause = 1ms;
    std::size_t most = 1;
    std::string name{};
    Speed speed = Speed::slow;
    pharox::Duration retention = 1h;
    pharox::Duration health_retention = 1h;
    std::size_t health_records_per_proxy = 1;
};

Options parsed(const std::string& query) {
    Options options;
    UrlOptions("shelf")
        .milliseconds("pause_ms", options.pause)
        .count("most", options.most)
        .text("name", options.name)
        .choice("speed", options.speed,
                {{"slow", Speed::slow}, {"fast", Speed::fast}, {"fastest", Speed::fastest}})
        .retention(options)
        .set_all(StorageUrl::parse("shelf:x?" + query));
    return options;
}

TEST(RulesOfUrlOptions, EachKeySetsItsTarget) {
    const Options options = parsed(
        "pause_ms=250&most=7&name=a%20b&speed=fast&retention_ms=600000&health_retention_ms=2&"
        "health_records_per_proxy=3");
    EXPECT_EQ(options.pause, 250ms);
    EXPECT_EQ(options.most, 7U);
    EXPECT_EQ(options.name, "a b");
    EXPECT_EQ(options.speed, Speed::fast);
    EXPECT_EQ(options.retention, 10min);
    EXPECT_EQ(options.health_retention, 2ms);
    EXPECT_EQ(options.health_records_per_proxy, 3U);
}

TEST(RulesOfUrlOptions, WhatCannotBeReadIsRefused) {
    const auto refusal = [](const std::string& query) -> std::string {
        try {
            static_cast<void>(parsed(query));
        } catch (const ValidationError& error) {
            return error.field() + ": " + error.rule();
        }
        return "";
    };
    EXPECT_EQ(refusal("pause_ms=1.5"), "pause_ms: is not a whole number of milliseconds");
    EXPECT_EQ(refusal("pause_ms="), "pause_ms: is not a whole number of milliseconds");
    EXPECT_EQ(refusal("pause_ms=99999999999999999999"), "pause_ms: is not a whole number of milliseconds");
    EXPECT_EQ(refusal("most=-1"), "most: is not a whole number");
    EXPECT_EQ(refusal("most=7x"), "most: is not a whole number");
    EXPECT_EQ(refusal("speed=Fast"), "speed: is not slow, fast or fastest");
    EXPECT_EQ(refusal("retained_leases=3"),
              "storage: is not an option of shelf: use pause_ms, most, name, speed, retention_ms, "
              "health_retention_ms or health_records_per_proxy")
        << "this store has no such member";
}

}  // namespace
