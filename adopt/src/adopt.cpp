#include "pharox/adopt/adopt.hpp"

#include <algorithm>
#include <map>

#include "conversion.hpp"
#include "pharox/errors.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"

namespace pharox::adopt {
namespace {

/// The member of a pool's metadata while it is being adopted; its value identifies the call.
constexpr std::string_view mark = "adoption";

bool is_marked(const ProxyPool& pool) { return pool.metadata.find(mark).has_value(); }

/// The part of an adoption that writes. Proxies are added inactive. While the leases of one are added, it is
/// slow, which most callers do not lease, and has room for them alone.
class Adoption {
  public:
    Adoption(ISource& source, Conversion& content, IStorage& storage)
        : source_(source), content_(content), storage_(storage), catalog_(require_catalog(storage)) {
        for (const Consumer& consumer : content.consumers()) {
            if (catalog_.get_consumer(consumer.name)) {
                content.report().notes.push_back({.kind = "consumer",
                                                  .id = consumer.id.to_string(),
                                                  .outcome = Outcome::merged,
                                                  .reason = "the storage has one of this name"});
            } else {
                new_consumers_.push_back(consumer);
            }
        }
    }

    /// Throws ConflictError for a pool that exists; with `take_back` first removes what a killed call left.
    void check_pools(bool take_back) {
        for (const ProxyPool& pool : content_.pools()) {
            const auto existing = catalog_.get_pool(pool.name);
            if (!existing) continue;
            if (!is_marked(*existing))
                throw ConflictError("pool", pool.name, "exists already in the storage");
            if (take_back) catalog_.remove_pool(pool.name, true);
        }
    }

    void write(std::int64_t records_per_proxy) {
        try {
            add_consumers();
            add_pools();
            add_proxies();
            add_records(records_per_proxy);
            add_leases();
            // A call that is killed from here on leaves pools that the next one does not take back: others
            // may lease their proxies already.
            for (const ProxyPool& pool : content_.pools()) catalog_.update_pool(pool);
            open_proxies();
        } catch (...) {
            take_back();
            throw;
        }
    }

    /// The consumers that the storage lacks.
    [[nodiscard]] const std::vector<Consumer>& new_consumers() const noexcept { return new_consumers_; }

  private:
    void add_consumers() {
        for (const Consumer& consumer : new_consumers_) {
            catalog_.add_consumer(consumer);
            added_consumers_.push_back(consumer.name);
        }
    }

    void add_pools() {
        for (ProxyPool pool : content_.pools()) {
            pool.metadata = Json::object({{mark, run_}});
            catalog_.add_pool(pool);
            added_pools_.push_back(pool.name);
        }
    }

    void add_proxies() {
        std::vector<Proxy> closed = content_.proxies();
        for (Proxy& proxy : closed) proxy.status = ProxyStatus::inactive;
        catalog_.add_proxies({.proxies = std::move(closed)});
    }

    void add_records(std::int64_t per_proxy) {
        Count& count = content_.report().health_records;
        IHealthLog* const log = storage_.health_log();
        source_.for_each_health_record(per_proxy, [&](const SourceRecord& row) {
            if (!content_.concerns(row.proxy_id)) return;
            ++count.found;
            const auto record = content_.record(row);
            if (!record || log == nullptr) return;
            log->save_health_record(*record);
            ++count.adopted;
        });
    }

    void add_leases() {
        std::map<ProxyId, std::vector<const AdoptedLease*>> by_proxy;
        for (const AdoptedLease& lease : content_.leases()) by_proxy[lease.proxy_id].push_back(&lease);
        for (Proxy proxy : content_.proxies()) {
            const auto held = by_proxy.find(proxy.id);
            if (held == by_proxy.end()) continue;
            proxy.status = ProxyStatus::slow;
            proxy.max_concurrency = static_cast<int>(held->second.size());
            catalog_.update_proxy(proxy);
            for (const AdoptedLease* lease : held->second) add_lease(*lease);
        }
    }

    void add_lease(const AdoptedLease& lease) {
        const auto passed =
            std::chrono::ceil<Duration>(std::chrono::steady_clock::now() - source_.taken_at());
        if (lease.remaining - passed < min_lease_duration) {
            note(lease, "has expired meanwhile");
            return;
        }
        const Json origin = Json::object({{"acquired_at", format_timestamp(lease.acquired_at)}});
        try {
            storage_.create_lease({.proxy_id = lease.proxy_id,
                                   .consumer = lease.consumer,
                                   .duration = lease.remaining - passed,
                                   .lease_id = lease.id,
                                   .metadata = Json::object({{"adopted", origin}}),
                                   .allow_slow = true});
            ++content_.report().leases.adopted;
        } catch (const LeaseEndedError&) {
            note(lease, "the storage has a lease with this id that has ended");
        }
    }

    void open_proxies() {
        catalog_.add_proxies({.proxies = content_.proxies(), .on_duplicate = DuplicatePolicy::update});
    }

    void note(const AdoptedLease& lease, std::string reason) {
        content_.report().notes.push_back({.kind = "lease",
                                           .id = lease.id.to_string(),
                                           .outcome = Outcome::left_out,
                                           .reason = std::move(reason)});
    }

    /// As far as the storage allows: the failure that led here is reported, and the next call removes the
    /// rest.
    void take_back() noexcept {
        for (const std::string& name : added_pools_) {
            try {
                const auto existing = catalog_.get_pool(name);
                // Another adoption may have replaced it.
                if (existing && existing->metadata.find(mark).value_or(Json(run_)) == Json(run_))
                    catalog_.remove_pool(name, true);
            } catch (...) {  // NOLINT(bugprone-empty-catch)
            }
        }
        for (const std::string& name : added_consumers_) {
            try {
                catalog_.remove_consumer(name, false);
            } catch (...) {  // NOLINT(bugprone-empty-catch)
            }
        }
    }

    ISource& source_;
    Conversion& content_;
    IStorage& storage_;
    ICatalog& catalog_;
    std::string run_ = RecordId::make().to_string();
    std::vector<Consumer> new_consumers_{};
    std::vector<std::string> added_consumers_{};
    std::vector<std::string> added_pools_{};
};

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::left_out:
            return "left_out";
        case Outcome::changed:
            return "changed";
        case Outcome::merged:
            return "merged";
    }
    return "";
}

Report adopt(ISource& source, IStorage& storage, const Options& options) {
    Conversion content(source, options);
    Adoption adoption(source, content, storage);
    adoption.check_pools(!options.dry_run);
    Report& report = content.report();
    report.pools.adopted = std::ssize(content.pools());
    report.proxies.adopted = std::ssize(content.proxies());
    report.consumers.adopted = std::ssize(adoption.new_consumers());
    if (!options.dry_run) {
        adoption.write(options.health_records_per_proxy);
        return report;
    }
    report.leases.adopted = std::ssize(content.leases());
    source.for_each_health_record(options.health_records_per_proxy, [&](const SourceRecord& row) {
        if (!content.concerns(row.proxy_id)) return;
        ++report.health_records.found;
        if (storage.health_log() != nullptr && content.record(row)) ++report.health_records.adopted;
    });
    return report;
}

}  // namespace pharox::adopt
