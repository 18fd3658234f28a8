#include "pharox/model/lease.hpp"

namespace pharox {

Lease as_of(Lease lease, Timestamp now) {
    if (lease.status == LeaseStatus::active && lease.expires_at <= now) {
        lease.status = LeaseStatus::released;
        lease.released_at = lease.expires_at;
        lease.release_reason = ReleaseReason::expired;
    }
    return lease;
}

}  // namespace pharox
