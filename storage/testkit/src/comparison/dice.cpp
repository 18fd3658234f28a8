#include "comparison/dice.hpp"

#include <algorithm>
#include <set>

namespace pharox::testkit {

namespace {

constexpr std::size_t kinds_of_conditions = 14;

void collect_kinds(const ProxyFilters& filters, std::set<std::string>& kinds) {
    const auto note = [&](bool is_set, const char* kind) {
        if (is_set) {
            kinds.insert(kind);
        }
    };
    note(!filters.source.empty(), "source");
    note(!filters.country.empty(), "country");
    note(!filters.city.empty(), "city");
    note(!filters.isp.empty(), "isp");
    note(!filters.asn.empty(), "asn");
    note(!filters.protocol.empty(), "protocol");
    note(!filters.tags.empty(), "tags");
    note(!filters.metadata.empty(), "metadata");
    note(filters.latitude && !filters.radius_km, "place");
    note(filters.radius_km.has_value(), "radius");
    note(!filters.exclude.empty(), "exclude");
    note(static_cast<bool>(filters.predicate), "predicate");
    note(!filters.all_of.empty(), "all_of");
    note(!filters.any_of.empty(), "any_of");
    note(!filters.none_of.empty(), "none_of");
    for (const auto* const children : {&filters.all_of, &filters.any_of, &filters.none_of}) {
        for (const auto& child : *children) {
            collect_kinds(child, kinds);
        }
    }
}

}  // namespace

Dice::Dice(std::uint64_t seed, std::uint64_t step) {
    std::seed_seq both{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                       static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)};
    random_.seed(both);
}

UuidBytes Dice::uuid() {
    UuidBytes bytes{};
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(random_());
    }
    bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
    bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
    return bytes;
}

ProxyFilters Dice::filters(int depth) {
    ProxyFilters drawn;
    if (depth == 0 && one_in(3)) {
        return drawn;
    }
    add_condition(drawn, depth);
    if (one_in(3)) {
        add_condition(drawn, depth);
    }
    return drawn;
}

void Dice::add_condition(ProxyFilters& filters, int depth) {
    const auto kinds = depth < 3 ? kinds_of_conditions : kinds_of_conditions - 3;
    switch (below(kinds)) {
        case 0:
            filters.source = texts();
            break;
        case 1:
            filters.country = texts();
            break;
        case 2:
            filters.city = texts();
            break;
        case 3:
            filters.isp = texts();
            break;
        case 4:
            filters.asn =
                OneOf<std::int64_t>{static_cast<std::int64_t>(below(3)), static_cast<std::int64_t>(below(3))};
            break;
        case 5:
            filters.protocol = protocol();
            break;
        case 6:
            filters.tags = {text()};
            break;
        case 7:
            filters.metadata = {{{"tier"}, static_cast<double>(below(2))}};
            break;
        case 8:
            filters.latitude = filters.longitude = degrees();
            filters.radius_km = std::nullopt;
            break;
        case 9:
            filters.latitude = filters.longitude = degrees();
            filters.radius_km = 2'000.0;
            break;
        case 10:
            filters.predicate = [last = static_cast<char>('2' + below(8))](const Proxy& it) {
                return it.host.back() < last;
            };
            break;
        case 11:
            filters.all_of = {this->filters(depth + 2), this->filters(depth + 2)};
            break;
        case 12:
            filters.any_of = {this->filters(depth + 1), this->filters(depth + 1)};
            break;
        default:
            filters.none_of = {this->filters(depth + 1)};
            break;
    }
}

Duration Dice::duration() { return one_in(8) ? Duration(1 + below(5)) : Duration(1'000 * (1 + below(120))); }

void Dice::vary(Proxy& proxy) {
    proxy.protocol = protocol();
    proxy.status = one_in(4) ? of<ProxyStatus>({ProxyStatus::inactive, ProxyStatus::slow, ProxyStatus::slow,
                                                ProxyStatus::banned})
                             : ProxyStatus::active;
    proxy.checked_at = Timestamp(std::chrono::days(19'000) + std::chrono::hours(below(3)));
    proxy.source = maybe_text();
    proxy.country = maybe_text();
    proxy.city = maybe_text();
    proxy.isp = maybe_text();
    proxy.asn = one_in(3) ? std::nullopt : std::optional(static_cast<std::int64_t>(below(3)));
    proxy.latitude = proxy.longitude = one_in(4) ? std::nullopt : std::optional(degrees());
    proxy.latency_ms = one_in(3) ? std::nullopt : std::optional(0.5 * static_cast<double>(below(4)));
    proxy.max_concurrency = one_in(12) ? std::nullopt : std::optional(one_in(3) ? 2 : 1);
    proxy.weight = of<double>({0.0, 1.0, 1.0, 2.5});
    proxy.tags = one_in(3) ? std::set<std::string>{} : std::set<std::string>{text(), text()};
    proxy.metadata = one_in(3) ? Json::object() : Json::object({{"tier", static_cast<int>(below(2))}});
}

HealthCheckResult Dice::check(ProxyId proxy, Timestamp now) {
    HealthCheckResult drawn{
        .proxy_id = proxy,
        .status = one_in(3) ? of<ProxyStatus>({ProxyStatus::inactive, ProxyStatus::slow, ProxyStatus::banned})
                            : ProxyStatus::active,
        .protocol = protocol(),
        .attempts = 1 + static_cast<int>(below(3)),
        .checked_at = now + std::chrono::seconds(2) - std::chrono::seconds(below(300))};
    if (!one_in(3)) {
        drawn.latency_ms = 0.5 * static_cast<double>(below(4));
    }
    if (one_in(2)) {
        drawn.status_code = 200;
    } else {
        drawn.failure = HealthFailure::timeout;
        drawn.error_message = text();
    }
    return drawn;
}

ProxyHealthRecord Dice::record(ProxyId proxy, Timestamp now) {
    ProxyHealthRecord drawn{.id = id<RecordId>(),
                            .proxy_id = proxy,
                            .checked_at = now - std::chrono::seconds(below(20)),
                            .reachable = one_in(2),
                            .protocol = protocol()};
    if (one_in(2)) {
        drawn.latency_ms = 1.5;
        drawn.status_before = ProxyStatus::active;
    }
    if (!drawn.reachable) {
        drawn.failure = HealthFailure::connect;
        drawn.error = text();
    }
    return drawn;
}

std::vector<std::string> kinds_in(const ProxyFilters& filters) {
    std::set<std::string> kinds;
    collect_kinds(filters, kinds);
    return {kinds.begin(), kinds.end()};
}

}  // namespace pharox::testkit
