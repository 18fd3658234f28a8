// Lists of leases.
#include <algorithm>

#include "runner/case.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

std::vector<LeaseId> listed(Context& context, ListLeasesRequest request) {
    std::vector<LeaseId> ids;
    for (int pages = 0; pages < 1'000; ++pages) {
        const auto page = context.control().list_leases(request);
        EXPECT_LE(page.items.size(), request.limit);
        for (const auto& lease : page.items) {
            ids.push_back(lease.id);
        }
        if (page.next.empty()) {
            return ids;
        }
        request.after = page.next;
    }
    ADD_FAILURE() << "the pages do not end; limit " << request.limit;
    return ids;
}

std::vector<LeaseId> sorted(std::vector<LeaseId> ids) {
    std::sort(ids.begin(), ids.end());
    return ids;
}

void leases_come_in_pages(Context& context) {
    const auto proxy =
        context.add_proxy(context.add_pool(), [](Proxy& it) { it.max_concurrency = std::nullopt; });
    EXPECT_TRUE(context.control().list_leases({}).items.empty());
    std::vector<LeaseId> made;
    for (int i = 0; i < 23; ++i) {
        made.push_back(context.lease(proxy).lease().id);
    }
    for (const std::size_t limit : std::vector<std::size_t>{1, 7, 23, 24, 10'000}) {
        EXPECT_EQ(listed(context, {.limit = limit}), sorted(made)) << limit << " a page";
    }
    const auto page = context.control().list_leases({.limit = 23});
    EXPECT_EQ(page.items.size(), 23U);
    EXPECT_TRUE(page.next.empty()) << "nothing follows";
    const auto first = context.control().get_lease({.lease_id = page.items.front().id});
    EXPECT_EQ(page.items.front(), first) << "complete";
}

void leases_are_listed_by_what_is_asked(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 2, [](Proxy& it) { it.max_concurrency = 9; });
    const auto elsewhere = context.add_proxy(context.add_pool("other"));
    context.add_consumer("second");
    const auto lease_for = [&](const Proxy& proxy, const char* consumer) {
        return context.store().create_lease({.proxy_id = proxy.id, .consumer = consumer}).lease();
    };
    const auto a = lease_for(proxies[0], "worker");
    const auto b = lease_for(proxies[1], "worker");
    const auto c = lease_for(proxies[0], "second");
    const auto d = lease_for(elsewhere, "second");
    EXPECT_TRUE(context.release(b));
    const auto expect = [&](const ListLeasesRequest& request, const std::vector<LeaseId>& wanted) {
        EXPECT_EQ(listed(context, request), sorted(wanted));
        ListLeasesRequest small = request;
        small.limit = 1;
        EXPECT_EQ(listed(context, small), sorted(wanted)) << "one a page";
    };
    expect({}, {a.id, b.id, c.id, d.id});
    expect({.pool = "pool"}, {a.id, b.id, c.id});
    expect({.pool = "other"}, {d.id});
    expect({.pool = "nowhere"}, {});
    expect({.consumer = "worker"}, {a.id, b.id});
    expect({.consumer = "stranger"}, {});
    expect({.proxy_id = proxies[0].id}, {a.id, c.id});
    expect({.proxy_id = ProxyId::make()}, {});
    expect({.status = LeaseStatus::active}, {a.id, c.id, d.id});
    expect({.status = LeaseStatus::released}, {b.id});
    expect({.pool = "pool", .consumer = "second", .proxy_id = proxies[0].id, .status = LeaseStatus::active},
           {c.id});
    expect({.pool = "other", .consumer = "worker"}, {});
}

void listed_leases_read_as_they_are(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool, [](Proxy& it) { it.max_concurrency = 3; });
    const auto kept = context.lease(proxy);
    const auto expired = context.lease(proxy, context.short_time());
    context.expire("pool", context.short_time(), 1);
    for (int i = 0; i < 2; ++i) {  // before they are collected, and after
        EXPECT_EQ(listed(context, {.status = LeaseStatus::active}), std::vector{kept.lease().id});
        const auto ended = context.control().list_leases({.status = LeaseStatus::released}).items;
        EXPECT_EQ(ended, std::vector{as_of(expired.lease(), expired.lease().expires_at)});
        context.cleanup();
    }
}

void leases_keep_the_pool_they_were_made_in(Context& context) {
    auto pool = context.add_pool();
    const auto lease = context.lease(context.add_proxy(pool)).lease();
    pool.name = "renamed";
    context.catalog().update_pool(pool);
    EXPECT_EQ(listed(context, {.pool = "pool"}), std::vector{lease.id});
    EXPECT_TRUE(listed(context, {.pool = "renamed"}).empty());
}

void invalid_lists_of_leases_are_refused(Context& context) {
    context.add_pool();
    for (const std::size_t limit : {std::size_t{0}, std::size_t{10'001}}) {
        expect_refused<ValidationError>("limit", [&] { context.control().list_leases({.limit = limit}); });
    }
    expect_refused<ValidationError>("after", [&] { context.control().list_leases({.after = "no id"}); });
    expect_refused<ValidationError>("pool",
                                    [&] { context.control().list_leases({.pool = std::string(300, 'x')}); });
    expect_refused<ValidationError>(
        "consumer", [&] { context.control().list_leases({.consumer = std::string(300, 'x')}); });
}

}  // namespace

std::vector<Case> lease_list_cases() {
    return {
        {"leases_come_in_pages", {"M-08"}, {.lease_control = true}, leases_come_in_pages},
        {"leases_are_listed_by_what_is_asked",
         {"M-08"},
         {.lease_control = true},
         leases_are_listed_by_what_is_asked},
        {"listed_leases_read_as_they_are",
         {"M-08", "E-04"},
         {.lease_control = true},
         listed_leases_read_as_they_are},
        {"leases_keep_the_pool_they_were_made_in",
         {"M-08"},
         {.catalog = true, .lease_control = true},
         leases_keep_the_pool_they_were_made_in},
        {"invalid_lists_of_leases_are_refused",
         {"M-09"},
         {.lease_control = true},
         invalid_lists_of_leases_are_refused},
    };
}

}  // namespace pharox::testkit
