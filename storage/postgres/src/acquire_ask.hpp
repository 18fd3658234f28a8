// What an acquire asks for, and what its statement answers.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "lease_queries.hpp"
#include "leasing.hpp"

namespace pharox::postgres {

inline constexpr int leased_proxy_column = 4;
/// Of query::some_leased.
inline constexpr int leased_number_column = leased_proxy_column + proxy_column_count;

/// A lease that begins now; the rest of it is given.
inline Lease new_lease(Lease lease, const Proxy& proxy, Timestamp now, Duration duration,
                       std::optional<Duration> tenure) {
    lease.proxy_id = proxy.id;
    lease.pool_id = proxy.pool_id;
    lease.acquired_at = now;
    lease.expires_at = now + duration;
    if (tenure) lease.tenure_ends_at = now + *tenure;
    return lease;
}

inline std::optional<std::int64_t> count_of(std::optional<Duration> duration) {
    return duration ? std::optional<std::int64_t>(duration->count()) : std::nullopt;
}

/// Somebody used this id before.
inline bool is_lease_id_taken(const ServerError& error) {
    return error.is("23505") && error.constraint == "lease_pkey";
}
/// There was a proxy, and nobody of that name to lease it to.
inline bool is_consumer_missing(const ServerError& error) {
    return error.is("23502") && error.column == "consumer_id";
}

/// An acquire with its defaults filled in.
struct Leasing::Ask {
    Ask(const AcquireRequest& asked, std::string_view name)
        : request(asked),
          consumer(asked.consumer.empty() ? std::string(default_consumer_name) : asked.consumer),
          lease_id(asked.lease_id.is_nil() ? LeaseId::make() : asked.lease_id),
          plan(asked.selector, asked.filters, asked.allow_slow),
          operation{.name = name, .lease = lease_id, .in_doubt = &in_doubt} {}
    Ask(const Ask&) = delete;
    Ask& operator=(const Ask&) = delete;
    ~Ask() = default;

    const AcquireRequest& request;
    std::string consumer;
    LeaseId lease_id;
    PickPlan plan;
    mutable bool in_doubt = false;
    Operation operation;
    mutable std::int64_t call = new_call_key();

    /// For query::acquire_parameters.
    [[nodiscard]] Parameters parameters(LeaseId id) const { return parameters(id, call); }
    /// `id` may be several.
    template <class IdOrIds>
    [[nodiscard]] Parameters parameters(const IdOrIds& id, std::int64_t key) const {
        Parameters parameters;
        parameters.add(request.pool)
            .add(consumer)
            .add(id)
            .add(std::int64_t{request.duration.count()})
            .add(count_of(request.max_tenure))
            .add(request.metadata)
            .add(key);
        return parameters;
    }
    /// A statement's own parameters with the filter's after them.
    [[nodiscard]] Parameters with_filter(Parameters own) const {
        plan.add_filter(own);
        return own;
    }
    /// Whether leases are due: of query::leased.
    static bool is_due(const Rows& rows) { return !rows.is_null(0, 3); }
    /// What query::leased answered.
    [[nodiscard]] LeasedProxy leased(const Rows& rows, LeaseId id, int row = 0) const {
        Proxy proxy = read_proxy(rows, row, leased_proxy_column);
        // One is ours, whatever was ended since the due ones were counted.
        if (is_due(rows))
            proxy.current_leases = std::max(1, proxy.current_leases - static_cast<int>(rows.integer(row, 3)));
        Lease lease = new_lease({.id = id,
                                 .consumer_id = rows.id<ConsumerId>(row, 2),
                                 .pool_name = request.pool,
                                 .fencing_token = rows.integer(row, 1),
                                 .metadata = request.metadata},
                                proxy, rows.time(row, 0), request.duration, request.max_tenure);
        return {std::move(proxy), std::move(lease)};
    }
    /// For the crowd: some questions share one.
    [[nodiscard]] std::size_t question() const {
        return 2 * std::hash<std::string>()(request.pool) + (request.filters.empty() ? 0 : 1);
    }
    /// Whether all but the lease ids is the same.
    [[nodiscard]] bool asks_the_same_as(const Ask& other) const {
        const AcquireRequest& theirs = other.request;
        return request.pool == theirs.pool && consumer == other.consumer &&
               request.selector == theirs.selector && request.duration == theirs.duration &&
               request.max_tenure == theirs.max_tenure && request.allow_slow == theirs.allow_slow &&
               request.filters == theirs.filters && request.metadata == theirs.metadata;
    }
};

}  // namespace pharox::postgres
