// The statements of the catalog in one transaction.
#pragma once

#include "catalog_rows.hpp"
#include "live_proxy.hpp"
#include "sql_statements.hpp"
#include "sqlite_transaction.hpp"
#include "statement_text.hpp"

namespace pharox::sqlite {

using sqlkit::LeaseHolder;
using sqlkit::ProxyRow;
using sqlkit::Taken;

class CatalogTransaction final : public SqliteTransaction<sqlkit::CatalogRows> {
  public:
    using SqliteTransaction::SqliteTransaction;

    /// Whether another call adds proxies in several transactions.
    bool import_runs() {
        if (!import_runs_) import_runs_ = connection().prepare(sql::running_import).step();
        return *import_runs_;
    }
    /// Rows changed by the latest statement.
    std::int64_t changes() { return connection().changes(); }
    /// The proxies of a removed pool are to be deleted after the commit.
    [[nodiscard]] bool leaves_proxies() const noexcept { return leaves_proxies_; }
    /// For statements of long writes.
    Statement prepare(std::string_view sql) { return connection().prepare(sql); }
    bool knows_pool(PoolId pool) { return pool_name(pool).has_value(); }
    /// The proxy that has the identity, stored or staged.
    std::optional<ProxyId> holder(const Proxy& proxy) {
        Statement staged = connection().prepare(sql::staged_id_by_identity);
        if (staged.bind(proxy.pool_id).bind(proxy.identity()).step()) return staged.id<ProxyId>(0);
        std::optional<ProxyId> stored = stored_holder(proxy);
        // Staged with another identity: this one will be free.
        if (stored && is_staged(*stored)) return std::nullopt;
        return stored;
    }
    bool is_staged(ProxyId id) { return connection().prepare(sql::is_staged).bind(id).step(); }
    bool exists(ProxyId id) { return connection().prepare(sql::proxy_exists).bind(id).step(); }
    /// The import moves its staged rows to the others: they are its own.
    void move_staged_rows() noexcept { import_runs_ = false; }

    std::optional<ProxyPool> pool(const std::string& name) override {
        Statement row = connection().prepare(sql::pool_by_name);
        if (!row.bind(name).step()) return std::nullopt;
        return read_pool(row);
    }
    Taken insert_pool(const ProxyPool& pool) override {
        const bool is_removed = connection().prepare(sql::is_removed_pool).bind(pool.id).step();
        const Taken taken{.name = this->pool(pool.name).has_value(),
                          .id = is_removed || pool_name(pool.id).has_value()};
        if (taken.name || taken.id) return taken;
        Statement insert = connection().prepare(sql::insert_pool);
        insert.bind(pool.id).bind(pool.name).bind(pool.description);
        bind_metadata(insert, pool.metadata);
        insert.run();
        return taken;
    }
    sqlkit::PoolUpdate update_pool(const ProxyPool& pool) override {
        sqlkit::PoolUpdate result{.known = pool_name(pool.id).has_value()};
        if (const auto holder = this->pool(pool.name)) result.name_holder = holder->id;
        if (!result.known || (result.name_holder && *result.name_holder != pool.id)) return result;
        Statement update = connection().prepare(sql::update_pool);
        update.bind(pool.name).bind(pool.description);
        bind_metadata(update, pool.metadata);
        update.bind(pool.id).run();
        return result;
    }
    std::vector<ProxyPool> list_pools(const std::string& after, std::size_t limit) override {
        Statement rows = connection().prepare(sql::list_pools);
        rows.bind(after).bind(static_cast<std::int64_t>(limit));
        std::vector<ProxyPool> pools;
        while (rows.step()) pools.push_back(read_pool(rows));
        return pools;
    }
    std::optional<Consumer> consumer(const std::string& name) override {
        Statement row = connection().prepare(sql::consumer_by_name);
        if (!row.bind(name).step()) return std::nullopt;
        return read_consumer(row);
    }
    Taken insert_consumer(const Consumer& consumer) override {
        const Taken taken{.name = this->consumer(consumer.name).has_value(),
                          .id = connection().prepare(sql::consumer_by_id).bind(consumer.id).step()};
        if (taken.name || taken.id) return taken;
        connection().prepare(sql::insert_consumer).bind(consumer.id).bind(consumer.name).run();
        return taken;
    }
    std::vector<Consumer> list_consumers(const std::string& after, std::size_t limit) override {
        Statement rows = connection().prepare(sql::list_consumers);
        rows.bind(after).bind(static_cast<std::int64_t>(limit));
        std::vector<Consumer> consumers;
        while (rows.step()) consumers.push_back(read_consumer(rows));
        return consumers;
    }
    std::optional<Proxy> proxy(ProxyId id) override { return find_live_proxy(connection(), now(), id); }
    std::vector<Proxy> list_proxies(const sqlkit::ProxyListing& listing) override {
        Statement pool = connection().prepare(sql::pool_id_by_name);
        if (!pool.bind(listing.pool).step()) return {};
        const std::string& where = listing.filter.where;
        Statement rows = connection().prepare("list_proxies" + where, [&] {
            return sqlkit::fill_slots(sql::list_proxies, {{"filter", where}});
        });
        rows.bind(now()).bind(pool.id<PoolId>(0)).bind(listing.after).bind(code_of(listing.status));
        for (const SqlValue& value : listing.filter.values) rows.bind(value);
        rows.bind(static_cast<std::int64_t>(listing.limit));
        std::vector<Proxy> proxies;
        while (rows.step()) proxies.push_back(read_proxy(rows));
        return proxies;
    }

