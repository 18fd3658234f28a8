#include "lease_selection.hpp"

#include "option_checks.hpp"
#include "pharox/errors.hpp"
#include "proxy_selection.hpp"

namespace pharox::cli {
namespace {

constexpr std::size_t page_size = 1'000;

}  // namespace

void LeaseSelection::declare(CLI::App& command, bool by_pool) {
    if (by_pool) command.add_option("-p,--pool", pool_, "Only leases of this pool")->check(not_empty());
    command.add_option("--consumer", consumer_, "Only leases of this consumer")->check(not_empty());
    command
        .add_option("--proxy", proxy_, "Only leases of this proxy: id, host, host:port, scheme://host:port")
        ->check(not_empty());
}

void LeaseSelection::for_each(Session& session, std::optional<LeaseStatus> status,
                              const std::function<bool(const Lease&)>& visit) const {
    ILeaseControl& leases = require_lease_control(session.storage());
    std::vector<std::optional<ProxyId>> proxies;
    if (proxy_.empty()) {
        proxies.emplace_back();
        if (!pool_.empty()) session.pool(pool_);
    } else {
        for (const Proxy& proxy : find_proxies(session, ProxyReference::parse(proxy_), pool_))
            proxies.emplace_back(proxy.id);
    }
    if (!consumer_.empty() && !session.catalog().get_consumer(consumer_))
        throw ConsumerNotFoundError(consumer_);
    for (const std::optional<ProxyId>& proxy : proxies) {
        ListLeasesRequest request{
            .pool = pool_, .consumer = consumer_, .proxy_id = proxy, .status = status, .limit = page_size};
        do {
            const Page<Lease> page = leases.list_leases(request);
            for (const Lease& lease : page.items)
                if (!visit(lease)) return;
            request.after = page.next;
        } while (!request.after.empty());
    }
}

std::vector<LeaseId> LeaseSelection::active(Session& session) const {
    std::vector<LeaseId> ids;
    for_each(session, LeaseStatus::active, [&](const Lease& lease) {
        ids.push_back(lease.id);
        return true;
    });
    return ids;
}

std::string LeaseNames::consumer(const Lease& lease) {
    if (consumers_.empty()) {
        ListRequest request{.limit = page_size};
        do {
            const Page<Consumer> page = session_.catalog().list_consumers(request);
            for (const Consumer& consumer : page.items) consumers_.emplace(consumer.id, consumer.name);
            request.after = page.next;
        } while (!request.after.empty());
    }
    const auto found = consumers_.find(lease.consumer_id);
    return found == consumers_.end() ? std::string() : found->second;
}

std::string LeaseNames::proxy(const Lease& lease) {
    const auto [entry, is_new] = proxies_.try_emplace(lease.proxy_id);
    if (is_new) {
        if (const auto proxy = session_.catalog().get_proxy(lease.proxy_id))
            entry->second = proxy->redacted_url();
    }
    return entry->second;
}

}  // namespace pharox::cli
