#include "storage/queued_requests.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "pharox/rules/requests.hpp"

namespace pharox {
namespace {

constexpr int deepest_filter_yielded_to = 14;

int depth_of(const ProxyFilters& filters) {
    int deepest = 0;
    for (const auto* const children : {&filters.all_of, &filters.any_of, &filters.none_of}) {
        for (const ProxyFilters& child : *children) deepest = std::max(deepest, depth_of(child));
    }
    return deepest + 1;
}

}  // namespace

std::string group_key(const AcquireRequest& request, const void* unique) {
    if (auto key = rules::answer_key(request)) return *std::move(key);
    return std::to_string(reinterpret_cast<std::uintptr_t>(unique));
}

bool can_yield(const AcquireRequest& younger, const AcquireRequest& older) {
    return older.selector != Selector::weighted_random && (older.allow_slow || !younger.allow_slow) &&
           older.filters.exclude.empty() && !older.filters.has_predicate() &&
           depth_of(older.filters) <= deepest_filter_yielded_to;
}

AcquireResult attempt_acquire(IStorage& storage, const AcquireRequest& request, LeaseId& attempted) {
    constexpr int most_ids = 10;  // a storage that finds every new id ended contradicts itself
    attempted = request.lease_id;
    auto began = std::chrono::steady_clock::now();
    AcquireResult result = storage.try_acquire(request);
    result.attempted_at = began;
    if (!request.lease_id.is_nil() && !request.lease_id_is_new) return result;
    for (int ids = 1; !result && result.miss() == Miss::lease_ended && ids < most_ids; ++ids) {
        AcquireRequest again = request;
        attempted = again.lease_id = LeaseId::make();
        again.lease_id_is_new = true;
        std::vector<Lease> expired = std::move(result.expired);
        began = std::chrono::steady_clock::now();
        result = storage.try_acquire(again);
        result.attempted_at = began;
        result.expired.insert(result.expired.begin(), std::make_move_iterator(expired.begin()),
                              std::make_move_iterator(expired.end()));
    }
    return result;
}

bool is_final(const AcquireResult& result) {
    return result || result.miss() == Miss::pool_unknown || result.miss() == Miss::lease_ended ||
           result.miss() == Miss::cancelled;
}

}  // namespace pharox
