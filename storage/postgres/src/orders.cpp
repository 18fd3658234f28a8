// round_robin and least_used: what their indexes hold is copied when a pool is first asked for that order.
#include "leasing.hpp"
#include "queries.hpp"

namespace pharox::postgres {

namespace {

constexpr std::int64_t copied_at_once = 5'000;

/// From one state of pool.orders to the next but one, by way of the one between.
struct Step {
    std::int16_t from;
    const char* copy;
};
constexpr Step turns{.from = 0, .copy = query::copy_turn};
constexpr Step loads{.from = 2, .copy = query::copy_load};

}  // namespace

void Leasing::prepare_order(const Operation& operation, PoolId pool, int orders) {
    const auto run = [&](const std::string& sql, const Parameters& parameters) {
        return database_.run(operation, Repeat::always, [&](Connection& connection) {
            return connection.execute(database_.in_schema(sql), parameters, Plan::once);
        });
    };
    for (const Step& step : {turns, loads}) {
        const auto copying = static_cast<std::int16_t>(step.from + 1);
        const auto ready = static_cast<std::int16_t>(step.from + 2);
        if (step.from >= orders) return;
        const std::string more = query::order_more + std::string(step.copy) + query::order_more_end;
        for (;;) {
            const Rows state = run(query::orders_of_pool, Parameters().add(pool));
            if (state.size() == 0 || state.integer(0, 0) >= ready) break;
            if (state.integer(0, 0) == step.from) {
                run(query::begin_order, Parameters().add(pool).add(step.from).add(copying));
            } else {
                run(more, Parameters().add(pool).add(copying).add(ready).add(copied_at_once));
            }
        }
    }
}

}  // namespace pharox::postgres
