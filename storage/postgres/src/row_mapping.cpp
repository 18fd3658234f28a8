#include "row_mapping.hpp"

#include <charconv>

#include "client/json_numbers.hpp"

namespace pharox::postgres {

// The numbers are in the databases of our users.
static_assert(static_cast<int>(ProxyStatus::active) == 0 && static_cast<int>(ProxyStatus::inactive) == 1 &&
              static_cast<int>(ProxyStatus::slow) == 2 && static_cast<int>(ProxyStatus::banned) == 3);
static_assert(static_cast<int>(ProxyProtocol::http) == 0 && static_cast<int>(ProxyProtocol::https) == 1 &&
              static_cast<int>(ProxyProtocol::socks4) == 2 && static_cast<int>(ProxyProtocol::socks5) == 3);
static_assert(static_cast<int>(LeaseStatus::active) == 0 && static_cast<int>(LeaseStatus::released) == 1);
static_assert(static_cast<int>(ReleaseReason::released) == 0 &&
              static_cast<int>(ReleaseReason::expired) == 1 && static_cast<int>(ReleaseReason::revoked) == 2);

namespace {

std::optional<std::string> optional_text(const Rows& rows, int row, int column) {
    if (rows.is_null(row, column)) return std::nullopt;
    return std::string(rows.text(row, column));
}
std::optional<double> optional_real(const Rows& rows, int row, int column) {
    if (rows.is_null(row, column)) return std::nullopt;
    return rows.real(row, column);
}
std::optional<Timestamp> optional_time(const Rows& rows, int row, int column) {
    if (rows.is_null(row, column)) return std::nullopt;
    return rows.time(row, column);
}

std::optional<ProxyCredentials> read_credentials(const Rows& rows, int row, int user) {
    if (rows.is_null(row, user)) return std::nullopt;
    return ProxyCredentials{.user = std::string(rows.text(row, user)),
                            .password = std::string(rows.text(row, user + 1)),
                            .template_ = rows.flag(row, user + 2)};
}

/// Fields of COPY's text format.
class CopyLine {
  public:
    explicit CopyLine(std::string& lines) : lines_(lines) {}
    ~CopyLine() { lines_.back() = '\n'; }
    CopyLine(const CopyLine&) = delete;
    CopyLine& operator=(const CopyLine&) = delete;

    CopyLine& add(std::string_view text) {
        for (const char letter : text) put(letter);
        lines_ += '\t';
        return *this;
    }
    CopyLine& add(const std::string& text) { return add(std::string_view(text)); }
    CopyLine& add(std::int64_t number) { return add_raw(std::to_string(number)); }
    CopyLine& add(int number) { return add(std::int64_t{number}); }
    CopyLine& add(double number) {
        char digits[32];
        const auto* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        return add_raw({digits, end});
    }
    CopyLine& add(bool value) { return add_raw(value ? "t" : "f"); }
    template <class T>
    CopyLine& add(const std::optional<T>& value) {
        return value ? add(*value) : add_raw("\\N");
    }
    CopyLine& add(const std::set<std::string>& texts) {
        lines_ += '{';
        bool first = true;
        for (const std::string& text : texts) {
            if (!first) lines_ += ',';
            first = false;
            lines_ += '"';
            for (const char letter : text) {
                if (letter == '"' || letter == '\\') put('\\');
                put(letter);
            }
            lines_ += '"';
        }
        lines_ += "}\t";
        return *this;
    }

