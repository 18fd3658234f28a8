// Consumers.
#include <mutex>
#include <set>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

ConsumerId ensure(Context& context, const std::string& name) {
    return context.store().ensure_consumer({.name = name});
}

void consumer_is_made_once(Context& context) {
    const auto id = ensure(context, "crawler");
    EXPECT_FALSE(id.is_nil());
    EXPECT_EQ(ensure(context, "crawler"), id);
    EXPECT_EQ(ensure(context, "crawler"), id);
}

void consumers_differ_by_bytes(Context& context) {
    const std::vector<std::string> names{"a",
                                         "A",
                                         " a",
                                         "a ",
                                         "\xc3\xa9",
                                         "e\xcc\x81",
                                         "\xf0\x9f\xa6\x8a",
                                         "';--",
                                         std::string(128, 'x'),
                                         std::string(127, 'x') + "y"};
    std::set<ConsumerId> ids;
    for (const auto& name : names) {
        EXPECT_TRUE(ids.insert(ensure(context, name)).second) << name;
    }
    for (const auto& name : names) {
        EXPECT_TRUE(ids.contains(ensure(context, name))) << name;
    }
    EXPECT_EQ(ids.size(), names.size());
}

void racing_for_one_consumer(Context& context) {
    context.add_consumer("opens the store");
    for (int round = 0; round < 10; ++round) {
        std::mutex mutex;
        std::set<ConsumerId> ids;
        in_threads(6, [&](int) {
            const auto id = context.store().ensure_consumer({.name = "racer " + std::to_string(round)});
            const std::lock_guard lock(mutex);
            ids.insert(id);
        });
        EXPECT_EQ(ids.size(), 1U);
    }
}

void wrong_consumer_names_are_refused(Context& context) {
    context.add_proxy(context.add_pool());
    for (const auto& wrong : {std::string(129, 'x'), std::string("a\0b", 3), std::string("\xff\xfe"),
                              std::string("\xed\xa0\x80")}) {
        SCOPED_TRACE(testing::PrintToString(wrong));
        EXPECT_TRUE(thrown<ValidationError>([&] { ensure(context, wrong); }));
        EXPECT_TRUE(thrown<ValidationError>([&] { context.acquire({.pool = "pool", .consumer = wrong}); }));
    }
    EXPECT_TRUE(thrown<ValidationError>([&] { ensure(context, ""); }));
    EXPECT_EQ(context.stats().total_leases, 0);
}

void consumers_of_the_catalog(Context& context) {
    auto& catalog = context.catalog();
    const Consumer added = catalog.add_consumer({.name = "added"});
    EXPECT_EQ(ensure(context, "added"), added.id);
    const auto id = ensure(context, "ensured");
    EXPECT_EQ(catalog.get_consumer("ensured"), (Consumer{.id = id, .name = "ensured"}));
    EXPECT_EQ(catalog.get_consumer("added"), added);
    EXPECT_EQ(catalog.get_consumer("unknown"), std::nullopt);
    const auto error = thrown<ConflictError>([&] { catalog.add_consumer({.name = "ensured"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->field(), "name");
    EXPECT_EQ(ensure(context, "ensured"), id);
    EXPECT_TRUE(thrown<ConflictError>([&] { catalog.add_consumer({.id = id, .name = "other"}); }));
    EXPECT_EQ(catalog.get_consumer("other"), std::nullopt);
    EXPECT_TRUE(thrown<ValidationError>([&] { catalog.add_consumer({.name = std::string(129, 'x')}); }));
}

}  // namespace

std::vector<Case> consumer_cases() {
    return {
        {"consumer_is_made_once", {"K-01"}, {}, consumer_is_made_once},
        {"consumers_differ_by_bytes", {"K-01", "J-02"}, {}, consumers_differ_by_bytes},
        {"racing_for_one_consumer", {"K-02"}, {}, racing_for_one_consumer},
        {"wrong_consumer_names_are_refused", {"K-03", "V-02"}, {}, wrong_consumer_names_are_refused},
        {"consumers_of_the_catalog", {"C-17", "C-01"}, {.catalog = true}, consumers_of_the_catalog},
    };
}

}  // namespace pharox::testkit
