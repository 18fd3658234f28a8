// try_acquire, acquire_many and create_lease.
#pragma once

#include <vector>

#include "availability_watch.hpp"
#include "expiry_collector.hpp"
#include "lease_batches.hpp"
#include "sort_keys.hpp"

namespace pharox::postgres {

/// Requests are normalised (rules::Normalised). Thread-safe.
class Acquirer {
  public:
    Acquirer(Database& database, ExpiryReports& reports, serverkit::AvailabilityWatch& watch,
             PickStatements& statements, ContentionSpreading& spreading, LeaseBatches& batches,
             SortKeyBackfill& sort_keys, ExpiryCollector& collector)
        : database_(database),
          reports_(reports),
          watch_(watch),
          statements_(statements),
          spreading_(spreading),
          batches_(batches),
          sort_keys_(sort_keys),
          collector_(collector) {}

    AcquireResult acquire(const AcquireRequest& request);
    /// In one round trip, as many as can be leased without waiting for another transaction: none with a
    /// predicate, and none if a lease id or the consumer is refused. The caller asks for the others one by
    /// one. `each` is the normalised request.each.
    AcquireManyResult acquire_batch(const AcquireManyRequest& request, const AcquireRequest& each);
    LeasedProxy create_lease(const CreateLeaseRequest& request);

  private:
    /// Why an attempt found nothing.
    struct MissDiagnosis {
        std::optional<PoolId> pool{};  ///< nothing: unknown
        int complete_keys = 0;
        bool lease_known = false;
        bool expired_matches = false;  ///< a lease on a matching proxy is expired and not collected
        bool any_expired = false;      ///< a lease of the pool is
        bool active = false;           ///< an active matching proxy is available
        bool slow = false;
        bool full = false;
        bool weightless = false;  ///< one is available and never picked
    };
    MissDiagnosis diagnose_miss(const PreparedAcquire& acquire, bool look_for_full);

    /// One statement: a lease, or nothing if it found no row.
    std::optional<AcquireResult> attempt(PreparedAcquire& acquire, Pick pick, const Parameters& parameters);
    /// Among the proxies that no other transaction has locked. Without `despite_expired`, nothing while the
    /// pool has expired leases that are not collected: they still count in the sort keys.
    std::optional<AcquireResult> attempt_unlocked(PreparedAcquire& acquire, bool despite_expired);
    /// In a batch with others, or from this thread's offset on; then among all.
    std::optional<AcquireResult> attempt_spread(PreparedAcquire& acquire);
    std::optional<AcquireResult> attempt_waiting(PreparedAcquire& acquire, ProxyStatus status);
    /// Nothing if other calls leased the accepted candidates meanwhile.
    std::optional<AcquireResult> attempt_by_predicate(PreparedAcquire& acquire, PoolId pool);
    AcquireResult acquire_or_diagnose(PreparedAcquire& acquire, Expired& expired);

    /// The answer to a lease id that was used before; nothing if that use is forgotten. `pool` for an
    /// acquire, `proxy` for a create_lease, which throws LeaseEndedError.
    std::optional<AcquireResult> replay(const Operation& operation, LeaseId id, const std::string& consumer,
                                        std::int64_t call, const std::optional<std::string>& pool,
                                        std::optional<ProxyId> proxy);
    std::optional<AcquireResult> replay(const PreparedAcquire& acquire);
    std::vector<LeasedProxy> leased_by(const PreparedAcquire& acquire, const std::vector<LeaseId>& ids);

    Database& database_;
    ExpiryReports& reports_;
    serverkit::AvailabilityWatch& watch_;
    PickStatements& statements_;
    ContentionSpreading& spreading_;
    LeaseBatches& batches_;
    SortKeyBackfill& sort_keys_;
    ExpiryCollector& collector_;
};

}  // namespace pharox::postgres