  private:
    CopyLine& add_raw(std::string_view text) {
        lines_ += text;
        lines_ += '\t';
        return *this;
    }
    void put(char letter) {
        switch (letter) {
            case '\\':
                lines_ += "\\\\";
                return;
            case '\n':
                lines_ += "\\n";
                return;
            case '\r':
                lines_ += "\\r";
                return;
            case '\t':
                lines_ += "\\t";
                return;
            default:
                lines_ += letter;
        }
    }
    std::string& lines_;
};

}  // namespace

Proxy read_proxy(const Rows& rows, int row, int first) {
    const auto at = [first](int column) { return first + column; };
    std::optional<std::int64_t> asn;
    if (!rows.is_null(row, at(14))) asn = rows.integer(row, at(14));
    std::optional<int> limit;
    if (!rows.is_null(row, at(18))) limit = static_cast<int>(rows.integer(row, at(18)));
    // Every member is named: the defaults would draw an id and look at the clock.
    return Proxy{.id = rows.id<ProxyId>(row, at(0)),
                 .pool_id = rows.id<PoolId>(row, at(1)),
                 .host = std::string(rows.text(row, at(2))),
                 .port = static_cast<int>(rows.integer(row, at(3))),
                 .protocol = static_cast<ProxyProtocol>(rows.integer(row, at(4))),
                 .status = static_cast<ProxyStatus>(rows.integer(row, at(5))),
                 .checked_at = rows.time(row, at(6)),
                 .credentials = read_credentials(rows, row, at(7)),
                 .source = optional_text(rows, row, at(10)),
                 .country = optional_text(rows, row, at(11)),
                 .city = optional_text(rows, row, at(12)),
                 .isp = optional_text(rows, row, at(13)),
                 .asn = asn,
                 .latitude = optional_real(rows, row, at(15)),
                 .longitude = optional_real(rows, row, at(16)),
                 .latency_ms = optional_real(rows, row, at(17)),
                 .max_concurrency = limit,
                 .current_leases = static_cast<int>(rows.integer(row, at(19))),
                 .weight = rows.real(row, at(20)),
                 .tags = rows.texts(row, at(21)),
                 .metadata = rows.json(row, at(22))};
}

std::int32_t read_revision(const Rows& rows, int row, int first) {
    return static_cast<std::int32_t>(rows.integer(row, first + 23));
}

Lease read_lease(const Rows& rows, int row, int first) {
    Lease lease{.id = rows.id<LeaseId>(row, first),
                .proxy_id = rows.id<ProxyId>(row, first + 1),
                .consumer_id = rows.id<ConsumerId>(row, first + 2),
                .pool_id = rows.id<PoolId>(row, first + 3),
                .pool_name = std::string(rows.text(row, first + 4)),
                .status = static_cast<LeaseStatus>(rows.integer(row, first + 5)),
                .acquired_at = rows.time(row, first + 6),
                .expires_at = rows.time(row, first + 7),
                .released_at = optional_time(rows, row, first + 8),
                .fencing_token = rows.integer(row, first + 10),
                .tenure_ends_at = optional_time(rows, row, first + 11),
                .metadata = rows.json(row, first + 12)};
    if (!rows.is_null(row, first + 9)) {
        lease.release_reason = static_cast<ReleaseReason>(rows.integer(row, first + 9));
    }
    return lease;
}

ProxyPool read_pool(const Rows& rows, int row) {
    return {.id = rows.id<PoolId>(row, 0),
            .name = std::string(rows.text(row, 1)),
            .description = optional_text(rows, row, 2),
            .metadata = rows.json(row, 3)};
}

Consumer read_consumer(const Rows& rows, int row) {
    return {.id = rows.id<ConsumerId>(row, 0), .name = std::string(rows.text(row, 1))};
}

Parameters bind_proxy(const Proxy& proxy) {
    Parameters parameters;
    std::optional<std::string> user;
    std::optional<std::string> password;
    std::optional<bool> is_template;
    if (proxy.credentials) {
        user = proxy.credentials->user;
        password = proxy.credentials->password;
        is_template = proxy.credentials->template_;
    }
    parameters.add(proxy.id)
        .add(proxy.pool_id)
        .add(proxy.host)
        .add(static_cast<std::int32_t>(proxy.port))
        .add(static_cast<std::int16_t>(proxy.protocol))
        .add(static_cast<std::int16_t>(proxy.status))
        .add(proxy.checked_at)
        .add(user)
        .add(password)
        .add(is_template)
        .add(proxy.source)
        .add(proxy.country)
        .add(proxy.city)
        .add(proxy.isp)
        .add(proxy.asn)
        .add(proxy.latitude)
        .add(proxy.longitude)
        .add(proxy.latency_ms)
        .add(proxy.max_concurrency)
        .add(proxy.weight)
        .add(proxy.tags)
        .add(proxy.metadata)
        .add(proxy.identity());
    return parameters;
}

void append_copy_line(std::string& lines, std::int64_t place, const Proxy& proxy) {
    CopyLine line(lines);
    line.add(place)
        .add(proxy.id.to_string())
        .add(proxy.pool_id.to_string())
        .add(proxy.host)
        .add(proxy.port)
        .add(static_cast<int>(proxy.protocol))
        .add(static_cast<int>(proxy.status))
        .add(format_timestamp(proxy.checked_at));
    if (proxy.credentials) {
        line.add(proxy.credentials->user).add(proxy.credentials->password).add(proxy.credentials->template_);
    } else {
        const std::optional<std::string> none;
        line.add(none).add(none).add(none);
    }
    line.add(proxy.source)
        .add(proxy.country)
        .add(proxy.city)
        .add(proxy.isp)
        .add(proxy.asn)
        .add(proxy.latitude)
        .add(proxy.longitude)
        .add(proxy.latency_ms)
        .add(proxy.max_concurrency)
        .add(proxy.weight)
        .add(proxy.tags)
        .add(dump_numbers_exactly(proxy.metadata))
        .add(proxy.identity());
}

}  // namespace pharox::postgres
