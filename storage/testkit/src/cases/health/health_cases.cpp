// The health log.
#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// The latest time that every store takes as past.
Timestamp lately(Context& context) {
    return context.has_test_clock() ? context.clock().now()
                                    : std::chrono::floor<std::chrono::milliseconds>(current_time()) - 1min;
}

HealthCheckResult checked(Context& context, const Proxy& proxy, ProxyStatus status,
                          std::optional<double> latency_ms = 12.5) {
    return {.proxy_id = proxy.id,
            .status = status,
            .latency_ms = latency_ms,
            .protocol = ProxyProtocol::http,
            .attempts = 2,
            .status_code = 200,
            .checked_at = lately(context)};
}

void check_is_taken_over(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool(), [](Proxy& it) {
        it.country = "AR";
        it.latency_ms = 400;
        it.max_concurrency = 2;
    });
    context.lease(proxy);
    for (const auto& [status, latency] :
         {std::pair<ProxyStatus, std::optional<double>>{ProxyStatus::slow, 2'500.5},
          {ProxyStatus::active, 12.5},
          {ProxyStatus::active, std::nullopt},
          {ProxyStatus::inactive, 9'000},
          {ProxyStatus::slow, 3'000}}) {
        const auto before = context.catalog().get_proxy(proxy.id).value();
        const auto result = checked(context, proxy, status, latency);
        auto wanted = before;
        wanted.status = status;
        wanted.checked_at = result.checked_at;
        if (status != ProxyStatus::inactive && latency) {
            wanted.latency_ms = latency;  // an unreachable proxy's latency says nothing
        }
        EXPECT_EQ(context.health().apply_health_check_result(result), wanted);
        EXPECT_EQ(context.catalog().get_proxy(proxy.id), wanted) << "and it is stored";
        EXPECT_EQ(wanted.current_leases, 1) << "a check ends no lease";
        EXPECT_EQ(context.find("pool").has_value(), status == ProxyStatus::active);
    }
}

void checks_keep_the_use_sequence(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 2);
    for (const auto& proxy : proxies) {
        EXPECT_TRUE(context.release(context.lease(proxy).lease()));
    }
    context.health().apply_health_check_result(checked(context, proxies[0], ProxyStatus::active));
    EXPECT_EQ(context.find("pool", {}, Selector::round_robin).value().id, proxies[0].id)
        << "a check is no use: round_robin goes on with the proxy whose last use is the oldest";
}

void old_check_changes_nothing(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto newest = checked(context, proxy, ProxyStatus::active, 10);
    ASSERT_TRUE(context.health().apply_health_check_result(newest));
    const auto stored = context.catalog().get_proxy(proxy.id);
    auto older = checked(context, proxy, ProxyStatus::inactive, 99);
    older.checked_at = newest.checked_at - 1ms;
    EXPECT_EQ(context.health().apply_health_check_result(older), stored);
    EXPECT_EQ(context.catalog().get_proxy(proxy.id), stored);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), newest);
    auto equal = checked(context, proxy, ProxyStatus::slow, 20);
    equal.checked_at = newest.checked_at;
    EXPECT_EQ(context.health().apply_health_check_result(equal).value().status, ProxyStatus::slow)
        << "a result with the same time is not older";
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), equal);
    const auto never_checked =
        context.add_proxy({.id = proxy.pool_id}, [&](Proxy& it) { it.checked_at = newest.checked_at + 24h; });
    const auto first = checked(context, never_checked, ProxyStatus::slow);
    EXPECT_EQ(context.health().apply_health_check_result(first).value().checked_at, first.checked_at)
        << "a first result counts, whatever checked_at the proxy was stored with";
}

void check_from_the_future_counts_as_now(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    auto future = checked(context, proxy, ProxyStatus::slow);
    future.checked_at = context.clock().now() + 1h;
    EXPECT_EQ(context.health().apply_health_check_result(future).value().checked_at, context.clock().now());
    auto wanted = future;
    wanted.checked_at = context.clock().now();
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), wanted);
    context.clock().advance(1s);
    const auto next = checked(context, proxy, ProxyStatus::active);
    EXPECT_EQ(context.health().apply_health_check_result(next).value().status, ProxyStatus::active)
        << "a result with a future time does not block later results";
}

void banned_stays_banned(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.status = ProxyStatus::banned; });
    const auto result = checked(context, proxy, ProxyStatus::active, 5);
    const auto after = context.health().apply_health_check_result(result);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->status, ProxyStatus::banned);
    EXPECT_EQ(after->checked_at, result.checked_at);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), result);
    EXPECT_FALSE(context.find("pool"));
    // A check may set the status banned, which later checks do not change.
    const auto other = context.add_proxy({.id = proxy.pool_id});
    EXPECT_EQ(
        context.health().apply_health_check_result(checked(context, other, ProxyStatus::banned))->status,
        ProxyStatus::banned);
    EXPECT_EQ(
        context.health().apply_health_check_result(checked(context, other, ProxyStatus::active))->status,
        ProxyStatus::banned);
}

