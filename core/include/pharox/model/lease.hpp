// Leases: the right to use one proxy for a limited time.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace [[gnu::visibility("default")]] pharox {

enum class LeaseStatus : std::uint8_t { active, released };
/// Why a lease ended.
enum class ReleaseReason : std::uint8_t { released, expired, revoked };

std::string_view to_string(LeaseStatus status) noexcept;
std::string_view to_string(ReleaseReason reason) noexcept;
LeaseStatus parse_lease_status(std::string_view text, std::string_view field = "status");
ReleaseReason parse_release_reason(std::string_view text, std::string_view field = "release_reason");

/// A lease as the store recorded it. It is valid in [acquired_at, expires_at).
struct Lease {
    LeaseId id{};
    ProxyId proxy_id{};
    ConsumerId consumer_id{};
    PoolId pool_id{};
    std::string pool_name;  ///< at the time of the acquire
    LeaseStatus status = LeaseStatus::active;
    Timestamp acquired_at{};
    Timestamp expires_at{};
    std::optional<Timestamp> released_at{};
    std::optional<ReleaseReason> release_reason{};
    /// Strictly increasing per proxy: a resource can reject a token smaller than one that it has seen.
    std::int64_t fencing_token = 0;
    /// Renewals never move expires_at beyond this; absent means no limit.
    std::optional<Timestamp> tenure_ends_at{};
    Json metadata = Json::object();

    friend bool operator==(const Lease&, const Lease&) = default;
};

/// The lease as it reads at `now`: an expired lease reads released, reason expired, at its expires_at,
/// whether or not a store has collected it yet.
Lease as_of(Lease lease, Timestamp now);

/// A proxy and the lease on it. Both are immutable and shared, so copies are cheap.
class LeasedProxy {
  public:
    LeasedProxy(std::shared_ptr<const Proxy> proxy, std::shared_ptr<const Lease> lease)
        : proxy_(std::move(proxy)), lease_(std::move(lease)) {}
    LeasedProxy(Proxy proxy, Lease lease)
        : LeasedProxy(std::make_shared<const Proxy>(std::move(proxy)),
                      std::make_shared<const Lease>(std::move(lease))) {}

    [[nodiscard]] const Proxy& proxy() const noexcept { return *proxy_; }
    [[nodiscard]] const Lease& lease() const noexcept { return *lease_; }

    /// Expired leases that this call collected. Each is reported once, by the call that collected it.
    std::vector<Lease> expired{};
    /// The lease existed already, with the requested id.
    bool replayed = false;

  private:
    std::shared_ptr<const Proxy> proxy_;
    std::shared_ptr<const Lease> lease_;
};

std::ostream& operator<<(std::ostream& out, LeaseStatus status);
std::ostream& operator<<(std::ostream& out, ReleaseReason reason);
std::ostream& operator<<(std::ostream& out, const Lease& lease);

}  // namespace pharox
