#include "pharox/storage/registry.hpp"

#include <gtest/gtest.h>

#include "pharox/manager/bootstrap.hpp"
#include "pharox/storage/in_memory.hpp"
#include "test/thrown.hpp"

namespace {

using pharox::StorageRegistry;
using pharox::StorageUrl;
using Options = std::map<std::string, std::string>;

struct Parsed {
    const char* text;
    const char* scheme;
    const char* rest;
    Options options;
};

TEST(StorageUrl, IsTakenApart) {
    const Parsed urls[] = {
        {"memory:", "memory", "", {}},
        {"sqlite:pools.db", "sqlite", "pools.db", {}},
        {"SQLite:/Var/Pools.db", "sqlite", "/Var/Pools.db", {}},
        {"sqlite:a b%20c.db", "sqlite", "a b%20c.db", {}},
        {"sqlite:C:\\pools.db", "sqlite", "C:\\pools.db", {}},
        {"sqlite:a?timeout=5", "sqlite", "a", {{"timeout", "5"}}},
        {"sqlite:a?", "sqlite", "a", {}},
        {"sqlite:?a=", "sqlite", "", {{"a", ""}}},
        {"x:a?b=1&c=d=e&f=%26%3D%25", "x", "a", {{"b", "1"}, {"c", "d=e"}, {"f", "&=%"}}},
        {"x:a?%62=%C3%BC+%e4", "x", "a", {{"b", "\xC3\xBC+\xE4"}}},
        {"x:a?b=c?d", "x", "a", {{"b", "c?d"}}},
        {"postgres://user:p%40ss@host:5432/db?sslmode=require",
         "postgres",
         "//user:p%40ss@host:5432/db",
         {{"sslmode", "require"}}},
        {"redis+tls:h", "redis+tls", "h", {}},
    };
    for (const auto& [text, scheme, rest, options] : urls) {
        const StorageUrl url = StorageUrl::parse(text);
        EXPECT_EQ(url.scheme, scheme) << text;
        EXPECT_EQ(url.rest, rest) << text;
        EXPECT_EQ(url.options, options) << text;
    }
}

TEST(StorageUrl, RefusesWithoutShowingIt) {
    const std::pair<const char*, std::string> urls[] = {
        {"", "is not a storage URL like sqlite:pools.db"},
        {"hunter2", "is not a storage URL like sqlite:pools.db"},
        {":hunter2", "is not a storage URL like sqlite:pools.db"},
        {"//user:hunter2@host/", "is not a storage URL like sqlite:pools.db"},
        {"my db:hunter2", "is not a storage URL like sqlite:pools.db"},
        {"x://u:hunter2@h/?a=1&a=hunter2", "has the option \"a\" twice"},
        {"x://u:hunter2@h/?a=1&%61=2", "has the option \"a\" twice"},
        {"x://u:hunter2@h/?hunter2", "has an option that is not key=value"},
        {"x://u:hunter2@h/?=hunter2", "has an option that is not key=value"},
        {"x://u:hunter2@h/?a=1&&b=2", "has an option that is not key=value"},
        {"x://u:hunter2@h/?a=hunter2%4", "contains a % that is not followed by two hexadecimal digits"},
        {"x://u:hunter2@h/?a=hunter2%", "contains a % that is not followed by two hexadecimal digits"},
        {"x://u:hunter2@h/?a=%zzhunter2", "contains a % that is not followed by two hexadecimal digits"},
    };
    for (const auto& [text, rule] : urls) {
        const auto error =
            thrown_by<pharox::ValidationError>([&url = text] { return StorageUrl::parse(url); });
        EXPECT_EQ(error.field(), "storage");
        EXPECT_EQ(error.rule(), rule);
        EXPECT_EQ(error.value(), "");
        EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    }
}

TEST(StorageRegistry, OpensWhatWasAdded) {
    StorageRegistry registry;
    std::shared_ptr<pharox::IStorage> storage = std::make_shared<pharox::InMemoryStorage>();
    StorageUrl seen;
    registry.add("mine", [&](const StorageUrl& url) {
        seen = url;
        return storage;
    });
    EXPECT_EQ(registry.open("MINE:there?a=b"), storage);
    EXPECT_EQ(seen.rest, "there");
    EXPECT_EQ(seen.options, (Options{{"a", "b"}}));
    EXPECT_EQ(pharox::open("mine:", registry), storage);
    EXPECT_EQ(registry.schemes(), std::vector<std::string>{"mine"});
}

TEST(StorageRegistry, NamesTheKnownOnes) {
    StorageRegistry registry;
    const auto factory = [](const StorageUrl&) { return std::make_shared<pharox::InMemoryStorage>(); };
    registry.add("redis", factory);
    registry.add("memory", factory);
    registry.add("sqlite", factory);
    EXPECT_EQ(registry.schemes(), (std::vector<std::string>{"memory", "redis", "sqlite"}));
    const auto error =
        thrown_by<pharox::ValidationError>([&] { return registry.open("oracle://u:hunter2@h/?p=hunter2"); });
    EXPECT_STREQ(error.what(),
                 "storage: \"oracle\" is not a known kind of storage: use memory, redis or sqlite");
    const auto taken = thrown_by<pharox::ConflictError>([&] { return registry.add("redis", factory), 0; });
    EXPECT_STREQ(taken.what(), "scheme: \"redis\" is registered already");
}

TEST(StorageRegistry, MemoryIsNewWithEachOpen) {
    StorageRegistry registry;
    register_memory(registry);
    const auto one = registry.open("memory:");
    const auto other = registry.open("memory:");
    pharox::bootstrap_pool(*one, {.name = "p"});
    EXPECT_TRUE(one->get_pool_stats({.pool = "p"}));
    EXPECT_FALSE(other->get_pool_stats({.pool = "p"}));
}

TEST(StorageRegistry, MemoryTakesTheRetentionOptions) {
    StorageRegistry registry;
    register_memory(registry);
    EXPECT_TRUE(registry.open("memory:?retention_ms=600000&retained_leases=0&health_retention_ms=1"));
    EXPECT_EQ(refusal_of([&] { return registry.open("memory:?retention_ms=599999"); }),
              "retention_ms | 599999 | is below 600000 (10 minutes)");
}

TEST(StorageRegistry, MemoryTakesNothingElseAndShowsNoSecret) {
    StorageRegistry registry;
    register_memory(registry);
    for (const char* const url : {"memory://u:hunter2@h", "memory:?password=hunter2", "memory:hunter2"}) {
        const auto error = thrown_by<pharox::ValidationError>([&] { return registry.open(url); });
        EXPECT_EQ(error.field(), "storage");
        EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
        EXPECT_EQ(error.value().find("hunter2"), std::string::npos);
    }
}

}  // namespace
