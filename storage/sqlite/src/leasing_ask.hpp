// An acquire as it is carried out, and what a first look at the file tells about it.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "leasing.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

struct Opening {
    std::optional<PoolId> pool{};
    bool due = false;          ///< leases are, of whatever pool
    bool lease_known = false;  ///< the lease id is taken
    std::optional<ConsumerId> consumer{};
};

/// All that can be known before picking, in one query. A transaction that writes takes the state from it.
template <class Transaction>
Opening open_acquire(Transaction& transaction, LeaseId lease, std::string_view consumer,
                     std::string_view pool) {
    Statement row = transaction.prepare(sql::acquire_context);
    row.bind(transaction.clock()).bind(lease).bind(consumer).bind(pool).step();
    if constexpr (std::is_same_v<Transaction, WriteTransaction>) {
        transaction.set_state(row.time(0), row.integer(1), row.integer(2));
    }
    Opening opening{.due = row.integer(4) != 0, .lease_known = row.integer(5) != 0};
    if (!row.is_null(3)) opening.pool = row.id<PoolId>(3);
    if (!row.is_null(6)) opening.consumer = row.id<ConsumerId>(6);
    return opening;
}

/// An acquire with its defaults filled in.
struct Leasing::Ask {
    const AcquireRequest& request;
    std::string consumer;
    LeaseId lease_id;
    std::vector<PickPlan> plans;  ///< the first that has any serves
    Operation operation;

    [[nodiscard]] bool exact() const { return plans.front().filter.exact; }
    [[nodiscard]] Opening open(auto& transaction) const {
        return open_acquire(transaction, lease_id, consumer, request.pool);
    }
    [[nodiscard]] LeaseTerms terms(ConsumerId for_consumer) const {
        return {.id = lease_id,
                .consumer = for_consumer,
                .pool_name = request.pool,
                .duration = request.duration,
                .metadata = request.metadata,
                .max_tenure = request.max_tenure};
    }
};

}  // namespace pharox::sqlite
