#include "pharox/rules/catalog.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "pharox/errors.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/rules/health.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;
using namespace pharox::rules;

std::string conflict_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const ConflictError& error) {
        return error.field();
    }
    return "";
}

TEST(RulesOfTheCatalog, ANameIsCheckedBeforeAnId) {
    const ProxyPool pool{.name = "eu"};
    const Consumer consumer{.name = "crawler"};
    struct Row {
        bool name_taken;
        bool id_taken;
        const char* field;
    };
    for (const Row& row : std::vector<Row>{
             {false, false, ""}, {true, false, "name"}, {false, true, "id"}, {true, true, "name"}}) {
        EXPECT_EQ(conflict_of([&] { check_new(pool, row.name_taken, row.id_taken); }), row.field);
        EXPECT_EQ(conflict_of([&] { check_new(consumer, row.name_taken, row.id_taken); }), row.field);
    }
}

TEST(RulesOfTheCatalog, AnUpdatedPoolExistsAndKeepsItsNameToItself) {
    const ProxyPool pool{.name = "eu"};
    EXPECT_THROW(check_update(pool, false, std::nullopt), PoolNotFoundError);
    EXPECT_NO_THROW(check_update(pool, true, std::nullopt));
    EXPECT_NO_THROW(check_update(pool, true, pool.id));
    EXPECT_EQ(conflict_of([&] { check_update(pool, true, PoolId::make()); }), "name");
}

TEST(RulesOfTheCatalog, AProxyNeedsAPoolBeforeItsIdentityCounts) {
    const Proxy proxy;
    const ProxyId other = ProxyId::make();
    EXPECT_NO_THROW(check_new(proxy, true, std::nullopt));
    EXPECT_THROW(check_new(proxy, false, other), PoolNotFoundError);
    EXPECT_EQ(conflict_of([&] { check_new(proxy, true, other); }), "proxy");
    EXPECT_EQ(conflict_of([&] { check_new(proxy, true, proxy.id); }), "id");
    EXPECT_NO_THROW(check_update(proxy, true, true, std::nullopt));
    EXPECT_NO_THROW(check_update(proxy, true, true, proxy.id));
    EXPECT_EQ(conflict_of([&] { check_update(proxy, true, true, other); }), "proxy");
    EXPECT_THROW(check_update(proxy, true, false, other), PoolNotFoundError);
    EXPECT_THROW(check_update(proxy, false, false, other), ProxyNotFoundError);
}

TEST(RulesOfTheCatalog, ADuplicateIsNamedWithoutItsPassword) {
    Proxy proxy;
    proxy.host = "proxy.example";
    proxy.credentials = ProxyCredentials{.user = "user", .password = "geheim"};
    EXPECT_EQ(conflict_of([&] { refuse_duplicate(proxy, proxy.id); }), "id");
    EXPECT_EQ(conflict_of([&] { refuse_duplicate(proxy, ProxyId::make()); }), "proxy");
    try {
        refuse_duplicate(proxy, ProxyId::make());
    } catch (const ConflictError& error) {
        EXPECT_EQ(std::string(error.what()).find("geheim"), std::string::npos);
    }
    EXPECT_EQ(conflict_of([] { refuse_active_leases("pool", "eu"); }), "pool");
}

TEST(RulesOfTheCatalog, ARowBeyondTheLimitTellsOfMore) {
    const auto names = [](std::size_t count, std::size_t limit) {
        std::vector<Consumer> rows;
        for (std::size_t i = 0; i < count; ++i) rows.push_back({.name = "c" + std::to_string(i)});
        return page_by_name(std::move(rows), limit);
    };
    EXPECT_TRUE(names(0, 2).items.empty());
    EXPECT_EQ(names(2, 2).items.size(), 2U);
    EXPECT_EQ(names(2, 2).next, "");
    EXPECT_EQ(names(3, 2).items.size(), 2U);
    EXPECT_EQ(names(3, 2).next, "c1");
    const Lease first;
    const Page<Lease> page = page_by_id(std::vector{first, Lease{}}, 1);
    EXPECT_EQ(page.next, first.id.to_string());
}

TEST(RulesOfHealth, AResultIsTakenOverUnlessItIsOlderThanTheLast) {
    constexpr Timestamp start{std::chrono::microseconds(1'700'000'000'000'000)};
    struct Row {
        const char* name;
        ProxyStatus before;
        HealthCheckResult result;
        std::optional<Timestamp> last;
        bool applied;
        ProxyStatus after;
        std::optional<double> latency;
    };
    using enum ProxyStatus;
    const auto result = [&](ProxyStatus status, std::optional<double> latency) {
        return HealthCheckResult{.status = status, .latency_ms = latency, .checked_at = start};
    };
    for (const Row& row : std::vector<Row>{
             {"the first", inactive, result(active, 20.0), {}, true, active, 20.0},
             {"at the same time", inactive, result(slow, 20.0), start, true, slow, 20.0},
             {"older", active, result(inactive, 20.0), start + 1us, false, active, 5.0},
             {"banned stays", banned, result(active, 20.0), {}, true, banned, 20.0},
             {"unreachable keeps the latency", active, result(inactive, 20.0), {}, true, inactive, 5.0},
             {"not measured", inactive, result(active, {}), start - 1us, true, active, 5.0},
         }) {
        Proxy proxy{.status = row.before, .latency_ms = 5.0};
        const Timestamp checked_before = proxy.checked_at;
        EXPECT_EQ(apply_health(proxy, row.result, row.last), row.applied) << row.name;
        EXPECT_EQ(proxy.status, row.after) << row.name;
        EXPECT_EQ(proxy.latency_ms, row.latency) << row.name;
        EXPECT_EQ(proxy.checked_at, row.applied ? start : checked_before) << row.name;
    }
}

}  // namespace