void unknown_proxy_has_no_health(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), std::nullopt) << "never checked";
    EXPECT_TRUE(context.health().list_health_records({.proxy_id = proxy.id}).empty());
    const Proxy stranger{.id = ProxyId::make()};
    EXPECT_EQ(context.health().apply_health_check_result(checked(context, stranger, ProxyStatus::active)),
              std::nullopt);
    EXPECT_EQ(context.health().get_last_health_result(stranger.id), std::nullopt);
    EXPECT_TRUE(context.health().list_health_records({.proxy_id = stranger.id}).empty());
    EXPECT_TRUE(
        thrown<ProxyNotFoundError>([&] { context.health().save_health_record({.proxy_id = stranger.id}); }));
}

void last_result_comes_back_whole(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    const auto other = context.add_proxy(pool);
    const HealthCheckResult failed{.proxy_id = proxy.id,
                                   .status = ProxyStatus::inactive,
                                   .protocol = ProxyProtocol::socks5,
                                   .attempts = 3,
                                   .checked_at = lately(context),
                                   .failure = HealthFailure::proxy_auth,
                                   .error_message = "407 \xe2\x80\x94 no" + std::string(4'000, 'x')};
    context.health().apply_health_check_result(failed);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), failed);
    const auto fine = checked(context, proxy, ProxyStatus::active, 0.125);
    context.health().apply_health_check_result(fine);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), fine)
        << "fields that are absent in the new result are absent";
    auto changed = context.catalog().get_proxy(proxy.id).value();
    changed.city = "Lima";
    context.catalog().update_proxy(changed);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), fine) << "after an update of its proxy";
    changed.pool_id = context.add_pool("another").id;
    context.catalog().update_proxy(changed);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), fine)
        << "after its proxy moved to another pool";
    EXPECT_EQ(context.health().get_last_health_result(other.id), std::nullopt);
    context.catalog().remove_proxy(proxy.id, true);
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), std::nullopt)
        << "the last result is deleted with its proxy";
}

ProxyHealthRecord record_of(Context& context, const Proxy& proxy, Duration age) {
    return {.proxy_id = proxy.id, .checked_at = lately(context) - age, .reachable = true, .latency_ms = 7.25};
}

void records_come_newest_first(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    const auto other = context.add_proxy(pool);
    auto oldest = record_of(context, proxy, 30s);
    oldest.reachable = false;
    oldest.latency_ms = std::nullopt;
    oldest.protocol = ProxyProtocol::https;
    oldest.status_before = ProxyStatus::active;
    oldest.status_after = ProxyStatus::inactive;
    oldest.failure = HealthFailure::timeout;
    oldest.error = "late" + std::string(4'000, 'x');
    const auto newest = record_of(context, proxy, 10s);
    const auto middle = record_of(context, proxy, 20s);
    const auto elsewhere = record_of(context, other, 15s);
    for (const auto& record : {middle, oldest, elsewhere, newest}) {
        context.health().save_health_record(record);
    }
    const auto list = [&](std::size_t limit) {
        return context.health().list_health_records({.proxy_id = proxy.id, .limit = limit});
    };
    EXPECT_EQ(list(100), (std::vector{newest, middle, oldest}));
    EXPECT_EQ(list(3), (std::vector{newest, middle, oldest}));
    EXPECT_EQ(list(2), (std::vector{newest, middle}));
    EXPECT_EQ(list(1), std::vector{newest});
    EXPECT_EQ(context.health().list_health_records({.proxy_id = other.id}), std::vector{elsewhere});
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), std::nullopt)
        << "saving a record does not set the last result";
    EXPECT_EQ(context.catalog().get_proxy(proxy.id), proxy);
    // The id is taken, also by another proxy's record.
    for (auto twin : {newest, elsewhere}) {
        twin.proxy_id = proxy.id;
        EXPECT_TRUE(thrown<ConflictError>([&] { context.health().save_health_record(twin); }));
    }
    EXPECT_EQ(list(100).size(), 3U);
    context.catalog().remove_proxy(proxy.id, false);
    EXPECT_TRUE(list(100).empty());
    context.add_proxy(pool, [&](Proxy& it) { it.id = proxy.id; });
    EXPECT_TRUE(list(100).empty()) << "records are deleted with their proxy, not hidden";
    context.health().save_health_record(newest);
    EXPECT_EQ(list(100), std::vector{newest}) << "the id of a deleted record can be used again";
}

