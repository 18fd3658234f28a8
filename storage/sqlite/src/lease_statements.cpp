#include "lease_statements.hpp"

#include "dialect.hpp"
#include "health.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

using sqlkit::LeaseToEnd;
using sqlkit::PickContext;
using sqlkit::ProxyRow;

class LeaseTransaction final : public SqliteTransaction<sqlkit::LeaseTransaction> {
  public:
    using SqliteTransaction::SqliteTransaction;

    PickContext acquire_context(const AcquireRequest& request) override {
        return context(request.lease_id, request.consumer, request.pool);
    }
    PickContext create_context(const CreateLeaseRequest& request) override {
        return context(request.lease_id, request.consumer, "");
    }
    PickContext find_context(const std::string& pool) override {
        Statement row = connection().prepare(sql::find_context);
        row.bind(clock()).bind(pool).step();
        take_state(row);
        PickContext found{.any_expired = row.integer(4) != 0};
        if (!row.is_null(3)) found.pool = row.id<PoolId>(3);
        return found;
    }

    std::vector<ProxyRow> available(const PickPlan& plan, PoolId pool, std::size_t limit) override {
        Statement rows = prepare(plan, PickQuery::available_proxies);
        rows.bind(pool);
        plan.bind_filter(rows);
        rows.bind(static_cast<std::int64_t>(limit));
        std::vector<ProxyRow> found;
        while (rows.step()) found.push_back(read_proxy_row(rows));
        return found;
    }
    std::vector<ProxyId> available_ids(const PickPlan& plan, PoolId pool) override {
        Statement rows = prepare(plan, PickQuery::available_proxy_ids);
        rows.bind(pool);
        plan.bind_filter(rows);
        std::vector<ProxyId> ids;
        while (rows.step()) ids.push_back(rows.id<ProxyId>(0));
        return ids;
    }
    std::optional<ProxyRow> available_by_id(const PickPlan& plan, PoolId pool, ProxyId id) override {
        Statement rows = prepare(plan, PickQuery::available_proxy_by_id);
        rows.bind(pool);
        plan.bind_filter(rows);
        rows.bind(id);
        if (!rows.step()) return std::nullopt;
        return read_proxy_row(rows);
    }
    bool has_match(const PickPlan& plan, PoolId pool, bool full) override {
        Statement rows = prepare(plan, PickQuery::miss_has_match);
        rows.bind(pool).bind(!full);
        plan.bind_filter(rows);
        return rows.step();
    }
    std::optional<std::pair<ProxyRow, std::string>> proxy_to_lease(ProxyId id) override {
        Statement row = connection().prepare(sql::proxy_to_lease);
        if (!row.bind(id).step()) return std::nullopt;
        return std::pair(read_proxy_row(row), std::string(row.text(proxy_column_count)));
    }

    std::optional<Lease> lease(LeaseId id) override {
        Statement row = connection().prepare(sql::lease_by_id);
        if (!row.bind(id).step()) return std::nullopt;
        return read_lease(row);
    }
    std::optional<LeaseToEnd> lease_to_end(LeaseId id) override {
        Statement row = connection().prepare(sql::release_context);
        row.bind(id).step();
        take_state(row);
        if (row.is_null(4)) return std::nullopt;
        return LeaseToEnd{.lease = read_lease(row, 4), .opens = row.integer(3) != 0};
    }
    Proxy proxy_of(const Lease& active) override {
        Statement row = connection().prepare(sql::proxy_by_id);
        if (!row.bind(active.proxy_id).step()) {
            fail({.name = "acquire", .lease = active.id},
                 "the database is damaged: an active lease is on no proxy");
        }
        return read_proxy(row);
    }
    void insert_lease(const Lease& lease, const Proxy& counted) override {
        connection()
            .prepare(is_available(counted) ? sql::count_lease : sql::count_last_lease)
            .bind(counted.current_leases)
            .bind(write().next_use_sequence())
            .bind(lease.fencing_token)
            .bind(lease.proxy_id)
            .run();
        Statement insert = connection().prepare(sql::insert_lease);
        insert.bind(lease.id)
            .bind(lease.proxy_id)
            .bind(lease.consumer_id)
            .bind(lease.pool_id)
            .bind(lease.pool_name)
            .bind(lease.acquired_at)
            .bind(lease.expires_at)
            .bind(lease.fencing_token);
        bind_metadata(insert, lease.metadata);
        insert.bind(lease.tenure_ends_at).run();
    }
    void set_expiry(const Lease& lease) override {
        connection().prepare(sql::renew_lease).bind(lease.expires_at).bind(lease.id).run();
    }
    void delete_ended_lease(LeaseId id) override {
        connection().prepare(sql::delete_lease).bind(id).run();
        write().add_ended_leases(-1);
    }
    std::vector<Lease> expired_leases(int limit) override {
        Statement rows = connection().prepare(sql::expired_leases);
        rows.bind(now()).bind(limit);
        return read_leases(rows);
    }
    std::int64_t ended_leases() override { return write().ended_leases(); }
    std::int64_t delete_ended_until(Timestamp until, std::int64_t limit) override {
        connection().prepare(sql::prune_leases).bind(until).bind(limit).run();
        const std::int64_t deleted = connection().changes();
        write().add_ended_leases(-deleted);
        return deleted;
    }
    std::int64_t prune_health_records(int limit) override {
        return sqlite::prune_health_records(write(), limit);
    }

