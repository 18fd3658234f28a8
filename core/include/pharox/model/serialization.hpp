// Every model to and from JSON. Absent optional fields are absent keys; unknown keys are refused.
#pragma once

#include "pharox/filters.hpp"
#include "pharox/model/health.hpp"
#include "pharox/model/json.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"
#include "pharox/model/stats.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// Complete: a proxy's JSON contains its password. For storing and sending, never for logs.
Json to_json(const ProxyCredentials& credentials);
Json to_json(const Proxy& proxy);
Json to_json(const ProxyPool& pool);
Json to_json(const Consumer& consumer);
Json to_json(const Lease& lease);
Json to_json(const PoolStatsSnapshot& stats);
Json to_json(const HealthCheckOptions& options);
Json to_json(const HealthCheckResult& result);
Json to_json(const ProxyHealthRecord& record);
/// Throws ValidationError if a predicate is set, because predicates cannot be serialised.
Json to_json(const ProxyFilters& filters);

/// The same with `***` in place of user and password, for output.
Json to_redacted_json(const Proxy& proxy);

/// Creates a model of one of the types above from JSON. The result is validated. Throws ValidationError with
/// the field, the value and the rule.
template <class Model>
Model from_json(const Json& json);

template <>
ProxyCredentials from_json(const Json& json);
template <>
Proxy from_json(const Json& json);
template <>
ProxyPool from_json(const Json& json);
template <>
Consumer from_json(const Json& json);
template <>
Lease from_json(const Json& json);
template <>
PoolStatsSnapshot from_json(const Json& json);
template <>
HealthCheckOptions from_json(const Json& json);
template <>
HealthCheckResult from_json(const Json& json);
template <>
ProxyHealthRecord from_json(const Json& json);
template <>
ProxyFilters from_json(const Json& json);

}  // namespace pharox
