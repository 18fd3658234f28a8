#include "pharox/storage/storage.hpp"

#include "model/rules.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/lease_control.hpp"

namespace pharox {
namespace {

/// Each lost race means that another caller won one, so this many in a row means that the store contradicts
/// itself.
constexpr int most_lost_races = 100'000;
constexpr std::size_t most_listed = 10'000;

void validate_selector(Selector selector) {
    if (selector > Selector::weighted_random) {
        throw ValidationError("selector", std::to_string(static_cast<int>(selector)), "is not a selector");
    }
}

Miss kind_of_miss(IStorage& storage, const std::string& pool) {
    return storage.get_pool_stats({.pool = pool}) ? Miss::none_available : Miss::pool_unknown;
}

/// Moves what one step collected to where the whole operation reports it.
void append(std::vector<Lease>& all, std::vector<Lease>&& more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

Miss AcquireResult::miss() const {
    if (leased_) throw std::logic_error("this acquire was a hit, not a miss");
    return miss_;
}

AcquireResult IStorage::acquire(const AcquireRequest& request) {
    validate(request);
    FindRequest find{.pool = request.pool, .filters = request.filters, .selector = request.selector};
    CreateLeaseRequest create{
        .consumer = request.consumer.empty() ? std::string(default_consumer_name) : request.consumer,
        .duration = request.duration,
        .lease_id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id,
        .metadata = request.metadata};
    std::vector<Lease> expired = cleanup_expired_leases({.collect = true}).leases;
    const auto finish = [&](AcquireResult result) {
        append(expired, std::move(result.expired));
        result.expired = std::move(expired);
        return result;
    };
    if (!request.lease_id.is_nil()) {
        // A repeat is answered whatever is free now. No proxy has the nil id, so nothing new can be leased
        // here.
        CreateLeaseRequest repeat = create;
        try {
            LeasedProxy leased = create_lease(repeat);
            if (leased.lease().pool_name != request.pool) {
                throw ConflictError("lease_id", request.lease_id.to_string(), "was used for another pool");
            }
            AcquireResult result(std::move(leased));
            result.replayed = true;
            return finish(std::move(result));
        } catch (const ProxyNotFoundError&) {
            // Nothing was leased under this id.
        } catch (const ConsumerNotFoundError&) {
            // Told below, unless the pool is unknown too.
        } catch (const LeaseEndedError&) {
            return finish(Miss::lease_ended);
        }
    }
    for (int race = 0; race < most_lost_races; ++race) {
        FindResult found = find_available_proxy(find);
        append(expired, std::move(found.expired));
        if (!found.proxy) return finish(kind_of_miss(*this, request.pool));
        create.proxy_id = found.proxy->id;
        try {
            return finish(create_lease(create));
        } catch (const ProxyUnavailableError&) {
            continue;  // another caller was faster
        } catch (const ProxyNotFoundError&) {
            continue;  // it was removed meanwhile
        } catch (const LeaseEndedError&) {
            return finish(Miss::lease_ended);
        }
    }
    throw StorageError(
        {.store = "storage", .operation = "acquire", .retryable = true, .lease_id = create.lease_id},
        "finds proxies that create_lease keeps refusing");
}

ICatalog& require_catalog(IStorage& storage) {
    if (ICatalog* const catalog = storage.catalog()) return *catalog;
    throw UnsupportedError("catalog");
}

ILeaseControl& require_lease_control(IStorage& storage) {
    if (ILeaseControl* const control = storage.lease_control()) return *control;
    throw UnsupportedError("lease control");
}

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
    validate_lease_duration(request.duration);
    validate_text("consumer", request.consumer, max_name_bytes);
    validate_metadata_object(request.metadata);
}

void validate(const EnsureConsumerRequest& request) { validate_text("name", request.name, max_name_bytes); }

void validate(const AcquireRequest& request) {
    validate_lease_duration(request.duration);
    validate_text("pool", request.pool, max_name_bytes);
    if (!request.consumer.empty()) validate_text("consumer", request.consumer, max_name_bytes);
    validate(request.filters);
    validate_selector(request.selector);
    validate_metadata_object(request.metadata);
}

void validate(const ListRequest& request) {
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, std::int64_t{most_listed});
}

void validate(const ListProxiesRequest& request) {
    validate_text("pool", request.pool, max_name_bytes);
    validate(request.filters);
    validate_range("limit", static_cast<std::int64_t>(request.limit), 1, std::int64_t{most_listed});
    if (!request.after.empty()) static_cast<void>(detail::parse_uuid("after", request.after));
}

}  // namespace pharox
