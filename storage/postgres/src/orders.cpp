// What the index of an order goes by is kept from when a pool is first asked for that order.
#include "orders.hpp"

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "catalog_queries.hpp"
#include "leasing.hpp"

namespace pharox::postgres {

namespace {

constexpr std::int64_t kept_at_once = 5'000;
constexpr std::chrono::milliseconds while_others_fill(10);

struct Step {
    std::int16_t order;
    const char* column;
    const char* keep;
};
constexpr std::array<Step, 5> steps = {
    {{.order = order::turn, .column = "use_sequence_key", .keep = query::keep_use_sequence},
     {.order = order::load, .column = "lease_count_key", .keep = query::keep_lease_count},
     {.order = order::latency, .column = "latency_key", .keep = query::keep_latency},
     {.order = order::random, .column = "random_key", .keep = query::keep_random},
     {.order = order::weighted, .column = "weighted_key", .keep = query::keep_weighted}}};

}  // namespace

void Leasing::prepare_orders(const Operation& operation, PoolId pool, int orders) {
    const auto run = [&](const std::string& sql, const Parameters& parameters) {
        return database_.run(operation, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.in_schema(sql), parameters, Plan::once);
        });
    };
    // Whoever fills it may have died, or hangs: how long nothing may happen.
    const auto patience = database_.options().statement_timeout;
    auto give_up = std::chrono::steady_clock::now() + patience;
    std::string reached;
    for (;;) {
        const Rows state = run(query::orders_of_pool, Parameters().add(pool));
        if (state.size() == 0) return;
        const auto complete = static_cast<int>(state.integer(0, 1));
        const int begun = static_cast<int>(state.integer(0, 0)) & ~complete;
        const int missing = orders & ~complete;
        if (missing == 0) return;
        const auto now = std::chrono::steady_clock::now();
        if (std::string seen(state.text(0, 2)); seen != reached) {
            reached = std::move(seen);
            give_up = now + patience;
        }
        if (now >= give_up) fail(operation, "another client holds the pool while it fills its order", true);
        for (const Step& step : steps) {
            if (begun == 0 && (missing & step.order) != 0) {
                // It waits for whoever is adding proxies: with one connection, not with all of them.
                const std::unique_lock alone(beginning_order_, std::try_to_lock);
                if (alone) {
                    run(query::begin_order, Parameters().add(pool).add(step.order));
                } else {
                    std::this_thread::sleep_for(while_others_fill);
                }
                break;
            }
            if ((begun & step.order) != 0) {
                const Rows done = run(query::order_more + std::string(step.column) + query::order_more_keep +
                                          step.column + " = " + step.keep + query::order_more_end,
                                      Parameters().add(pool).add(step.order).add(kept_at_once));
                // One fills it; whoever else wants it waits without holding a connection.
                if (done.changed() == 0) std::this_thread::sleep_for(while_others_fill);
            }
        }
    }
}

}  // namespace pharox::postgres
