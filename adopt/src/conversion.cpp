#include "conversion.hpp"

#include <algorithm>
#include <limits>

#include "pharox/errors.hpp"

namespace pharox::adopt {
namespace {

/// The field and the rule, and the value unless it may contain a password.
std::string reason_of(const ValidationError& error) {
    const bool may_be_secret = error.value().find_first_of("@:") != std::string::npos;
    if (!may_be_secret) return error.what();
    return ValidationError(error.field(), ValidationError::hidden_value, error.rule()).what();
}

/// The reference treats an empty text as no value.
std::optional<std::string> unless_empty(const std::optional<std::string>& text) {
    return text && !text->empty() ? text : std::nullopt;
}

}  // namespace

Conversion::Conversion(ISource& source, const Options& options) {
    report_.versions = source.versions();
    read_pools(source, options.pools);
    read_consumers(source);
    read_proxies(source);
    read_leases(source);
    report_.ended_leases = source.ended_leases();
}

void Conversion::note(std::string kind, std::string id, Outcome outcome, std::string reason) {
    report_.notes.push_back(
        {.kind = std::move(kind), .id = std::move(id), .outcome = outcome, .reason = std::move(reason)});
}

void Conversion::read_pools(ISource& source, const std::vector<std::string>& only) {
    const std::vector<SourcePool> rows = source.pools();
    for (const std::string& name : only) {
        if (std::ranges::find(rows, name, &SourcePool::name) == rows.end()) throw PoolNotFoundError(name);
    }
    for (const SourcePool& row : rows) {
        if (!only.empty() && std::ranges::find(only, row.name) == only.end()) continue;
        ++report_.pools.found;
        try {
            pools_.push_back(validated(
                ProxyPool{.id = row.id, .name = row.name, .description = unless_empty(row.description)}));
            wanted_pools_[row.id] = true;
        } catch (const ValidationError& error) {
            note("pool", row.id.to_string(), Outcome::left_out, reason_of(error));
            wanted_pools_[row.id] = false;
        }
    }
}

void Conversion::read_consumers(ISource& source) {
    for (const SourceConsumer& row : source.consumers()) {
        ++report_.consumers.found;
        try {
            consumers_.push_back(validated(Consumer{.id = row.id, .name = row.name}));
            consumer_names_[row.id] = row.name;
        } catch (const ValidationError& error) {
            note("consumer", row.id.to_string(), Outcome::left_out, reason_of(error));
        }
    }
}

Proxy Conversion::converted(const SourceProxy& row) {
    Proxy proxy{.id = row.id,
                .pool_id = row.pool_id,
                .host = row.host,
                .protocol = parse_proxy_protocol(row.protocol),
                .status = parse_proxy_status(row.status),
                .checked_at = row.checked_at,
                .source = unless_empty(row.source),
                .country = unless_empty(row.country),
                .city = unless_empty(row.city),
                .isp = unless_empty(row.isp)};
    const auto whole = [](std::string_view field, std::int64_t value) {
        if (value < 1 || value > std::numeric_limits<int>::max())
            throw ValidationError(std::string(field), std::to_string(value),
                                  "is not between 1 and 2147483647");
        return static_cast<int>(value);
    };
    proxy.port = whole("port", row.port);
    if (row.max_concurrency) proxy.max_concurrency = whole("max_concurrency", *row.max_concurrency);
    if (row.has_credentials) proxy.credentials = ProxyCredentials{.user = row.user, .password = row.password};
    proxy = validated(std::move(proxy));

    // A proxy is worth more than its place, network and latency.
    const auto add_unless_invalid = [&](const auto& add) {
        Proxy with = proxy;
        add(with);
        try {
            proxy = validated(std::move(with));
        } catch (const ValidationError& error) {
            note("proxy", row.id.to_string(), Outcome::changed, "without " + reason_of(error));
        }
    };
    if (row.latitude || row.longitude) {
        add_unless_invalid([&](Proxy& with) {
            with.latitude = row.latitude;
            with.longitude = row.longitude;
        });
    }
    if (row.asn) add_unless_invalid([&](Proxy& with) { with.asn = row.asn; });
    if (row.latency_ms) add_unless_invalid([&](Proxy& with) { with.latency_ms = row.latency_ms; });
    return proxy;
}

void Conversion::read_proxies(ISource& source) {
    std::map<std::pair<PoolId, std::string>, ProxyId> identities;
    for (const SourceProxy& row : source.proxies()) {
        const auto pool = wanted_pools_.find(row.pool_id);
        if (pool == wanted_pools_.end()) {
            unrequested_.insert(row.id);
            continue;
        }
        ++report_.proxies.found;
        const std::string id = row.id.to_string();
        if (!pool->second) {
            note("proxy", id, Outcome::left_out, "its pool is left out");
            continue;
        }
        try {
            Proxy proxy = converted(row);
            const auto [same, added] = identities.try_emplace({proxy.pool_id, proxy.identity()}, proxy.id);
            proxy_ids_[row.id] = same->second;
            if (added) {
                proxies_.push_back(std::move(proxy));
            } else {
                note("proxy", id, Outcome::merged, "is the same proxy as " + same->second.to_string());
            }
        } catch (const ValidationError& error) {
            note("proxy", id, Outcome::left_out, reason_of(error));
        }
    }
}

void Conversion::read_leases(ISource& source) {
    for (const SourceLease& row : source.open_leases()) {
        if (!concerns(row.proxy_id)) continue;
        const std::string id = row.id.to_string();
        const auto proxy = proxy_ids_.find(row.proxy_id);
        const auto consumer = consumer_names_.find(row.consumer_id);
        ++report_.leases.found;
        if (proxy == proxy_ids_.end() || consumer == consumer_names_.end()) {
            note("lease", id, Outcome::left_out,
                 proxy == proxy_ids_.end() ? "its proxy is not adopted" : "its consumer is left out");
            continue;
        }
        if (row.remaining > max_lease_duration)
            note("lease", id, Outcome::changed, "expires in 30 days: no lease can be longer");
        leases_.push_back({.id = row.id,
                           .proxy_id = proxy->second,
                           .consumer = consumer->second,
                           .acquired_at = row.acquired_at,
                           .remaining = std::min(row.remaining, max_lease_duration)});
    }
}

std::optional<ProxyHealthRecord> Conversion::record(const SourceRecord& row) const {
    const auto proxy = proxy_ids_.find(row.proxy_id);
    if (proxy == proxy_ids_.end()) return std::nullopt;
    try {
        ProxyHealthRecord record{.id = row.id,
                                 .proxy_id = proxy->second,
                                 .checked_at = row.checked_at,
                                 .reachable = row.reachable,
                                 .latency_ms = row.latency_ms,
                                 .protocol = parse_proxy_protocol(row.protocol),
                                 .status_after = parse_proxy_status(row.status_after),
                                 .error = unless_empty(row.error)};
        if (row.status_before) record.status_before = parse_proxy_status(*row.status_before);
        return validated(std::move(record));
    } catch (const ValidationError&) {
        return std::nullopt;
    }
}

}  // namespace pharox::adopt
