#include "acquire_rate.hpp"

#include <chrono>
#include <utility>

namespace pharox::cli {
namespace {

constexpr std::chrono::minutes memory{1};
constexpr std::int64_t most_active = 100'000;  // listed per sample

template <class Visit>
void for_each_lease(ILeaseControl& leases, ListLeasesRequest request, const Visit& visit) {
    request.limit = 10'000;
    do {
        const Page<Lease> page = leases.list_leases(request);
        for (const Lease& lease : page.items) visit(lease);
        request.after = page.next;
    } while (!request.after.empty());
}

}  // namespace

LeaseId first_id_of(Timestamp time) {
    const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch();
    const auto milliseconds = static_cast<std::uint64_t>(since_epoch.count());
    UuidBytes bytes{};
    for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(milliseconds >> (40U - 8U * i));
    return LeaseId(bytes);
}

std::optional<double> AcquireRate::sample(ILeaseControl& leases, const PoolStatsSnapshot& stats) {
    const Timestamp now = stats.collected_at;
    const Timestamp since = last_sample_.value_or(now) - memory;
    std::int64_t fresh = 0;
    const auto note = [&](const Lease& lease) {
        if (lease.acquired_at > since && seen_.emplace(lease.id, lease.acquired_at).second) ++fresh;
    };
    for_each_lease(leases, {.pool = stats.pool_name, .after = first_id_of(since).to_string()}, note);
    if (stats.total_leases <= most_active)
        for_each_lease(leases, {.pool = stats.pool_name, .status = LeaseStatus::active}, note);
    std::erase_if(seen_, [&](const auto& entry) { return entry.second <= now - memory; });
    const auto before = std::exchange(last_sample_, now);
    if (!before || *before >= now) return std::nullopt;
    return static_cast<double>(fresh) / std::chrono::duration<double>(now - *before).count();
}

}  // namespace pharox::cli
