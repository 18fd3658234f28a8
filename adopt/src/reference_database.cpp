// ISource on PostgreSQL.
#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <map>

#include "pharox/adopt/source.hpp"
#include "pharox/errors.hpp"
#include "pharox/postgres/storage.hpp"
#include "sql_statements.hpp"

namespace pharox::adopt {
namespace {

/// What SQLAlchemy calls `postgresql+psycopg://…` is `postgresql://…` for libpq. Does not show the URL, which
/// may contain a password.
std::string connection_url(const std::string& url) {
    const std::size_t colon = url.find("://");
    const std::string scheme = url.substr(0, colon);
    const std::string kind = scheme.substr(0, scheme.find('+'));
    if (colon == std::string::npos || (kind != "postgresql" && kind != "postgres")) {
        throw ValidationError("source", ValidationError::hidden_value,
                              "is not the URL of a PostgreSQL database: postgresql://user@host/database");
    }
    std::string connection = kind + url.substr(colon);
    postgres::check_connection(connection);
    return connection;
}

struct Closer {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};

[[noreturn]] void fail(const std::string& why) {
    throw StorageError({.store = "source", .operation = "read"},
                       why.substr(0, why.find_last_not_of('\n') + 1));
}

template <class Number>
Number number(std::string_view text) {
    Number value{};
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        fail("not a number: " + std::string(text));
    return value;
}

/// One row of a result. Columns are read from left to right.
class Row {
  public:
    Row(const PGresult* result, int row) : result_(result), row_(row) {}

    std::optional<std::string> optional_text() {
        const int column = column_++;
        if (PQgetisnull(result_, row_, column) != 0) return std::nullopt;
        return std::string(PQgetvalue(result_, row_, column),
                           static_cast<std::size_t>(PQgetlength(result_, row_, column)));
    }
    std::string text() { return optional_text().value_or(""); }
    bool boolean() { return text() == "t"; }
    template <class Number>
    std::optional<Number> optional_number() {
        const auto shown = optional_text();
        return shown ? std::optional<Number>(number<Number>(*shown)) : std::nullopt;
    }
    std::int64_t integer() { return number<std::int64_t>(text()); }
    Timestamp time() { return Timestamp(std::chrono::microseconds(integer())); }
    template <class T>
    T id() {
        return T::parse(text());
    }

  private:
    const PGresult* result_;
    int row_;
    int column_ = 0;
};

class ReferenceDatabase final : public ISource {
  public:
    explicit ReferenceDatabase(const std::string& connection) {
        constexpr std::array<const char*, 5> keywords = {"dbname", "application_name", "client_encoding",
                                                         "connect_timeout", nullptr};
        const std::array<const char*, 5> values = {connection.c_str(), "pharox adopt", "UTF8", "10", nullptr};
        connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 1));
        if (PQstatus(connection_.get()) != CONNECTION_OK) fail(PQerrorMessage(connection_.get()));
        for_each("SET extra_float_digits = 1", [](Row) {});
        for_each(sql::begin_snapshot, [](Row) {});
        taken_at_ = std::chrono::steady_clock::now();
        bool complete = false;
        for_each(sql::known_tables, [&](Row row) {
            complete = row.boolean();
            has_records_ = row.boolean();
            has_latency_ = row.boolean();
        });
        if (!complete)
            fail(
                "the tables proxy_pool, proxy, consumer and lease are not all in the search path: this is no "
                "database of the Python package pharox");
    }

    [[nodiscard]] std::chrono::steady_clock::time_point taken_at() const override { return taken_at_; }
    [[nodiscard]] std::string versions() const override {
        if (has_records_) return "0.11";
        return has_latency_ ? "0.9 or 0.10" : "0.8 or older";
    }

    std::vector<SourcePool> pools() override {
        std::vector<SourcePool> pools;
        for_each(sql::pools, [&](Row row) {
            pools.push_back({.id = row.id<PoolId>(), .name = row.text(), .description = row.optional_text()});
        });
        return pools;
    }

