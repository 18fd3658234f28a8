#include "cases/finding/found.hpp"

#include <sstream>

namespace pharox::testkit {

namespace {

std::set<ProxyId> listed(Context& context, const ProxyFilters& filters, const std::string& pool) {
    std::set<ProxyId> ids;
    ListProxiesRequest request{.pool = pool, .status = ProxyStatus::active, .filters = filters, .limit = 7};
    do {
        const auto page = context.catalog().list_proxies(request);
        for (const auto& proxy : page.items) {
            EXPECT_TRUE(ids.insert(proxy.id).second) << "listed twice: " << proxy;
        }
        request.after = page.next;
    } while (!request.after.empty());
    return ids;
}

}  // namespace

std::set<ProxyId> all_found(Context& context, const ProxyFilters& filters, const std::string& pool) {
    std::set<ProxyId> ids;
    ProxyFilters rest = filters;
    while (const auto found = context.find(pool, rest)) {
        if (!ids.insert(found->id).second) {
            ADD_FAILURE() << "an excluded proxy was found: " << *found;
            break;
        }
        rest.exclude.push_back(found->id);
    }
    const auto acquired = context.acquire({.pool = pool, .filters = filters});
    EXPECT_EQ(static_cast<bool>(acquired), !ids.empty()) << "acquire disagrees with find: " << filters;
    if (acquired) {
        EXPECT_TRUE(ids.contains(acquired.proxy().id)) << "acquire leased what find does not: " << filters;
        EXPECT_TRUE(context.release(acquired.lease()));
    }
    if (context.has_catalog()) {
        EXPECT_EQ(listed(context, filters, pool), ids)
            << "the catalog's list disagrees with find: " << filters;
    }
    return ids;
}

void expect_found(Context& context, const ProxyFilters& filters, const std::vector<Proxy>& wanted) {
    std::set<ProxyId> ids;
    for (const auto& proxy : wanted) {
        ids.insert(proxy.id);
    }
    const auto found = all_found(context, filters);
    if (found != ids) {
        std::ostringstream text;
        for (const auto& id : found) {
            text << ' ' << id;
        }
        text << "\nwanted:";
        for (const auto& proxy : wanted) {
            text << ' ' << proxy.id;
        }
        ADD_FAILURE() << "filters: " << filters << "\nfound:" << text.str();
    }
}

}  // namespace pharox::testkit
