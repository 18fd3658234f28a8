#include "row_mapping.hpp"

#include "dialect.hpp"
#include "pharox/rules/leases.hpp"

namespace pharox::sqlite {

// The numbers are stored in users' files.
static_assert(static_cast<int>(ProxyStatus::active) == 0 && static_cast<int>(ProxyStatus::inactive) == 1 &&
              static_cast<int>(ProxyStatus::slow) == 2 && static_cast<int>(ProxyStatus::banned) == 3);
static_assert(static_cast<int>(ProxyProtocol::http) == 0 && static_cast<int>(ProxyProtocol::https) == 1 &&
              static_cast<int>(ProxyProtocol::socks4) == 2 && static_cast<int>(ProxyProtocol::socks5) == 3);
static_assert(static_cast<int>(HealthFailure::dns) == 0 && static_cast<int>(HealthFailure::connect) == 1 &&
              static_cast<int>(HealthFailure::timeout) == 2 && static_cast<int>(HealthFailure::tls) == 3 &&
              static_cast<int>(HealthFailure::proxy_auth) == 4 &&
              static_cast<int>(HealthFailure::proxy_protocol) == 5 &&
              static_cast<int>(HealthFailure::target_status) == 6 &&
              static_cast<int>(HealthFailure::target_unreachable) == 7 &&
              static_cast<int>(HealthFailure::cancelled) == 8);
static_assert(static_cast<int>(LeaseStatus::active) == 0 && static_cast<int>(LeaseStatus::released) == 1);
static_assert(static_cast<int>(ReleaseReason::released) == 0 &&
              static_cast<int>(ReleaseReason::expired) == 1 && static_cast<int>(ReleaseReason::revoked) == 2);

namespace {

std::optional<std::string> optional_text(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return std::string(row.text(column));
}

std::optional<double> optional_real(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return row.real(column);
}

std::optional<std::int64_t> optional_integer(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return row.integer(column);
}

std::optional<int> optional_int(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return static_cast<int>(row.integer(column));
}

template <class Enumeration>
std::optional<Enumeration> optional_enumeration(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return static_cast<Enumeration>(row.integer(column));
}

const Json& empty_object() {
    static const Json object = Json::object();
    return object;
}

Json read_metadata(const Statement& row, int column) {
    return row.is_null(column) ? empty_object() : Json::parse(row.text(column));
}

std::optional<ProxyCredentials> read_credentials(const Statement& row, int user) {
    if (row.is_null(user)) return std::nullopt;
    return ProxyCredentials{.user = std::string(row.text(user)),
                            .password = std::string(row.text(user + 1)),
                            .template_ = row.integer(user + 2) != 0};
}

}  // namespace

Proxy read_proxy(const Statement& row) {
    // Every member is set, because the defaults would generate an id and read the clock.
    return Proxy{.id = row.id<ProxyId>(0),
                 .pool_id = row.id<PoolId>(1),
                 .host = std::string(row.text(2)),
                 .port = static_cast<int>(row.integer(3)),
                 .protocol = static_cast<ProxyProtocol>(row.integer(4)),
                 .status = static_cast<ProxyStatus>(row.integer(5)),
                 .checked_at = row.time(6),
                 .credentials = read_credentials(row, 7),
                 .source = optional_text(row, 10),
                 .country = optional_text(row, 11),
                 .city = optional_text(row, 12),
                 .isp = optional_text(row, 13),
                 .asn = optional_integer(row, 14),
                 .latitude = optional_real(row, 15),
                 .longitude = optional_real(row, 16),
                 .latency_ms = optional_real(row, 17),
                 .max_concurrency = optional_int(row, 18),
                 .current_leases = static_cast<int>(row.integer(19)),
                 .weight = row.real(20),
                 .tags = decode_tags(row.text(21)),
                 .metadata = read_metadata(row, 22)};
}

ProxyRow read_proxy_row(const Statement& row) {
    return {.proxy = read_proxy(row),
            .fencing_token = row.integer(23),
            .random_key = row.real(24),
            .weighted_key = row.real(25)};
}

Lease read_lease(const Statement& row, int first) {
    Lease lease{.id = row.id<LeaseId>(first),
                .proxy_id = row.id<ProxyId>(first + 1),
                .consumer_id = row.id<ConsumerId>(first + 2),
                .pool_id = row.id<PoolId>(first + 3),
                .pool_name = std::string(row.text(first + 4)),
                .status = static_cast<LeaseStatus>(row.integer(first + 5)),
                .acquired_at = row.time(first + 6),
                .expires_at = row.time(first + 7),
                .fencing_token = row.integer(first + 10),
                .metadata = read_metadata(row, first + 11)};
    if (!row.is_null(first + 12)) lease.tenure_ends_at = row.time(first + 12);
    if (!row.is_null(first + 8)) lease.released_at = row.time(first + 8);
    if (!row.is_null(first + 9)) lease.release_reason = static_cast<ReleaseReason>(row.integer(first + 9));
    return lease;
}

ProxyPool read_pool(const Statement& row) {
    return {.id = row.id<PoolId>(0),
            .name = std::string(row.text(1)),
            .description = optional_text(row, 2),
            .metadata = read_metadata(row, 3)};
}

HealthCheckResult read_health_result(const Statement& row) {
    return {.proxy_id = row.id<ProxyId>(0),
            .status = static_cast<ProxyStatus>(row.integer(1)),
            .latency_ms = optional_real(row, 2),
            .protocol = static_cast<ProxyProtocol>(row.integer(3)),
            .attempts = static_cast<int>(row.integer(4)),
            .status_code = optional_int(row, 5),
            .checked_at = row.time(6),
            .failure = optional_enumeration<HealthFailure>(row, 7),
            .error_message = optional_text(row, 8)};
}

ProxyHealthRecord read_health_record(const Statement& row) {
    return {.id = row.id<RecordId>(0),
            .proxy_id = row.id<ProxyId>(1),
            .checked_at = row.time(2),
            .reachable = row.integer(3) != 0,
            .latency_ms = optional_real(row, 4),
            .protocol = static_cast<ProxyProtocol>(row.integer(5)),
            .status_before = optional_enumeration<ProxyStatus>(row, 6),
            .status_after = static_cast<ProxyStatus>(row.integer(7)),
            .failure = optional_enumeration<HealthFailure>(row, 8),
            .error = optional_text(row, 9)};
}

Consumer read_consumer(const Statement& row) {
    return {.id = row.id<ConsumerId>(0), .name = std::string(row.text(1))};
}

void bind_metadata(Statement& statement, const Json& metadata) {
    if (metadata.size() == 0) {
        statement.bind_null();
    } else {
        statement.bind(metadata.dump());
    }
}

void bind_proxy(Statement& statement, const Proxy& proxy) {
    statement.bind(proxy.pool_id)
        .bind(proxy.host)
        .bind(proxy.port)
        .bind(static_cast<int>(proxy.protocol))
        .bind(static_cast<int>(proxy.status))
        .bind(proxy.checked_at);
    if (proxy.credentials) {
        statement.bind(proxy.credentials->user)
            .bind(proxy.credentials->password)
            .bind(proxy.credentials->template_);
    } else {
        statement.bind_null().bind_null().bind_null();
    }
    statement.bind(proxy.source)
        .bind(proxy.country)
        .bind(proxy.city)
        .bind(proxy.isp)
        .bind(proxy.asn)
        .bind(proxy.latitude)
        .bind(proxy.longitude)
        .bind(proxy.latency_ms)
        .bind(proxy.max_concurrency)
        .bind(proxy.weight);
    const std::string tags = encode_tags(proxy.tags);
    if (tags.empty()) {
        statement.bind_null();
    } else {
        statement.bind_blob(tags.data(), tags.size());
    }
    bind_metadata(statement, proxy.metadata);
    statement.bind(proxy.identity()).bind(is_available(proxy));
}

bool is_available(const Proxy& proxy) noexcept {
    return proxy.status == ProxyStatus::active && !rules::is_full(proxy);
}

}  // namespace pharox::sqlite