    std::vector<SourceConsumer> consumers() override {
        std::vector<SourceConsumer> consumers;
        for_each(sql::consumers,
                 [&](Row row) { consumers.push_back({.id = row.id<ConsumerId>(), .name = row.text()}); });
        return consumers;
    }

    std::vector<SourceProxy> proxies() override {
        std::map<ProxyId, double> latencies;
        if (has_records_) {
            for_each(sql::latencies, [&](Row row) {
                const auto id = row.id<ProxyId>();
                latencies[id] = number<double>(row.text());
            });
        }
        std::vector<SourceProxy> proxies;
        // The members are in the order of the columns.
        for_each(sql::proxies, [&](Row row) {
            SourceProxy proxy{.id = row.id<ProxyId>(),
                              .pool_id = row.id<PoolId>(),
                              .host = row.text(),
                              .port = row.integer(),
                              .protocol = row.text(),
                              .status = row.text(),
                              .checked_at = row.time(),
                              .has_credentials = row.boolean(),
                              .user = row.text(),
                              .password = row.text(),
                              .source = row.optional_text(),
                              .country = row.optional_text(),
                              .city = row.optional_text(),
                              .isp = row.optional_text(),
                              .asn = row.optional_number<std::int64_t>(),
                              .latitude = row.optional_number<double>(),
                              .longitude = row.optional_number<double>(),
                              .max_concurrency = row.optional_number<std::int64_t>(),
                              .latency_ms = row.optional_number<double>()};
            if (const auto found = latencies.find(proxy.id); found != latencies.end())
                proxy.latency_ms = found->second;
            proxies.push_back(std::move(proxy));
        });
        return proxies;
    }

    std::vector<SourceLease> open_leases() override {
        std::vector<SourceLease> leases;
        for_each(sql::open_leases, [&](Row row) {
            leases.push_back({.id = row.id<LeaseId>(),
                              .proxy_id = row.id<ProxyId>(),
                              .consumer_id = row.id<ConsumerId>(),
                              .acquired_at = row.time(),
                              .remaining = Duration(row.integer())});
        });
        return leases;
    }

    std::int64_t ended_leases() override {
        std::int64_t count = 0;
        for_each(sql::ended_leases, [&](Row row) { count = row.integer(); });
        return count;
    }

    void for_each_health_record(std::int64_t per_proxy,
                                const std::function<void(const SourceRecord&)>& use) override {
        if (!has_records_ || per_proxy <= 0) return;
        const std::string limit = std::to_string(per_proxy);
        for_each(sql::health_records, [](Row) {}, limit.c_str());
        const auto use_row = [&](Row row) {
            use({.id = row.id<RecordId>(),
                 .proxy_id = row.id<ProxyId>(),
                 .checked_at = row.time(),
                 .reachable = row.boolean(),
                 .latency_ms = row.optional_number<double>(),
                 .protocol = row.text(),
                 .status_before = row.optional_text(),
                 .status_after = row.text(),
                 .error = row.optional_text()});
        };
        while (for_each(sql::next_health_records, use_row) > 0) {
        }
    }

  private:
    /// Returns the number of rows.
    int for_each(std::string_view statement, const std::function<void(Row)>& use,
                 const char* parameter = nullptr) {
        const std::string text(statement);
        const std::unique_ptr<PGresult, Closer> result(PQexecParams(connection_.get(), text.c_str(),
                                                                    parameter == nullptr ? 0 : 1, nullptr,
                                                                    &parameter, nullptr, nullptr, 0));
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(PQresultErrorMessage(result.get()));
        const int rows = PQntuples(result.get());
        for (int row = 0; row < rows; ++row) use(Row(result.get(), row));
        return rows;
    }

    std::unique_ptr<PGconn, Closer> connection_;
    std::chrono::steady_clock::time_point taken_at_{};
    bool has_records_ = false;
    bool has_latency_ = false;
};

}  // namespace

std::unique_ptr<ISource> open_source(const std::string& url) {
    return std::make_unique<ReferenceDatabase>(connection_url(url));
}

}  // namespace pharox::adopt
