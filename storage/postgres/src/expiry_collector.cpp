#include "expiry_collector.hpp"

#include <algorithm>
#include <utility>

#include "maintenance.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

namespace {

constexpr std::int64_t collected_at_once = 500;
constexpr int most_empty_batches = 100;
constexpr std::int64_t pruned_at_once = 2'000;
constexpr std::chrono::seconds between_collections(1);
constexpr std::size_t ended_between_prunings = 1'000;
constexpr std::chrono::minutes between_checks(1);

}  // namespace

CleanupResult ExpiryCollector::cleanup(const CleanupRequest& request) {
    const Operation operation{.name = "cleanup_expired_leases"};
    Expired expired(reports_);
    expired.add(collect(operation, true));
    while (prune_batch()) {
    }
    check_open_transactions_sometimes();
    CleanupResult result{.leases = expired.take()};
    result.count = static_cast<std::int64_t>(result.leases.size());
    if (!request.collect) result.leases.clear();
    // Among them are those that earlier calls ended and could not report.
    std::ranges::sort(result.leases, [](const Lease& left, const Lease& right) {
        return std::pair(left.expires_at, left.id) < std::pair(right.expires_at, right.id);
    });
    return result;
}

bool ExpiryCollector::collect_batch(const Operation& operation, bool wait, std::vector<Lease>& ended) {
    return database_.run(operation, Repeat::always, [&](Connection& connection) {
        const std::string& statement =
            wait ? database_.text(sql::collect_expired) : database_.text(sql::collect_expired_unlocked);
        const Rows rows = execute_until_deadline(
            connection, operation, {.sql = &statement, .parameters = Parameters().add(collected_at_once)});
        for (int row = 0; row < rows.size(); ++row) ended.push_back(read_lease(rows, row, 0));
        if (rows.size() == collected_at_once) return true;
        if (!wait) return false;
        // Another call may have ended a part of the batch, or all of it, while this one waited.
        return connection.execute(database_.text(sql::any_expired)).flag(0, 0);
    });
}

std::vector<Lease> ExpiryCollector::collect(const Operation& operation, bool wait) {
    std::vector<Lease> ended;
    // Batches in a row that other calls have ended. A lease whose proxy is missing, by damage, stays.
    int empty = 0;
    std::size_t before = 0;
    const auto wake_waiters = [&] {
        for (const Lease& lease : ended) on_available_(lease.pool_name);
    };
    try {
        while (collect_batch(operation, wait, ended) && empty < most_empty_batches) {
            empty = ended.size() == before ? empty + 1 : 0;
            before = ended.size();
        }
    } catch (...) {
        wake_waiters();
        reports_.put(std::move(ended));  // of the batches before
        throw;
    }
    wake_waiters();
    prune_after(ended.size());
    return ended;
}

void ExpiryCollector::collect_sometimes(const Operation& operation, Expired& expired) {
    const auto now = std::chrono::steady_clock::now();
    SteadyTime planned = next_collection_.load(std::memory_order_relaxed);
    if (now < planned || !next_collection_.compare_exchange_strong(planned, now + between_collections))
        return;
    std::vector<Lease> ended;
    try {
        if (collect_batch({.name = operation.name}, false, ended))
            next_collection_ = now;  // by the next grant
    } catch (const StorageError& error) {
        database_.warn(error.what());
    }
    if (ended.empty()) return;
    for (const Lease& lease : ended) on_available_(lease.pool_name);
    const std::size_t count = ended.size();
    expired.add(std::move(ended));
    prune_after(count);
}

void ExpiryCollector::prune_after(std::size_t ended) {
    // One batch for the first lease that ends, and then for every so many.
    const auto batches_until = [](std::size_t count) {
        return (count + ended_between_prunings - 1) / ended_between_prunings;
    };
    const std::size_t before = ended_.fetch_add(ended, std::memory_order_relaxed);
    std::size_t batches = batches_until(before + ended) - batches_until(before);
    if (batches == 0) return;
    while (batches > 0 && prune_batch()) --batches;
    check_open_transactions_sometimes();
}

bool ExpiryCollector::prune_batch() {
    try {
        const std::int64_t pruned =
            database_.run({.name = "prune"}, Repeat::always, [&](Connection& connection) {
                return connection
                    .execute(database_.text(sql::prune_leases),
                             Parameters()
                                 .add(std::int64_t{database_.options().retention.count()})
                                 .add(pruned_at_once))
                    .changed();
            });
        return pruned == pruned_at_once;
    } catch (const StorageError& error) {
        database_.warn(error.what());
        return false;
    }
}

void ExpiryCollector::check_open_transactions_sometimes() {
    try {
        const auto now = std::chrono::steady_clock::now();
        SteadyTime planned = next_check_.load();
        if (now >= planned && next_check_.compare_exchange_strong(planned, now + between_checks)) {
            warn_of_hazards(database_);
        }
    } catch (const StorageError& error) {
        database_.warn(error.what());
    }
}

}  // namespace pharox::postgres
