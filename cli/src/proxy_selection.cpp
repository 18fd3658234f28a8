#include "proxy_selection.hpp"

#include <algorithm>
#include <utility>

#include "option_checks.hpp"
#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

bool is_id(std::string_view text) {
    try {
        ProxyId::parse(text);
        return true;
    } catch (const ValidationError&) {
        return false;
    }
}

/// The port after the last colon, which is removed; nothing if the text is a host alone, as a bare IPv6
/// address is.
std::optional<int> take_port(std::string_view& text) {
    const auto colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    const bool bare_ipv6 = !bracketed && text.find(':') != colon;
    if (colon == std::string_view::npos || bare_ipv6 || (bracketed && text.ends_with(']')))
        return std::nullopt;
    const int port = parse_number<int>(text.substr(colon + 1), "port");
    text = text.substr(0, colon);
    return port;
}

/// The names of the pools to search.
std::vector<std::string> pool_names(Session& session, const std::string& only) {
    if (!only.empty()) return {session.pool(only).name};
    std::vector<std::string> names;
    for (const ProxyPool& pool : session.pools()) names.push_back(pool.name);
    return names;
}

}  // namespace

ProxyReference ProxyReference::parse(std::string_view text) {
    ProxyReference reference;
    if (is_id(text)) {
        reference.id_ = ProxyId::parse(text);
        return reference;
    }
    std::string_view rest = text;
    try {
        if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
            reference.protocol_ = parse_protocol(rest.substr(0, scheme));
            rest.remove_prefix(scheme + 3);
            if (rest.ends_with('/')) rest.remove_suffix(1);
        }
        reference.port_ = take_port(rest);
        if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
        reference.host_ = canonical_host(rest, "proxy");
    } catch (const ValidationError&) {  // it may be a line of a list, with a password
        throw ValidationError("proxy", without_password(text),
                              "is not an id, a host, host:port or scheme://host:port, without a user");
    }
    return reference;
}

bool ProxyReference::names(const Proxy& proxy) const {
    if (id_) return proxy.id == *id_;
    return proxy.host == host_ && (!port_ || proxy.port == *port_) &&
           (!protocol_ || proxy.protocol == *protocol_);
}

void ProxyReference::throw_not_found() const {
    if (id_) throw ProxyNotFoundError(*id_);
    throw NotFoundError("no proxy with the host " + host_ +
                        (port_ ? " and the port " + std::to_string(*port_) : ""));
}

void for_each_proxy(ICatalog& catalog, ListProxiesRequest request,
                    const std::function<void(const Proxy&)>& visit) {
    request.limit = 1'000;
    do {
        const Page<Proxy> page = catalog.list_proxies(request);
        for (const Proxy& proxy : page.items) visit(proxy);
        request.after = page.next;
    } while (!request.after.empty());
}

std::vector<Proxy> find_proxies(Session& session, const ProxyReference& reference, const std::string& pool) {
    std::vector<Proxy> found;
    if (reference.id()) {
        if (auto proxy = session.catalog().get_proxy(*reference.id())) found.push_back(*std::move(proxy));
    } else {
        for (const std::string& name : pool_names(session, pool)) {
            for_each_proxy(session.catalog(), {.pool = name}, [&](const Proxy& proxy) {
                if (reference.names(proxy)) found.push_back(proxy);
            });
        }
    }
    if (found.empty()) reference.throw_not_found();
    return found;
}

void ProxySelection::declare(CLI::App& command) {
    command.add_option("PROXY", references_, "Ids, hosts, host:port or scheme://host:port");
    command.add_option("-p,--pool", pool_, "Only proxies of this pool")->check(not_empty());
    command.add_option("--status", status_, "Only proxies that are active, inactive, slow or banned");
    filters_.declare(command);
}

bool ProxySelection::is_list_of_ids() const {
    return !references_.empty() && std::ranges::all_of(references_, is_id);
}

std::vector<ProxyId> ProxySelection::ids(Session& session) const {
    if (references_.empty() && pool_.empty())
        throw UsageError("no proxy is selected: name proxies, or a pool with --pool");
    std::vector<ProxyReference> references;
    for (const std::string& text : references_) references.push_back(ProxyReference::parse(text));
    ListProxiesRequest request{.pool = pool_, .filters = filters_.filters()};
    if (status_) request.status = parse_proxy_status(*status_);
    const std::optional<PoolId> only =
        pool_.empty() ? std::nullopt : std::optional<PoolId>(session.pool(pool_).id);

    std::vector<ProxyId> selected;
    std::vector<bool> seen(references.size());
    const auto take = [&](const Proxy& proxy) {
        bool wanted = references.empty();
        for (std::size_t at = 0; at < references.size(); ++at) {
            if (!references[at].names(proxy)) continue;
            wanted = true;
            seen[at] = true;
        }
        if (wanted && (!request.status || proxy.status == *request.status) && matches(request.filters, proxy))
            selected.push_back(proxy.id);
    };
    if (is_list_of_ids()) {
        for (const ProxyReference& reference : references) {
            if (const auto proxy = session.catalog().get_proxy(*reference.id());
                proxy && (!only || proxy->pool_id == *only))
                take(*proxy);
        }
    } else {
        // The references are looked for in all proxies of the pools, so that a proxy that no filter selects
        // is told from one that does not exist.
        for (const std::string& name : pool_names(session, pool_)) {
            ListProxiesRequest pages{.pool = name};
            if (references.empty()) {
                pages.status = request.status;
                pages.filters = request.filters;
            }
            for_each_proxy(session.catalog(), pages, take);
        }
    }
    for (std::size_t at = 0; at < references.size(); ++at)
        if (!seen[at]) references[at].throw_not_found();
    return selected;
}

}  // namespace pharox::cli
