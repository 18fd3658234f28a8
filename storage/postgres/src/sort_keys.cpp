#include "sort_keys.hpp"

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace pharox::postgres {

namespace {

constexpr std::int64_t batch = 5'000;
constexpr std::chrono::milliseconds pause(10);

struct Key {
    std::int16_t bit;
    StatementId backfill;
};
constexpr std::array<Key, 5> all_keys = {
    {{.bit = sort_key::use_sequence, .backfill = sql::backfill_use_sequence_key},
     {.bit = sort_key::lease_count, .backfill = sql::backfill_lease_count_key},
     {.bit = sort_key::latency, .backfill = sql::backfill_latency_key},
     {.bit = sort_key::random, .backfill = sql::backfill_random_key},
     {.bit = sort_key::weighted, .backfill = sql::backfill_weighted_key}}};

}  // namespace

void SortKeyBackfill::complete(const Operation& operation, PoolId pool, int keys) {
    const auto run = [&](StatementId statement, const Parameters& parameters) {
        return database_.run(operation, Repeat::always, [&](Connection& connection) {
            return execute_until_deadline(
                connection, operation,
                {.sql = &database_.text(statement), .parameters = parameters, .plan = Plan::once});
        });
    };
    // Another client that does it may have died, or hang: how long it may make no progress.
    const auto patience = database_.options().statement_timeout;
    auto give_up = std::chrono::steady_clock::now() + patience;
    std::string reached;
    for (;;) {
        const Rows state = run(sql::sort_key_state, Parameters().add(pool));
        if (state.size() == 0) return;
        const auto complete = static_cast<int>(state.integer(0, 1));
        const int started = static_cast<int>(state.integer(0, 0)) & ~complete;
        const int missing = keys & ~complete;
        if (missing == 0) return;
        const auto now = std::chrono::steady_clock::now();
        if (std::string seen(state.text(0, 2)); seen != reached) {
            reached = std::move(seen);
            give_up = now + patience;
        }
        if (now >= give_up)
            fail(operation, "another client locks the pool while its sort keys are filled in", true);
        if (operation.is_overdue())
            fail(operation, "the sort keys of the pool are still being filled in", true);
        for (const Key& key : all_keys) {
            if (started == 0 && (missing & key.bit) != 0) {
                // Waits for transactions that add proxies: on one connection, not on all of them.
                const std::unique_lock alone(starting_, std::try_to_lock);
                if (alone) {
                    run(sql::maintain_sort_key, Parameters().add(pool).add(key.bit));
                } else {
                    std::this_thread::sleep_for(pause);
                }
                break;
            }
            if ((started & key.bit) != 0) {
                const Rows done = run(key.backfill, Parameters().add(pool).add(key.bit).add(batch));
                // One client fills in; the others wait without holding a connection.
                if (done.changed() == 0) std::this_thread::sleep_for(pause);
            }
        }
    }
}

}  // namespace pharox::postgres
