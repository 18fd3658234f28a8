// An acquire as its statements need it: the request, how it picks a proxy, its parameters and its answer.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "pharox/rules/leases.hpp"
#include "pharox/rules/requests.hpp"
#include "pick_plan.hpp"
#include "row_mapping.hpp"

namespace pharox::postgres {

/// Columns of the answers of acquire.sql.
inline constexpr int leased_proxy_column = 4;
inline constexpr int leased_number_column = leased_proxy_column + proxy_column_count;  ///< of acquire_batch

inline std::optional<std::int64_t> count_of(std::optional<Duration> duration) {
    return duration ? std::optional<std::int64_t>(duration->count()) : std::nullopt;
}

inline bool is_lease_id_taken(const ServerError& error) {
    return error.is("23505") && error.constraint == "lease_pkey";
}
/// A proxy was available, and the consumer is unknown.
inline bool is_consumer_missing(const ServerError& error) {
    return error.is("23502") && error.column == "consumer_id";
}

/// A `wait` includes the time to get a connection and to wait for locks.
inline SteadyTime deadline_of(const AcquireRequest& request) {
    return request.wait > Duration(0) ? std::chrono::steady_clock::now() + request.wait : SteadyTime::max();
}

/// Refers to the request, which is normalised.
struct PreparedAcquire {
    PreparedAcquire(const AcquireRequest& normalised, std::string_view name)
        : request(normalised),
          plan(normalised.selector, normalised.filters, normalised.allow_slow),
          operation{.name = name,
                    .lease = normalised.lease_id,
                    .in_doubt = &in_doubt,
                    .deadline = deadline_of(normalised)} {}
    PreparedAcquire(const PreparedAcquire&) = delete;
    PreparedAcquire& operator=(const PreparedAcquire&) = delete;
    ~PreparedAcquire() = default;

    const AcquireRequest& request;
    PickPlan plan;
    bool in_doubt = false;  ///< a statement that was sent may have been executed
    Operation operation;
    std::int64_t call = new_call_key();
    bool lock_timed_out = false;  ///< a statement found a proxy and could not lock it in time
    bool any_expired = false;     ///< a statement saw expired leases, of any pool, that are not collected

    /// $1 to $7 of acquire.sql. `ids` is a lease id or several.
    template <class IdOrIds>
    [[nodiscard]] Parameters parameters(const IdOrIds& ids, std::int64_t key) const {
        Parameters parameters;
        parameters.add(request.pool)
            .add(request.consumer)
            .add(ids)
            .add(std::int64_t{request.duration.count()})
            .add(count_of(request.max_tenure))
            .add(request.metadata)
            .add(key);
        return parameters;
    }
    [[nodiscard]] Parameters parameters() const { return parameters(request.lease_id, call); }
    /// A statement's own parameters with the filter's after them.
    [[nodiscard]] Parameters with_filter(Parameters own) const {
        plan.add_filter(own);
        return own;
    }
    static bool saw_expired(const Rows& rows, int row = 0) { return !rows.is_null(row, 3); }
    /// The answer of a statement of acquire.sql.
    [[nodiscard]] LeasedProxy leased(const Rows& rows, LeaseId id, int row = 0) const {
        Proxy proxy = read_proxy(rows, row, leased_proxy_column);
        // Without the expired leases. One lease is this one, whatever ended since they were counted.
        if (saw_expired(rows, row))
            proxy.current_leases = std::max(1, proxy.current_leases - static_cast<int>(rows.integer(row, 3)));
        Lease lease = rules::make_lease(request, {.proxy = proxy,
                                                  .consumer_id = rows.id<ConsumerId>(row, 2),
                                                  .pool_name = request.pool,
                                                  .fencing_token = rows.integer(row, 1),
                                                  .now = rows.time(row, 0)});
        lease.id = id;
        return {std::move(proxy), std::move(lease)};
    }
    /// Of what competes for the same proxies.
    [[nodiscard]] std::size_t pool_hash() const noexcept { return std::hash<std::string>()(request.pool); }
};

}  // namespace pharox::postgres
