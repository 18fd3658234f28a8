// The catalog's lists, page by page.
#include <algorithm>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

template <class T, class Request>
std::vector<T> all_pages(const std::function<Page<T>(const Request&)>& list, Request request) {
    std::vector<T> all;
    for (int pages = 0; pages < 1'000; ++pages) {
        const auto page = list(request);
        EXPECT_LE(page.items.size(), request.limit);
        all.insert(all.end(), page.items.begin(), page.items.end());
        EXPECT_FALSE(page.items.empty() && pages > 0)
            << "`next` led to an empty page; limit " << request.limit;
        if (page.next.empty()) {
            return all;
        }
        request.after = page.next;
    }
    ADD_FAILURE() << "the pages do not end";
    return all;
}

std::vector<Proxy> proxies_by(Context& context, const ListProxiesRequest& request) {
    return all_pages<Proxy, ListProxiesRequest>(
        [&](const ListProxiesRequest& page) { return context.catalog().list_proxies(page); }, request);
}

void proxies_come_in_pages(Context& context) {
    const auto pool = context.add_pool();
    std::vector<Proxy> wanted;
    for (int i = 0; i < 23; ++i) {
        wanted.push_back(context.add_proxy(pool, [&](Proxy& it) {
            it.id = proxy_id((i * 37) % 256, i);
            it.status = i % 3 == 0 ? ProxyStatus::slow : ProxyStatus::active;
            it.country = i % 2 == 0 ? "AR" : "BR";
        }));
    }
    context.add_proxy(context.add_pool("other"));
    std::sort(wanted.begin(), wanted.end(), [](const Proxy& l, const Proxy& r) { return l.id < r.id; });
    for (const std::size_t limit : {1U, 5U, 22U, 23U, 24U, 10'000U}) {
        EXPECT_EQ(proxies_by(context, {.pool = "pool", .limit = limit}), wanted) << limit;
    }
    const auto only = [&](const std::function<bool(const Proxy&)>& fits) {
        std::vector<Proxy> some;
        std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(some), fits);
        return some;
    };
    EXPECT_EQ(proxies_by(context, {.pool = "pool", .status = ProxyStatus::slow, .limit = 3}),
              only([](const Proxy& it) { return it.status == ProxyStatus::slow; }));
    EXPECT_EQ(proxies_by(context, {.pool = "pool", .filters = {.country = "BR"}, .limit = 4}),
              only([](const Proxy& it) { return it.country == "BR"; }));
    ProxyFilters odd;
    odd.predicate = [](const Proxy& it) { return it.id.bytes().back() % 2 == 1; };
    EXPECT_EQ(
        proxies_by(context, {.pool = "pool", .status = ProxyStatus::active, .filters = odd, .limit = 2}),
        only([&](const Proxy& it) { return it.status == ProxyStatus::active && odd.predicate(it); }));
    EXPECT_TRUE(proxies_by(context, {.pool = "pool", .status = ProxyStatus::banned}).empty());
    EXPECT_TRUE(proxies_by(context, {.pool = "elsewhere"}).empty());
}

void leased_proxies_are_listed(Context& context) {
    const auto proxies = context.add_proxies(context.add_pool(), 2);
    context.lease(proxies[0]);
    const auto listed = context.catalog().list_proxies({.pool = "pool"}).items;
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].current_leases, 1);
    EXPECT_EQ(listed[1].current_leases, 0);
}

void pools_come_by_name(Context& context) {
    std::vector<std::string> names{"b",  "B", "a",  "\xc3\xa4", "a b",
                                   "10", "9", "zz", "z",        "\xf0\x9f\xa6\x8a"};
    for (const auto& name : names) {
        context.add_pool(name);
    }
    std::sort(names.begin(), names.end());
    for (const std::size_t limit : {1U, 3U, 10U, 100U}) {
        std::vector<std::string> listed;
        for (const auto& pool : all_pages<ProxyPool, ListRequest>(
                 [&](const ListRequest& page) { return context.catalog().list_pools(page); },
                 {.limit = limit})) {
            listed.push_back(pool.name);
        }
        EXPECT_EQ(listed, names) << limit;
    }
}

void consumers_come_by_name(Context& context) {
    std::vector<std::string> names{"worker", "b", "A", "\xc3\xa4", "0"};
    for (const auto& name : names) {
        context.add_consumer(name);
    }
    std::sort(names.begin(), names.end());
    for (const std::size_t limit : {1U, 2U, 100U}) {
        std::vector<std::string> listed;
        for (const auto& consumer : all_pages<Consumer, ListRequest>(
                 [&](const ListRequest& page) { return context.catalog().list_consumers(page); },
                 {.limit = limit})) {
            listed.push_back(consumer.name);
        }
        EXPECT_EQ(listed, names) << limit;
    }
}

void pages_while_the_list_changes(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 10);
    ListProxiesRequest request{.pool = "pool", .limit = 4};
    auto page = context.catalog().list_proxies(request);
    std::vector<ProxyId> seen = ids_of(page.items);
    context.catalog().remove_proxy(proxies[3].id, false);  // the last one shown
    context.catalog().remove_proxy(proxies[4].id, false);  // the next one to come
    context.add_proxy(pool, [](Proxy& it) { it.id = proxy_id(0, 1); });
    while (!page.next.empty()) {
        request.after = page.next;
        page = context.catalog().list_proxies(request);
        const auto more = ids_of(page.items);
        seen.insert(seen.end(), more.begin(), more.end());
    }
    auto wanted = ids_of(proxies);
    wanted.erase(wanted.begin() + 4);
    EXPECT_EQ(seen, wanted) << "nothing twice, and nothing missing that was there all the time";
}

void page_limits_are_checked(Context& context) {
    context.add_pool();
    auto& catalog = context.catalog();
    for (const std::size_t wrong : {std::size_t{0}, std::size_t{10'001}, ~std::size_t{0}}) {
        expect_refused<ValidationError>("limit", [&] { catalog.list_pools({.limit = wrong}); });
        expect_refused<ValidationError>("limit", [&] { catalog.list_consumers({.limit = wrong}); });
        expect_refused<ValidationError>("limit",
                                        [&] { catalog.list_proxies({.pool = "pool", .limit = wrong}); });
    }
    EXPECT_NO_THROW(catalog.list_pools({.limit = 10'000}));
    EXPECT_NO_THROW(catalog.list_proxies({.pool = "pool", .limit = 1}));
}

}  // namespace

std::vector<Case> paging_cases() {
    return {
        {"proxies_come_in_pages", {"C-12", "X-15"}, {.catalog = true}, proxies_come_in_pages},
        {"leased_proxies_are_listed", {"C-12", "L-03"}, {.catalog = true}, leased_proxies_are_listed},
        {"pools_come_by_name", {"C-12"}, {.catalog = true}, pools_come_by_name},
        {"consumers_come_by_name", {"C-12", "C-17"}, {.catalog = true}, consumers_come_by_name},
        {"pages_while_the_list_changes", {"C-12"}, {.catalog = true}, pages_while_the_list_changes},
        {"page_limits_are_checked", {"C-13"}, {.catalog = true}, page_limits_are_checked},
    };
}

}  // namespace pharox::testkit
