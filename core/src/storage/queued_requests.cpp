#include "storage/queued_requests.hpp"

#include <algorithm>
#include <cstdint>

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

bool is_final(const AcquireResult& result) {
    return result || result.miss() == Miss::pool_unknown || result.miss() == Miss::lease_ended;
}

}  // namespace pharox
