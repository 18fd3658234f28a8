#include "pharox/storage/storage.hpp"

#include <iterator>
#include <utility>

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
    validate_known("selector", selector, Selector::weighted_random, "is not a selector");
}

/// One acquire made of the six. Collects what each step found expired.
class AcquireSteps {
  public:
    AcquireSteps(IStorage& storage, const AcquireRequest& request)
        : storage_(storage),
          request_(request),
          create_{
              .consumer = request.consumer.empty() ? std::string(default_consumer_name) : request.consumer,
              .duration = request.duration,
              .lease_id = request.lease_id.is_nil() ? LeaseId::make() : request.lease_id,
              .metadata = request.metadata} {}

    AcquireResult run() {
        append(storage_.cleanup_expired_leases({.collect = true}).leases);
        AcquireResult result = lease_one();
        append(std::move(result.expired));
        result.expired = std::move(expired_);
        return result;
    }

  private:
    AcquireResult lease_one() {
        const FindRequest find{
            .pool = request_.pool, .filters = request_.filters, .selector = request_.selector};
        for (int race = 0; race < most_lost_races; ++race) {
            FindResult found = storage_.find_available_proxy(find);
            append(std::move(found.expired));
            if (!found.proxy) return missed();
            create_.proxy_id = found.proxy->id;
            try {
                return created();
            } catch (const ProxyUnavailableError&) {
                continue;  // another caller was faster
            } catch (const ProxyNotFoundError&) {
                continue;  // it was removed meanwhile
            } catch (const LeaseEndedError&) {
                return Miss::lease_ended;
            }
        }
        throw StorageError(
            {.store = "storage", .operation = "acquire", .retryable = true, .lease_id = create_.lease_id},
            "find_available_proxy finds what create_lease keeps refusing");
    }

    AcquireResult created() {
        LeasedProxy leased = storage_.create_lease(create_);
        const bool older = leased.replayed || leased.lease().proxy_id != create_.proxy_id;
        if (older && leased.lease().pool_name != request_.pool) {
            throw ConflictError("lease_id", create_.lease_id.to_string(), "was used for another pool");
        }
        append(std::exchange(leased.expired, {}));
        AcquireResult result(std::move(leased));
        result.replayed = older;
        return result;
    }

    /// Nothing is free, unless the very lease that is asked for is why.
    AcquireResult missed() {
        if (!storage_.get_pool_stats({.pool = request_.pool})) return Miss::pool_unknown;
        if (request_.lease_id.is_nil()) return Miss::none_available;
        create_.proxy_id = ProxyId{};  // which no proxy has: only an existing lease can answer
        try {
            return created();
        } catch (const ProxyNotFoundError&) {
            return Miss::none_available;
        } catch (const ConsumerNotFoundError&) {
            return Miss::none_available;
        } catch (const LeaseEndedError&) {
            return Miss::lease_ended;
        }
    }

    void append(std::vector<Lease>&& more) {
        expired_.insert(expired_.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
    }

    IStorage& storage_;
    const AcquireRequest& request_;
    CreateLeaseRequest create_;
    std::vector<Lease> expired_;
};

}  // namespace

Miss AcquireResult::miss() const {
    if (leased_) throw std::logic_error("this acquire was a hit, not a miss");
    return miss_;
}

AcquireResult IStorage::acquire(const AcquireRequest& request) {
    validate(request);
    return AcquireSteps(*this, request).run();
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
