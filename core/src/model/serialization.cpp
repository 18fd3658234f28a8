#include "pharox/model/serialization.hpp"

#include <ostream>

#include "model/json_fields.hpp"
#include "model/rules.hpp"

namespace pharox {
namespace {

using json_fields::Reader;
using json_fields::Writer;

// The fields of each model, once for both directions: `Fields` is a Writer or a Reader, `Model` is const for
// writing.

template <class Fields, class Model>
void proxy_fields(Fields& fields, Model& proxy) {
    fields.defaulted("id", proxy.id);
    fields.required("pool_id", proxy.pool_id);
    fields.required("host", proxy.host);
    fields.required("port", proxy.port);
    fields.defaulted("protocol", proxy.protocol);
    fields.defaulted("status", proxy.status);
    fields.defaulted("checked_at", proxy.checked_at);
    fields.optional("credentials", proxy.credentials);
    fields.optional("source", proxy.source);
    fields.optional("country", proxy.country);
    fields.optional("city", proxy.city);
    fields.optional("isp", proxy.isp);
    fields.optional("asn", proxy.asn);
    fields.optional("latitude", proxy.latitude);
    fields.optional("longitude", proxy.longitude);
    fields.optional("latency_ms", proxy.latency_ms);
    fields.optional("max_concurrency", proxy.max_concurrency);
    fields.defaulted("current_leases", proxy.current_leases);
    fields.defaulted("weight", proxy.weight);
    fields.defaulted("tags", proxy.tags);
    fields.defaulted("metadata", proxy.metadata);
}

template <class Fields, class Model>
void pool_fields(Fields& fields, Model& pool) {
    fields.defaulted("id", pool.id);
    fields.required("name", pool.name);
    fields.optional("description", pool.description);
    fields.defaulted("metadata", pool.metadata);
}

template <class Fields, class Model>
void consumer_fields(Fields& fields, Model& consumer) {
    fields.defaulted("id", consumer.id);
    fields.required("name", consumer.name);
}

template <class Fields, class Model>
void lease_fields(Fields& fields, Model& lease) {
    fields.required("id", lease.id);
    fields.required("proxy_id", lease.proxy_id);
    fields.required("consumer_id", lease.consumer_id);
    fields.required("pool_id", lease.pool_id);
    fields.required("pool_name", lease.pool_name);
    fields.defaulted("status", lease.status);
    fields.required("acquired_at", lease.acquired_at);
    fields.required("expires_at", lease.expires_at);
    fields.optional("released_at", lease.released_at);
    fields.optional("release_reason", lease.release_reason);
    fields.defaulted("fencing_token", lease.fencing_token);
    fields.optional("tenure_ends_at", lease.tenure_ends_at);
    fields.defaulted("metadata", lease.metadata);
}

template <class Fields, class Model>
void stats_fields(Fields& fields, Model& stats) {
    fields.required("pool_name", stats.pool_name);
    fields.defaulted("total_proxies", stats.total_proxies);
    fields.defaulted("active_proxies", stats.active_proxies);
    fields.defaulted("available_proxies", stats.available_proxies);
    fields.defaulted("leased_proxies", stats.leased_proxies);
    fields.defaulted("total_leases", stats.total_leases);
    fields.defaulted("collected_at", stats.collected_at);
}

template <class Fields, class Model>
void options_fields(Fields& fields, Model& options) {
    fields.defaulted("target_url", options.target_url);
    fields.defaulted("timeout_ms", options.timeout);
    fields.defaulted("attempts", options.attempts);
    fields.defaulted("expected_status_codes", options.expected_status_codes);
    fields.defaulted("slow_threshold_ms", options.slow_threshold);
    fields.defaulted("allow_redirects", options.allow_redirects);
    fields.defaulted("headers", options.headers);
}

template <class Fields, class Model>
void result_fields(Fields& fields, Model& result) {
    fields.required("proxy_id", result.proxy_id);
    fields.required("status", result.status);
    fields.optional("latency_ms", result.latency_ms);
    fields.required("protocol", result.protocol);
    fields.defaulted("attempts", result.attempts);
    fields.optional("status_code", result.status_code);
    fields.defaulted("checked_at", result.checked_at);
    fields.optional("failure", result.failure);
    fields.optional("error_message", result.error_message);
}

template <class Fields, class Model>
void record_fields(Fields& fields, Model& record) {
    fields.defaulted("id", record.id);
    fields.required("proxy_id", record.proxy_id);
    fields.defaulted("checked_at", record.checked_at);
    fields.required("reachable", record.reachable);
    fields.optional("latency_ms", record.latency_ms);
    fields.required("protocol", record.protocol);
    fields.optional("status_before", record.status_before);
    fields.required("status_after", record.status_after);
    fields.optional("failure", record.failure);
    fields.optional("error", record.error);
}

template <class Fields, class Model>
void filters_fields(Fields& fields, Model& filters) {
    fields.constraint("source", filters.source);
    fields.constraint("country", filters.country);
    fields.constraint("city", filters.city);
    fields.constraint("isp", filters.isp);
    fields.constraint("asn", filters.asn);
    fields.constraint("protocol", filters.protocol);
    fields.constraint("tags", filters.tags);
    fields.constraint("metadata", filters.metadata);
    fields.optional("latitude", filters.latitude);
    fields.optional("longitude", filters.longitude);
    fields.optional("radius_km", filters.radius_km);
    fields.constraint("all_of", filters.all_of);
    fields.constraint("any_of", filters.any_of);
    fields.constraint("none_of", filters.none_of);
    fields.constraint("exclude", filters.exclude);
}

template <class Model, class Visit>
Json written(const Model& model, Visit visit) {
    Writer writer;
    visit(writer, model);
    return writer.take();
}

template <class Model, class Visit>
Model read_from(const Json& json, std::string_view what, Visit visit) {
    Model model{};
    Reader reader(json, what);
    visit(reader, model);
    reader.finish();
    return model;
}

}  // namespace

// A visitor for both directions.
#define PHAROX_VISIT(function) [](auto& fields, auto& model) { function(fields, model); }

Json to_json(const ProxyCredentials& credentials) {
    return Json::object({{"user", credentials.user},
                         {"password", credentials.password},
                         {"template", credentials.template_}});
}
Json to_json(const Proxy& proxy) { return written(proxy, PHAROX_VISIT(proxy_fields)); }
Json to_json(const ProxyPool& pool) { return written(pool, PHAROX_VISIT(pool_fields)); }
Json to_json(const Consumer& consumer) { return written(consumer, PHAROX_VISIT(consumer_fields)); }
Json to_json(const Lease& lease) { return written(lease, PHAROX_VISIT(lease_fields)); }
Json to_json(const PoolStatsSnapshot& stats) { return written(stats, PHAROX_VISIT(stats_fields)); }
Json to_json(const HealthCheckOptions& options) { return written(options, PHAROX_VISIT(options_fields)); }
Json to_json(const HealthCheckResult& result) { return written(result, PHAROX_VISIT(result_fields)); }
Json to_json(const ProxyHealthRecord& record) { return written(record, PHAROX_VISIT(record_fields)); }

Json to_json(const ProxyFilters& filters) {
    if (filters.has_predicate()) throw ValidationError("predicate", {}, "cannot be serialised");
    return written(filters, PHAROX_VISIT(filters_fields));
}

Json to_redacted_json(const Proxy& proxy) {
    if (!proxy.credentials) return to_json(proxy);
    const std::string hidden(ValidationError::hidden_value);
    Proxy masked = proxy;
    masked.credentials =
        ProxyCredentials{.user = hidden, .password = hidden, .template_ = proxy.credentials->template_};
    return to_json(masked);
}

template <>
ProxyCredentials from_json(const Json& json) {
    ProxyCredentials credentials;
    json_fields::read("credentials", json, credentials);
    return credentials;
}
template <>
Proxy from_json(const Json& json) {
    // The value is not shown: a list of proxies, or a URL, contains passwords.
    if (json.is_string() || (json.is_array() && json.size() > 0))
        throw ValidationError("proxy", ValidationError::hidden_value, "is not a JSON object");
    auto proxy = read_from<Proxy>(json, "proxy", PHAROX_VISIT(proxy_fields));
    const int current_leases = proxy.current_leases;
    validate_at_least("current_leases", current_leases, 0);
    proxy = validated(std::move(proxy));
    proxy.current_leases = current_leases;  // validated() sets it to 0
    return proxy;
}
template <>
ProxyPool from_json(const Json& json) {
    return validated(read_from<ProxyPool>(json, "pool", PHAROX_VISIT(pool_fields)));
}
template <>
Consumer from_json(const Json& json) {
    return validated(read_from<Consumer>(json, "consumer", PHAROX_VISIT(consumer_fields)));
}
template <>
Lease from_json(const Json& json) {
    auto lease = read_from<Lease>(json, "lease", PHAROX_VISIT(lease_fields));
    validate_text("pool_name", lease.pool_name, max_name_bytes);
    validate_metadata_object(lease.metadata);
    if (lease.expires_at <= lease.acquired_at) {
        throw ValidationError("expires_at", format_timestamp(lease.expires_at), "is not after acquired_at");
    }
    const bool ended = lease.status == LeaseStatus::released;
    if (ended != lease.released_at.has_value() || ended != lease.release_reason.has_value()) {
        throw ValidationError("status", to_string(lease.status), "contradicts released_at or release_reason");
    }
    return lease;
}
template <>
PoolStatsSnapshot from_json(const Json& json) {
    auto stats = read_from<PoolStatsSnapshot>(json, "pool_stats", PHAROX_VISIT(stats_fields));
    validate_at_least("total_proxies", stats.total_proxies, 0);
    validate_at_least("active_proxies", stats.active_proxies, 0);
    validate_at_least("available_proxies", stats.available_proxies, 0);
    validate_at_least("leased_proxies", stats.leased_proxies, 0);
    validate_at_least("total_leases", stats.total_leases, 0);
    return stats;
}
template <>
HealthCheckOptions from_json(const Json& json) {
    return validated(
        read_from<HealthCheckOptions>(json, "health_check_options", PHAROX_VISIT(options_fields)));
}
template <>
HealthCheckResult from_json(const Json& json) {
    return validated(read_from<HealthCheckResult>(json, "health_check_result", PHAROX_VISIT(result_fields)));
}
template <>
ProxyHealthRecord from_json(const Json& json) {
    return validated(read_from<ProxyHealthRecord>(json, "health_record", PHAROX_VISIT(record_fields)));
}
template <>
ProxyFilters from_json(const Json& json) {
    ProxyFilters filters;
    json_fields::read("filters", json, filters);
    validate(filters);
    return filters;
}

void json_fields::read(const std::string& field, const Json& json, ProxyFilters& value) {
    // The JSON parser bounds the depth; names of nested fields contain their path.
    Reader reader(json, field, field == "filters" ? "" : field + ".");
    filters_fields(reader, value);
    reader.finish();
}

#undef PHAROX_VISIT

// ---- Printing: the JSON form, secrets masked

std::ostream& operator<<(std::ostream& out, const ProxyCredentials& credentials) {
    return out << (credentials.template_ ? "***:*** (template)" : "***:***");
}
std::ostream& operator<<(std::ostream& out, const Proxy& proxy) {
    try {
        return out << to_redacted_json(proxy);
    } catch (const ValidationError& error) {  // not validated yet: printing must not fail
        return out << "{invalid proxy " << proxy.id << ": " << error.what() << "}";
    }
}
std::ostream& operator<<(std::ostream& out, const ProxyPool& pool) { return out << to_json(pool); }
std::ostream& operator<<(std::ostream& out, const Consumer& consumer) { return out << to_json(consumer); }
std::ostream& operator<<(std::ostream& out, const Lease& lease) { return out << to_json(lease); }
std::ostream& operator<<(std::ostream& out, const PoolStatsSnapshot& stats) { return out << to_json(stats); }
std::ostream& operator<<(std::ostream& out, const HealthCheckOptions& options) {
    HealthCheckOptions shown = options;
    for (auto& [name, value] : shown.headers) value = ValidationError::hidden_value;
    return out << to_json(shown);
}
std::ostream& operator<<(std::ostream& out, const HealthCheckResult& result) {
    return out << to_json(result);
}
std::ostream& operator<<(std::ostream& out, const ProxyHealthRecord& record) {
    return out << to_json(record);
}
std::ostream& operator<<(std::ostream& out, const ProxyFilters& filters) {
    if (filters.has_predicate()) {
        ProxyFilters rest = filters;
        rest.predicate = nullptr;
        if (rest.has_predicate()) return out << "{…, predicate}";
        return out << to_json(rest) << " and predicate";
    }
    return out << to_json(filters);
}

}  // namespace pharox