    void move_to_end(ProxyId proxy) override {
        connection().prepare(sql::set_use_sequence).bind(write().next_use_sequence()).bind(proxy).run();
    }
    void set_random_keys(Selector selector, const Proxy& picked, double high, double key) override {
        const bool weighted = selector == Selector::weighted_random;
        connection()
            .prepare(weighted ? sql::set_weighted_high : sql::set_random_high)
            .bind(high)
            .bind(picked.pool_id)
            .run();
        connection()
            .prepare(weighted ? sql::set_weighted_key : sql::set_random_key)
            .bind(key)
            .bind(picked.id)
            .run();
    }

    std::vector<Lease> list_leases(const ListLeasesRequest& request, Timestamp forgotten_until) override {
        std::optional<ConsumerId> consumer;
        if (!request.consumer.empty()) {
            Statement row = connection().prepare(sql::consumer_by_name);
            if (!row.bind(request.consumer).step()) return {};
            consumer = row.id<ConsumerId>(0);
        }
        Statement rows = connection().prepare(sql::list_leases);
        rows.bind(now());
        if (request.after.empty()) {
            rows.bind_blob("", 0);  // sorts before every id, also the nil one
        } else {
            rows.bind(LeaseId::parse(request.after));
        }
        rows.bind(request.pool.empty() ? std::nullopt : std::optional(request.pool))
            .bind(consumer)
            .bind(request.proxy_id)
            .bind(request.status ? std::optional(*request.status == LeaseStatus::active) : std::nullopt)
            .bind(forgotten_until)
            .bind(static_cast<std::int64_t>(request.limit) + 1);
        return read_leases(rows);
    }
    PoolStats pool_stats(const std::string& pool) override {
        PoolId id;
        {
            Statement row = connection().prepare(sql::pool_id_by_name);
            if (!row.bind(pool).step()) return std::nullopt;
            id = row.id<PoolId>(0);
        }
        Statement row = connection().prepare(sql::pool_stats);
        row.bind(now()).bind(id).step();
        return PoolStatsSnapshot{.pool_name = pool,
                                 .total_proxies = row.integer(0),
                                 .active_proxies = row.integer(1),
                                 .available_proxies = row.integer(2),
                                 .leased_proxies = row.integer(3),
                                 .total_leases = row.integer(4),
                                 .collected_at = now()};
    }

  private:
    Statement prepare(const PickPlan& plan, PickQuery query) {
        return connection().prepare(pick_key(plan, query), [&] { return pick_text(plan, query); });
    }
    /// The first three columns of a query that begins a transaction.
    void take_state(const Statement& row) noexcept {
        if (writes()) write().set_state(row.time(0), row.integer(1), row.integer(2));
    }
    PickContext context(LeaseId lease, const std::string& consumer, const std::string& pool) {
        Statement row = connection().prepare(sql::acquire_context);
        row.bind(clock()).bind(lease).bind(consumer).bind(pool).step();
        take_state(row);
        PickContext found{.lease_known = row.integer(5) != 0, .any_expired = row.integer(4) != 0};
        if (!row.is_null(3)) found.pool = row.id<PoolId>(3);
        if (!row.is_null(6)) found.consumer = row.id<ConsumerId>(6);
        return found;
    }
};

}  // namespace

std::unique_ptr<sqlkit::LeaseTransaction> LeaseStore::read(const Operation& operation) {
    return std::make_unique<LeaseTransaction>(database_, operation);
}

std::unique_ptr<sqlkit::LeaseTransaction> LeaseStore::write(const Operation& operation) {
    return std::make_unique<LeaseTransaction>(database_, operation, database_.options().durability);
}

const sqlkit::Dialect& LeaseStore::dialect() const noexcept { return sqlite::dialect; }

void LeaseStore::prepare(const PickPlan& plan) { database_.ensure_index(index_of(plan)); }

sqlkit::LeaseStore::Retention LeaseStore::retention() const noexcept {
    return {.leases = database_.options().retention, .retained_leases = database_.options().retained_leases};
}

}  // namespace pharox::sqlite
