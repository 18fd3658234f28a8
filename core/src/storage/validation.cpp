// Input validation of requests, by the rules of the storage contract, before anything is changed.
#include <set>
#include <tuple>

#include "model/rules.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox {
namespace {

constexpr std::int64_t most_listed = 10'000;
constexpr std::int64_t most_in_a_batch = 1'000;
constexpr Duration max_lease_tenure = std::chrono::days(3'650);

void validate_selector(Selector selector) {
    validate_known("selector", selector, Selector::weighted_random, "is not a selector");
}

void validate_tenure(const std::optional<Duration>& tenure, Duration duration) {
    if (!tenure) return;
    const std::string text = std::to_string(tenure->count());
    if (*tenure < duration) throw InvalidLeaseError("max_tenure_ms", text, "is below the lease's duration");
    if (*tenure > max_lease_tenure) {
        throw InvalidLeaseError("max_tenure_ms", text,
                                "is above " + std::to_string(max_lease_tenure.count()) + " (10 years)");
    }
}

void validate_wait(Duration wait) {
    if (wait < Duration(0)) throw ValidationError("wait_ms", std::to_string(wait.count()), "is below 0");
    if (wait > max_lease_duration)
        throw ValidationError("wait_ms", std::to_string(wait.count()), "is above 30 days");
}

}  // namespace

void validate_lease_duration(Duration duration) {
    const std::string text = std::to_string(duration.count());
    if (duration < min_lease_duration)
        throw InvalidLeaseError("duration_ms", text, "is not greater than zero");
    if (duration > max_lease_duration) {
        throw InvalidLeaseError("duration_ms", text,
                                "is above " + std::to_string(max_lease_duration.count()) + " (30 days)");
    }
}

void validate(const FindRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    validate(request.filters);
    validate_selector(request.selector);
}

void validate(const CreateLeaseRequest& request) {
    const auto& [proxy_id, consumer, duration, lease_id, metadata, allow_slow, max_tenure] = request;
    static_cast<void>(std::tie(proxy_id, lease_id, allow_slow));  // every value is valid
    validate_lease_duration(duration);
    validate_tenure(max_tenure, duration);
    validate_text("consumer", consumer, max_name_bytes);
    validate_metadata_object(metadata);
}

void validate(const EnsureConsumerRequest& request) { validate_text("name", request.name, max_name_bytes); }

void validate(const AcquireRequest& request) {
    const auto& [pool, consumer, duration, filters, selector, lease_id, metadata, allow_slow, max_tenure,
                 wait, lease_id_is_new] = request;
    static_cast<void>(std::tie(lease_id, allow_slow, lease_id_is_new));  // every value is valid
    validate_lease_duration(duration);
    validate_text("pool", pool, max_name_bytes);
    if (!consumer.empty()) validate_text("consumer", consumer, max_name_bytes);
    validate(filters);
    validate_selector(selector);
    validate_metadata_object(metadata);
    validate_tenure(max_tenure, duration);
    validate_wait(wait);
}

void validate(const AcquireManyRequest& request) {
    const auto& [each, count, distinct, lease_ids] =
        request;  // a new field does not compile until it is checked
    validate(each);
    if (!each.lease_id.is_nil()) {
        throw ValidationError("each.lease_id", each.lease_id.to_string(), "is set: use lease_ids");
    }
    if (each.wait != Duration(0)) {
        throw ValidationError("each.wait_ms", std::to_string(each.wait.count()),
                              "is set: a batch does not wait");
    }
    validate_range("count", static_cast<std::int64_t>(count), 1, most_in_a_batch);
    if (!lease_ids.empty() && lease_ids.size() != count) {
        throw ValidationError("lease_ids", std::to_string(lease_ids.size()), "is not one for each lease");
    }
    std::set<LeaseId> different;
    for (const LeaseId& id : lease_ids) {
        if (!different.insert(id).second)
            throw ValidationError("lease_ids", id.to_string(), "is there more than once");
    }
    if (distinct && each.filters.exclude.size() + count > max_excluded) {
        throw ValidationError("count", std::to_string(count),
                              "and the excluded ids are more than " + std::to_string(max_excluded));
    }
}

void validate(const ListLeasesRequest& request) {
    if (!request.pool.empty()) validate_text("pool", request.pool, max_name_bytes);
    if (!request.consumer.empty()) validate_text("consumer", request.consumer, max_name_bytes);
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
    if (!request.after.empty()) static_cast<void>(detail::parse_uuid("after", request.after));
}

void validate(const ListHealthRecordsRequest& request) {
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
}

void validate(const ListRequest& request) {
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
}

void validate(const ListProxiesRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    validate(request.filters);
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, most_listed);
    if (!request.after.empty()) static_cast<void>(detail::parse_uuid("after", request.after));
}

}  // namespace pharox
