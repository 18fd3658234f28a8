// A capability: renewing, revoking and querying leases.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pharox/model/lease.hpp"
#include "pharox/storage/page.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct RenewRequest {
    LeaseId lease_id{};
    Duration duration = std::chrono::seconds(300);
    std::string pool{};  ///< the lease's pool, if known
};
struct RenewResult {
    bool renewed = false;          ///< false if the lease has ended, or is unknown
    std::optional<Lease> lease{};  ///< as it now reads
};

struct RevokeRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, if known
};

struct GetLeaseRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, if known
};

/// A lease must satisfy all conditions that are set.
struct ListLeasesRequest {
    std::string pool{};      ///< a pool's name at the time of the lease; empty: any
    std::string consumer{};  ///< a consumer's name; empty: any
    std::optional<ProxyId> proxy_id{};
    std::optional<LeaseStatus> status{};
    std::string after{};      ///< from Page::next
    std::size_t limit = 100;  ///< 1 to 10,000
};

class ILeaseControl {
  public:
    virtual ~ILeaseControl() = default;

    /// Sets expires_at to the later of its old value and the store's now + duration, but never beyond
    /// tenure_ends_at; a lease that has reached that is not renewed. Throws InvalidLeaseError.
    virtual RenewResult renew_lease(const RenewRequest& request) = 0;
    /// renew_lease for each request, with the results in the order of the requests. The default calls
    /// renew_lease for each; adapters renew all in one transaction. Renews nothing if a request is invalid;
    /// any of them may have been renewed if the store fails. Throws InvalidLeaseError.
    virtual std::vector<RenewResult> renew_many(const std::vector<RenewRequest>& requests);
    /// Ends the lease of another holder: as release_lease, with the reason revoked.
    virtual ReleaseResult revoke_lease(const RevokeRequest& request) = 0;
    /// The lease as it now reads, or nothing if the store has no record of it.
    virtual std::optional<Lease> get_lease(const GetLeaseRequest& request) = 0;
    /// The leases as they now read, by id; ended ones until their retention is over.
    virtual Page<Lease> list_leases(const ListLeasesRequest& request) = 0;
};

/// Throws ValidationError.
void validate(const ListLeasesRequest& request);

}  // namespace pharox