    std::optional<LeaseHolder> lock_pool(const std::string& name) override {
        const std::optional<ProxyPool> known = pool(name);
        return known ? std::optional<LeaseHolder>(known->id) : std::nullopt;
    }
    std::optional<LeaseHolder> lock_consumer(const std::string& name) override {
        const std::optional<Consumer> known = consumer(name);
        return known ? std::optional<LeaseHolder>(known->id) : std::nullopt;
    }
    std::optional<LeaseHolder> lock_proxy(ProxyId id) override {
        return proxy_row(id) ? std::optional<LeaseHolder>(id) : std::nullopt;
    }
    void remove(const LeaseHolder& holder) override {
        std::visit([this](const auto& id) { remove_by(id); }, holder);
    }

  protected:
    std::optional<std::string> pool_name(PoolId pool) override {
        Statement row = connection().prepare(sql::pool_by_id);
        if (!row.bind(pool).step()) return std::nullopt;
        return read_pool(row).name;
    }
    void set_largest_weight(PoolId pool, double weight) override {
        connection().prepare(sql::set_largest_weight).bind(weight).bind(pool).run();
    }
    std::optional<ProxyRow> proxy_row(ProxyId id) override {
        Statement row = connection().prepare(sql::proxy_by_id);
        if (!row.bind(id).step()) return std::nullopt;
        return read_proxy_row(row);
    }
    std::optional<ProxyId> holder_of_identity(const Proxy& proxy) override {
        return import_runs() ? holder(proxy) : stored_holder(proxy);
    }
    bool insert_row(const ProxyRow& row) override {
        if (import_runs() && (is_staged(row.proxy.id) || holder(row.proxy))) return false;
        Statement insert = connection().prepare(sql::insert_proxy);
        insert.bind(row.proxy.id);
        bind_proxy(insert, row.proxy);
        insert.bind(row.random_key).bind(row.weighted_key).run();
        return connection().changes() == 1;
    }
    void update_row(const ProxyRow& row) override {
        Statement update = connection().prepare(sql::update_proxy);
        bind_proxy(update, row.proxy);
        update.bind(row.random_key).bind(row.weighted_key).bind(row.proxy.id).run();
    }
    std::vector<Lease> active_leases(const LeaseHolder& holder) override {
        return std::visit([this](const auto& id) { return active_leases_of(id); }, holder);
    }

  private:
    std::optional<ProxyId> stored_holder(const Proxy& proxy) {
        Statement row = connection().prepare(sql::proxy_id_by_identity);
        if (!row.bind(proxy.pool_id).bind(proxy.identity()).step()) return std::nullopt;
        return row.id<ProxyId>(0);
    }
    void run_each(std::initializer_list<std::string_view> statements, const auto& id) {
        for (const std::string_view statement : statements) connection().prepare(statement).bind(id).run();
    }
    void remove_by(PoolId id) {
        if (connection().prepare(sql::pool_has_more_proxies).bind(id).bind(most_removed_at_once).step()) {
            run_each({sql::delete_pool, sql::insert_removed_pool}, id);
            leaves_proxies_ = true;
            return;
        }
        run_each({sql::delete_health_results_of_pool, sql::delete_health_records_of_pool,
                  sql::delete_proxies_of_pool, sql::delete_pool},
                 id);
    }
    void remove_by(ProxyId id) {
        run_each({sql::delete_health_result, sql::delete_health_records, sql::delete_proxy}, id);
    }
    void remove_by(ConsumerId id) { run_each({sql::delete_consumer}, id); }

    template <class IdType>
    std::vector<Lease> leases_of(std::string_view statement, IdType id) {
        Statement rows = connection().prepare(statement);
        rows.bind(id);
        return read_leases(rows);
    }
    std::vector<Lease> active_leases_of(PoolId id) { return leases_of(sql::active_leases_of_pool, id); }
    std::vector<Lease> active_leases_of(ConsumerId id) {
        return leases_of(sql::active_leases_of_consumer, id);
    }
    std::vector<Lease> active_leases_of(ProxyId id) {
        // No index finds them: without leases there is no search.
        const std::optional<ProxyRow> row = proxy_row(id);
        if (!row || row->proxy.current_leases == 0) return {};
        return leases_of(sql::active_leases_of_proxy, id);
    }

    static constexpr int most_removed_at_once = 100;

    std::optional<bool> import_runs_{};
    bool leaves_proxies_ = false;
};

}  // namespace pharox::sqlite
