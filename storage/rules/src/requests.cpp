#include "pharox/rules/requests.hpp"

#include <tuple>

#include "pharox/model/serialization.hpp"

namespace pharox::rules {

namespace {

bool is_complete(const AcquireRequest& request) {
    return !request.consumer.empty() && !request.lease_id.is_nil();
}
bool is_complete(const CreateLeaseRequest& request) { return !request.lease_id.is_nil(); }

}  // namespace

void fill_in_defaults(AcquireRequest& request) {
    if (request.consumer.empty()) request.consumer = default_consumer_name;
    if (request.lease_id.is_nil()) {
        request.lease_id = LeaseId::make();
        request.lease_id_is_new = true;
    }
}

void fill_in_defaults(CreateLeaseRequest& request) {
    if (request.lease_id.is_nil()) request.lease_id = LeaseId::make();
}

template <class Request>
Normalised<Request>::Normalised(const Request& request) : request_(request) {
    validate(request);
    if (!is_complete(request)) fill_in_defaults(completed_.emplace(request));
}
template class Normalised<AcquireRequest>;
template class Normalised<CreateLeaseRequest>;

CreateLeaseRequest create_request(const AcquireRequest& request) {
    const auto& [pool, consumer, duration, filters, selector, lease_id, metadata, allow_slow, max_tenure,
                 wait, lease_id_is_new] = request;
    static_cast<void>(
        std::tie(pool, filters, selector, wait, lease_id_is_new));  // decide which proxy, and when
    return {.consumer = consumer,
            .duration = duration,
            .lease_id = lease_id,
            .metadata = metadata,
            .allow_slow = allow_slow,
            .max_tenure = max_tenure};
}

FindRequest find_request(const AcquireRequest& request) {
    const auto& [pool, consumer, duration, filters, selector, lease_id, metadata, allow_slow, max_tenure,
                 wait, lease_id_is_new] = request;
    static_cast<void>(
        std::tie(consumer, duration, lease_id, metadata, max_tenure, wait, lease_id_is_new));  // of the lease
    return {.pool = pool, .filters = filters, .selector = selector, .allow_slow = allow_slow};
}

bool same_except_lease_id(const AcquireRequest& one, const AcquireRequest& other) {
    const auto terms = [](const AcquireRequest& request) {
        const auto& [pool, consumer, duration, filters, selector, lease_id, metadata, allow_slow, max_tenure,
                     wait, lease_id_is_new] = request;
        static_cast<void>(std::tie(lease_id, wait, lease_id_is_new));
        return std::tie(pool, consumer, duration, selector, allow_slow, max_tenure, filters, metadata);
    };
    return terms(one) == terms(other);
}

std::optional<std::string> answer_key(const AcquireRequest& request) {
    const auto& [pool, consumer, duration, filters, selector, lease_id, metadata, allow_slow, max_tenure,
                 wait, lease_id_is_new] = request;
    static_cast<void>(std::tie(duration, lease_id, metadata, max_tenure, wait, lease_id_is_new));
    if (filters.has_predicate() || !filters.exclude.empty()) return std::nullopt;
    std::string key = pool;
    key += '\0';
    key += to_string(selector);
    key += allow_slow ? '+' : '-';
    key += consumer;
    key += '\0';
    if (!filters.empty()) key += to_json(filters).dump();
    return key;
}

}  // namespace pharox::rules
