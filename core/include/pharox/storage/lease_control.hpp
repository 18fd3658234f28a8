// A capability: what can be done with a lease beyond ending it.
#pragma once

#include <optional>
#include <string>

#include "pharox/model/lease.hpp"

namespace pharox {

struct RenewRequest {
    LeaseId lease_id{};
    Duration duration = std::chrono::seconds(300);
    std::string pool{};  ///< the lease's pool, where known
};
struct RenewResult {
    bool renewed = false;          ///< false: the lease has ended, or is not known
    std::optional<Lease> lease{};  ///< as it now reads
};

struct GetLeaseRequest {
    LeaseId lease_id{};
    std::string pool{};  ///< the lease's pool, where known
};

class ILeaseControl {
  public:
    virtual ~ILeaseControl() = default;

    /// expires_at becomes the later of what it was and the store's now + duration. Throws InvalidLeaseError.
    virtual RenewResult renew_lease(const RenewRequest& request) = 0;
    /// As it now reads, or nothing where the store has no record of it.
    virtual std::optional<Lease> get_lease(const GetLeaseRequest& request) = 0;
};

}  // namespace pharox
