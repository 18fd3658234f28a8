// A capability: what can be done with a lease beyond ending it.
#pragma once

#include <optional>
#include <string>

#include "pharox/model/lease.hpp"
#include "pharox/storage/page.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct RenewRequest {
    LeaseId lease_id{};
    Duration duration = std::chrono::seconds(300);
    std::string pool{};  ///< the lease's pool, where known
};
struct RenewResult {
    bool renewed = false;          ///< false: the lease has ended, or is not known
    std::optional<Lease> lease{};  ///< as it now reads
};

struct RevokeRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, where known
};

struct GetLeaseRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, where known
};

/// All that is set must hold.
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

    /// expires_at becomes the later of what it was and the store's now + duration, but never later than
    /// tenure_ends_at; a lease that has reached that is not renewed. Throws InvalidLeaseError.
    virtual RenewResult renew_lease(const RenewRequest& request) = 0;
    /// Ends somebody else's lease: as release_lease, with the reason revoked.
    virtual ReleaseResult revoke_lease(const RevokeRequest& request) = 0;
    /// As it now reads, or nothing where the store has no record of it.
    virtual std::optional<Lease> get_lease(const GetLeaseRequest& request) = 0;
    /// As they now read, by id; ended ones for as long as the store remembers them.
    virtual Page<Lease> list_leases(const ListLeasesRequest& request) = 0;
};

/// Throws ValidationError.
void validate(const ListLeasesRequest& request);

}  // namespace pharox