void records_are_bounded(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto most = *context.properties().health_records;
    const auto surplus = std::size_t{5};
    for (std::size_t i = 0; i < most + surplus; ++i) {
        context.health().save_health_record(record_of(context, proxy, Duration(most + surplus - i)));
    }
    const auto kept = context.health().list_health_records({.proxy_id = proxy.id, .limit = 10'000});
    ASSERT_EQ(kept.size(), most);
    EXPECT_EQ(kept.front().checked_at, lately(context) - 1ms) << "the newest stay";
}

void old_records_are_forgotten(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto retention = *context.properties().health_retention;
    const auto older = record_of(context, proxy, 10s);
    const auto newer = record_of(context, proxy, 1s);
    context.health().save_health_record(older);
    context.health().save_health_record(newer);
    const auto kept = [&] { return context.health().list_health_records({.proxy_id = proxy.id}); };
    context.clock().advance(retention - 10s - 1ms);
    EXPECT_EQ(kept(), (std::vector{newer, older}));
    context.clock().advance(1ms);
    EXPECT_EQ(kept(), std::vector{newer});
    context.clock().advance(9s);
    EXPECT_TRUE(kept().empty());
}

void invalid_health_is_refused(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto refused = [&](const char* field, const auto& edit) {
        auto result = checked(context, proxy, ProxyStatus::active);
        edit(result);
        expect_refused<ValidationError>(field, [&] { context.health().apply_health_check_result(result); });
    };
    refused("attempts", [](HealthCheckResult& it) { it.attempts = 0; });
    refused("status_code", [](HealthCheckResult& it) { it.status_code = 600; });
    refused("latency_ms", [](HealthCheckResult& it) { it.latency_ms = -1; });
    refused("proxy_id", [](HealthCheckResult& it) { it.proxy_id = ProxyId(); });
    refused("error_message", [](HealthCheckResult& it) { it.error_message = std::string(100'000, 'x'); });
    auto record = record_of(context, proxy, 0s);
    record.latency_ms = -1;
    expect_refused<ValidationError>("latency_ms", [&] { context.health().save_health_record(record); });
    for (const std::size_t limit : {std::size_t{0}, std::size_t{10'001}}) {
        expect_refused<ValidationError>(
            "limit", [&] { context.health().list_health_records({.proxy_id = proxy.id, .limit = limit}); });
    }
    EXPECT_EQ(context.catalog().get_proxy(proxy.id), proxy);
    EXPECT_TRUE(context.health().list_health_records({.proxy_id = proxy.id}).empty());
}

void health_is_there_after_reopening(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto result = checked(context, proxy, ProxyStatus::slow);
    context.health().apply_health_check_result(result);
    const auto record = record_of(context, proxy, 1s);
    context.health().save_health_record(record);
    context.reopen();
    EXPECT_EQ(context.health().get_last_health_result(proxy.id), result);
    EXPECT_EQ(context.health().list_health_records({.proxy_id = proxy.id}), std::vector{record});
    EXPECT_EQ(context.catalog().get_proxy(proxy.id).value().status, ProxyStatus::slow);
}

}  // namespace

std::vector<Case> health_cases() {
    constexpr Needs both{.catalog = true, .health_log = true};
    return {
        {"check_is_taken_over", {"H-01"}, both, check_is_taken_over},
        {"checks_keep_the_use_sequence",
         {"H-01", "S-09"},
         {.catalog = true, .health_log = true, .exact_rotation = true},
         checks_keep_the_use_sequence},
        {"old_check_changes_nothing", {"H-02"}, both, old_check_changes_nothing},
        {"check_from_the_future_counts_as_now",
         {"H-03"},
         {.catalog = true, .health_log = true, .test_clock = true},
         check_from_the_future_counts_as_now},
        {"banned_stays_banned", {"H-04"}, both, banned_stays_banned},
        {"unknown_proxy_has_no_health", {"H-05"}, {.health_log = true}, unknown_proxy_has_no_health},
        {"last_result_comes_back_whole", {"H-06"}, both, last_result_comes_back_whole},
        {"records_come_newest_first", {"H-07", "H-06"}, both, records_come_newest_first},
        {"records_are_bounded", {"H-08"}, {.health_log = true, .health_records = true}, records_are_bounded},
        {"old_records_are_forgotten",
         {"H-10"},
         {.health_log = true, .test_clock = true, .health_retention = true},
         old_records_are_forgotten},
        {"invalid_health_is_refused", {"H-09", "V-03"}, both, invalid_health_is_refused},
        {"health_is_there_after_reopening",
         {"D-01", "H-06"},
         {.catalog = true, .health_log = true, .durable = true},
         health_is_there_after_reopening},
    };
}

}  // namespace pharox::testkit
