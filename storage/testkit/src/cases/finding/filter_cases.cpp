// Filters on a proxy's plain attributes, and how they combine.
#include "cases/finding/found.hpp"
#include "runner/case.hpp"

namespace pharox::testkit {

namespace {

using Text = std::optional<std::string> Proxy::*;
using Wanted = OneOf<std::string> ProxyFilters::*;

struct TextAttribute {
    const char* name;
    Text attribute;
    Wanted filter;
};

constexpr TextAttribute text_attributes[] = {{"source", &Proxy::source, &ProxyFilters::source},
                                             {"country", &Proxy::country, &ProxyFilters::country},
                                             {"city", &Proxy::city, &ProxyFilters::city},
                                             {"isp", &Proxy::isp, &ProxyFilters::isp}};

ProxyFilters asking(Wanted filter, const OneOf<std::string>& values) {
    ProxyFilters filters;
    filters.*filter = values;
    return filters;
}

void text_compares_by_bytes(Context& context) {
    const auto pool = context.add_pool();
    for (const auto& [name, attribute, filter] : text_attributes) {
        SCOPED_TRACE(name);
        const auto with = [&, at = attribute](const std::string& value) {
            return context.add_proxy(pool, [&](Proxy& it) { it.*at = value; });
        };
        const auto upper = with("Zo\xc3\xab");        // composed ë
        const auto lower = with("zo\xc3\xab");        // another case
        const auto decomposed = with("Zoe\xcc\x88");  // e and a combining diaeresis
        const auto spaced = with("Zo\xc3\xab ");      // a space at the end
        const auto wild = with("%_*?'\"\\;--");       // what query languages know
        expect_found(context, asking(filter, "Zo\xc3\xab"), {upper});
        expect_found(context, asking(filter, "zo\xc3\xab"), {lower});
        expect_found(context, asking(filter, "Zoe\xcc\x88"), {decomposed});
        expect_found(context, asking(filter, "Zo\xc3\xab "), {spaced});
        expect_found(context, asking(filter, "%_*?'\"\\;--"), {wild});
        expect_found(context, asking(filter, "%"), {});
        expect_found(context, asking(filter, "Zo"), {});
        const auto first = with(std::string(254, 'x') + "1");
        const auto second = with(std::string(254, 'x') + "2");
        expect_found(context, asking(filter, std::string(254, 'x') + "1"), {first});
        expect_found(context, asking(filter, std::string(254, 'x') + "2"), {second});
    }
}

void one_of_several_values(Context& context) {
    const auto pool = context.add_pool();
    for (const auto& [name, attribute, filter] : text_attributes) {
        SCOPED_TRACE(name);
        const auto with = [&, at = attribute](const std::string& value) {
            return context.add_proxy(pool, [&](Proxy& it) { it.*at = value; });
        };
        const auto a = with("a");
        const auto b = with("b");
        with("c");
        expect_found(context, asking(filter, {"a", "b", "nowhere", "a"}), {a, b});
        expect_found(context, asking(filter, {"x", "y"}), {});
        std::vector<std::string> many;
        for (int i = 0; i < 300; ++i) {
            many.push_back("value " + std::to_string(i));
        }
        many.emplace_back("b");
        expect_found(context, asking(filter, many), {b});
    }
}

void empty_list_is_no_constraint(Context& context) {
    const auto pool = context.add_pool();
    const auto plain = context.add_proxy(pool);
    const auto full = context.add_proxy(pool, [](Proxy& it) {
        it.country = "AR";
        it.asn = 1;
        it.tags = {"t"};
    });
    ProxyFilters filters;
    filters.country = std::vector<std::string>{};
    filters.asn = std::vector<std::int64_t>{};
    filters.protocol = std::vector<ProxyProtocol>{};
    expect_found(context, filters, {plain, full});
    expect_found(context, {.none_of = {}}, {plain, full});
}

void asn_holds_its_range(Context& context) {
    const auto pool = context.add_pool();
    const auto with = [&](std::int64_t asn) {
        return context.add_proxy(pool, [&](Proxy& it) { it.asn = asn; });
    };
    context.add_proxy(pool);  // absent is not 0
    const auto zero = with(0);
    const auto signed_end = with(2'147'483'648);
    const auto last = with(4'294'967'295);
    expect_found(context, {.asn = std::int64_t{0}}, {zero});
    expect_found(context, {.asn = std::int64_t{2'147'483'648}}, {signed_end});
    expect_found(context, {.asn = std::int64_t{4'294'967'295}}, {last});
    expect_found(context, {.asn = {0, 4'294'967'295}}, {zero, last});
    expect_found(context, {.asn = std::int64_t{1}}, {});
}

void protocol_picks_by_scheme(Context& context) {
    const auto pool = context.add_pool();
    std::vector<Proxy> proxies;
    for (const auto protocol :
         {ProxyProtocol::http, ProxyProtocol::https, ProxyProtocol::socks4, ProxyProtocol::socks5}) {
        proxies.push_back(context.add_proxy(pool, [&](Proxy& it) { it.protocol = protocol; }));
    }
    for (const auto& proxy : proxies) {
        expect_found(context, {.protocol = proxy.protocol}, {proxy});
    }
    expect_found(context, {.protocol = {ProxyProtocol::https, ProxyProtocol::socks5}},
                 {proxies[1], proxies[3]});
}

void tags_are_all_wanted(Context& context) {
    const auto pool = context.add_pool();
    const auto with = [&](const std::set<std::string>& tags) {
        return context.add_proxy(pool, [&](Proxy& it) { it.tags = tags; });
    };
    with({});
    const auto one = with({"mobile"});
    const auto both = with({"mobile", "5g"});
    const auto odd = with({"Mobile", "mobile\",\"x", "\xe7\xa7\xbb\xe5\x8b\x95", "%"});
    expect_found(context, {.tags = {"mobile"}}, {one, both});
    expect_found(context, {.tags = {"mobile", "5g"}}, {both});
    expect_found(context, {.tags = {"5g", "mobile", "5g"}}, {both});
    expect_found(context, {.tags = {"mobile", "4g"}}, {});
    expect_found(context, {.tags = {"\xe7\xa7\xbb\xe5\x8b\x95", "%"}}, {odd});
    expect_found(context, {.tags = {"mobile\",\"x"}}, {odd});
    expect_found(context, {.tags = {"mob"}}, {});
}

void everything_set_must_hold(Context& context) {
    const auto pool = context.add_pool();
    const auto with = [&](const char* country, const char* source, const char* city) {
        return context.add_proxy(pool, [&](Proxy& it) {
            it.country = country;
            it.source = source;
            it.city = city;
        });
    };
    with("AR", "latam", "Cordoba");
    const auto second = with("AR", "latam", "Buenos Aires");
    with("BR", "latam", "Buenos Aires");
    expect_found(context, {.source = "latam", .country = "AR", .city = "Buenos Aires"}, {second});
    expect_found(context, {.country = "AR", .protocol = ProxyProtocol::socks5}, {});
}

void null_passes_none_of(Context& context) {
    const auto pool = context.add_pool();
    const auto nothing = context.add_proxy(pool);
    const auto all = context.add_proxy(pool, [](Proxy& it) {
        it.source = it.country = it.city = it.isp = "x";
        it.asn = 1;
        it.latitude = it.longitude = 1.0;
        it.tags = {"x"};
        it.metadata = Json::object({{"x", "x"}});
    });
    const std::vector<ProxyFilters> each = {{.source = "x"},
                                            {.country = "x"},
                                            {.city = "x"},
                                            {.isp = "x"},
                                            {.asn = std::int64_t{1}},
                                            {.latitude = 1.0, .longitude = 1.0},
                                            {.tags = {"x"}},
                                            {.latitude = 1.0, .longitude = 1.0, .radius_km = 1.0},
                                            {.metadata = {{{"x"}, "x"}}}};
    for (const auto& filter : each) {
        expect_found(context, filter, {all});
        expect_found(context, {.none_of = {filter}}, {nothing});
        expect_found(context, {.none_of = {{.none_of = {filter}}}}, {all});
    }
}

void composites_nest(Context& context) {
    const auto pool = context.add_pool();
    const auto with = [&](const char* country, const char* source, const char* city) {
        return context.add_proxy(pool, [&](Proxy& it) {
            it.country = country;
            it.source = source;
            it.city = city;
        });
    };
    const auto argentine = with("AR", "latam", "Cordoba");
    const auto forbidden = with("AR", "latam", "Forbidden");
    const auto brazilian = with("BR", "andina", "Rio");
    const auto peruvian = with("PE", "andina", "Lima");
    const ProxyFilters filters{.any_of = {{.source = "latam", .country = "AR"},
                                          {.all_of = {{.country = "BR"}, {.source = "andina"}}}},
                               .none_of = {{.city = "Forbidden"}}};
    expect_found(context, filters, {argentine, brazilian});
    expect_found(context, {.all_of = {{.source = "andina"}, {.none_of = {{.country = "BR"}}}}}, {peruvian});
    expect_found(context, {.all_of = {{.country = "AR"}, {.country = "BR"}}}, {});
    expect_found(context,
                 {.all_of = {{.country = "AR"}, {.source = "latam"}, {.city = "Cordoba"}, {.city = "x"}}},
                 {});
    expect_found(context, {.any_of = {{.city = "w"}, {.city = "x"}, {.city = "y"}, {.city = "Lima"}}},
                 {peruvian});
    expect_found(context, {.none_of = {{.city = "x"}, {.city = "y"}, {.country = "AR"}, {.country = "PE"}}},
                 {brazilian});
    expect_found(context, {.any_of = {{.country = "AR"}, {.city = "Lima"}}},
                 {argentine, forbidden, peruvian});
    expect_found(context, {.none_of = {{.country = "AR"}, {.city = "Lima"}}}, {brazilian});
    expect_found(context, {.country = "AR", .any_of = {{.city = "Cordoba"}, {.city = "Lima"}}}, {argentine});
}

void empty_child_matches_everything(Context& context) {
    const auto pool = context.add_pool();
    const auto proxy = context.add_proxy(pool);
    const auto other = context.add_proxy(pool, [](Proxy& it) { it.country = "AR"; });
    expect_found(context, {.any_of = {{.country = "AR"}, {}}}, {proxy, other});
    expect_found(context, {.all_of = {{}}}, {proxy, other});
    expect_found(context, {.none_of = {{}}}, {});
}

void sixteen_levels(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxy(pool);
    const auto wanted = context.add_proxy(pool, [](Proxy& it) { it.country = "AR"; });
    ProxyFilters nested{.country = "AR"};
    for (int level = 2; level <= 16; ++level) {
        ProxyFilters outer;
        (level % 2 == 0 ? outer.any_of : outer.all_of).push_back(nested);
        nested = outer;
    }
    expect_found(context, nested, {wanted});
    EXPECT_TRUE(thrown<ValidationError>([&] { context.find("pool", {.none_of = {nested}}); }));
}

void excluded_ones_are_not_found(Context& context) {
    const auto pool = context.add_pool();
    const auto proxies = context.add_proxies(pool, 3);
    expect_found(context, {.exclude = {proxies[0].id}}, {proxies[1], proxies[2]});
    expect_found(context, {.exclude = ids_of(proxies)}, {});
    ProxyFilters many{.exclude = {proxies[1].id}};
    while (many.exclude.size() < 1'000) {
        many.exclude.push_back(ProxyId::make());
    }
    const auto acquired = context.acquire({.pool = "pool", .filters = many});
    ASSERT_TRUE(acquired);
    EXPECT_NE(acquired.proxy().id, proxies[1].id);
    EXPECT_TRUE(context.release(acquired.lease()));
    for (std::size_t i = 0; i < proxies.size(); ++i) {  // the last ones of 1,000
        many.exclude[many.exclude.size() - 1 - i] = proxies[i].id;
    }
    EXPECT_FALSE(context.find("pool", many)) << "all of the pool is among the last of 1,000 excluded ids";
    EXPECT_EQ(context.find("pool", {.country = "AR", .exclude = {proxies[0].id}}), std::nullopt);
}

void wrong_filters_are_refused(Context& context) {
    const auto proxy = context.add_proxy(context.add_pool());
    const auto refused = [&](const std::string& field, const ProxyFilters& filters) {
        SCOPED_TRACE(field);
        expect_refused<ValidationError>(field, [&] { context.find("pool", filters); });
        expect_refused<ValidationError>(field,
                                        [&] { context.acquire({.pool = "pool", .filters = filters}); });
        if (context.has_catalog()) {
            expect_refused<ValidationError>(
                field, [&] { context.catalog().list_proxies({.pool = "pool", .filters = filters}); });
        }
    };
    refused("country", {.country = ""});
    refused("city", {.any_of = {{.city = {"a", ""}}}});
    refused("source", {.source = std::string("a\0b", 3)});
    refused("isp", {.isp = "\xff"});
    refused("asn", {.asn = std::int64_t{-1}});
    refused("asn", {.asn = std::int64_t{4'294'967'296}});
    refused("longitude", {.latitude = 1.0});
    refused("latitude", {.longitude = 1.0});
    refused("latitude", {.latitude = 90.1, .longitude = 0.0});
    refused("radius_km", {.latitude = 1.0, .longitude = 1.0, .radius_km = 0.0});
    refused("exclude", {.exclude = std::vector<ProxyId>(1'001, ProxyId::make())});
    refused("exclude", {.none_of = {{.exclude = {proxy.id}}}});
    EXPECT_EQ(context.stats().total_leases, 0);
}

}  // namespace

std::vector<Case> filter_cases() {
    return {
        {"text_compares_by_bytes", {"X-01", "X-15"}, {}, text_compares_by_bytes},
        {"one_of_several_values", {"X-02"}, {}, one_of_several_values},
        {"empty_list_is_no_constraint", {"X-02"}, {}, empty_list_is_no_constraint},
        {"asn_holds_its_range", {"X-03"}, {}, asn_holds_its_range},
        {"protocol_picks_by_scheme", {"X-04"}, {}, protocol_picks_by_scheme},
        {"tags_are_all_wanted", {"X-05"}, {}, tags_are_all_wanted},
        {"everything_set_must_hold", {"X-01", "X-15"}, {}, everything_set_must_hold},
        {"null_passes_none_of", {"X-10"}, {}, null_passes_none_of},
        {"composites_nest", {"X-09", "X-15"}, {}, composites_nest},
        {"empty_child_matches_everything", {"X-09"}, {}, empty_child_matches_everything},
        {"sixteen_levels", {"X-09"}, {}, sixteen_levels},
        {"excluded_ones_are_not_found", {"X-11"}, {}, excluded_ones_are_not_found},
        {"wrong_filters_are_refused", {"X-14", "V-03"}, {}, wrong_filters_are_refused},
    };
}

}  // namespace pharox::testkit
