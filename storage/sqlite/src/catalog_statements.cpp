#include "catalog_statements.hpp"

#include "dialect.hpp"
#include "live_proxy.hpp"
#include "sql_statements.hpp"
#include "statement_text.hpp"

namespace pharox::sqlite {

namespace {

using sqlkit::ProxyRow;

class CatalogTransaction final : public SqliteTransaction<sqlkit::CatalogTransaction> {
  public:
    using SqliteTransaction::SqliteTransaction;

    std::optional<ProxyPool> pool(const std::string& name) override {
        Statement row = connection().prepare(sql::pool_by_name);
        if (!row.bind(name).step()) return std::nullopt;
        return read_pool(row);
    }
    bool has_pool(PoolId id) override { return connection().prepare(sql::pool_by_id).bind(id).step(); }
    void insert_pool(const ProxyPool& pool) override {
        Statement insert = connection().prepare(sql::insert_pool);
        insert.bind(pool.id).bind(pool.name).bind(pool.description);
        bind_metadata(insert, pool.metadata);
        insert.run();
    }
    void update_pool(const ProxyPool& pool) override {
        Statement update = connection().prepare(sql::update_pool);
        update.bind(pool.name).bind(pool.description);
        bind_metadata(update, pool.metadata);
        update.bind(pool.id).run();
    }
    std::vector<ProxyPool> list_pools(const std::string& after, std::size_t limit) override {
        Statement rows = connection().prepare(sql::list_pools);
        rows.bind(after).bind(static_cast<std::int64_t>(limit));
        std::vector<ProxyPool> pools;
        while (rows.step()) pools.push_back(read_pool(rows));
        return pools;
    }
    void remove_pool(PoolId id) override {
        for (const std::string_view statement :
             {sql::delete_health_results_of_pool, sql::delete_health_records_of_pool,
              sql::delete_proxies_of_pool, sql::delete_pool}) {
            connection().prepare(statement).bind(id).run();
        }
    }

    std::optional<Consumer> consumer(const std::string& name) override {
        Statement row = connection().prepare(sql::consumer_by_name);
        if (!row.bind(name).step()) return std::nullopt;
        return read_consumer(row);
    }
    bool has_consumer(ConsumerId id) override {
        return connection().prepare(sql::consumer_by_id).bind(id).step();
    }
    void insert_consumer(const Consumer& consumer) override {
        connection().prepare(sql::insert_consumer).bind(consumer.id).bind(consumer.name).run();
    }
    std::vector<Consumer> list_consumers(const std::string& after, std::size_t limit) override {
        Statement rows = connection().prepare(sql::list_consumers);
        rows.bind(after).bind(static_cast<std::int64_t>(limit));
        std::vector<Consumer> consumers;
        while (rows.step()) consumers.push_back(read_consumer(rows));
        return consumers;
    }
    void remove_consumer(ConsumerId id) override {
        connection().prepare(sql::delete_consumer).bind(id).run();
    }

    std::optional<ProxyRow> proxy(ProxyId id) override {
        Statement row = connection().prepare(sql::proxy_by_id);
        if (!row.bind(id).step()) return std::nullopt;
        return read_proxy_row(row);
    }
    std::optional<Proxy> live_proxy(ProxyId id) override { return find_live_proxy(connection(), now(), id); }
    std::optional<ProxyId> holder_of_identity(const Proxy& proxy) override {
        Statement row = connection().prepare(sql::proxy_id_by_identity);
        if (!row.bind(proxy.pool_id).bind(proxy.identity()).step()) return std::nullopt;
        return row.id<ProxyId>(0);
    }
    bool insert_proxy(const ProxyRow& row) override {
        Statement insert = connection().prepare(sql::insert_proxy);
        insert.bind(row.proxy.id);
        bind_proxy(insert, row.proxy);
        insert.bind(row.random_key).bind(row.weighted_key).run();
        return connection().changes() == 1;
    }
    void update_proxy(const ProxyRow& row) override {
        Statement update = connection().prepare(sql::update_proxy);
        bind_proxy(update, row.proxy);
        update.bind(row.random_key).bind(row.weighted_key).bind(row.proxy.id).run();
    }
    std::vector<Proxy> list_proxies(const sqlkit::ProxyListing& listing) override {
        const std::string& where = listing.filter.where;
        Statement rows = connection().prepare("list_proxies" + where, [&] {
            return sqlkit::fill_slots(sql::list_proxies, {{"filter", where}});
        });
        rows.bind(now()).bind(listing.pool).bind(listing.after).bind(code_of(listing.status));
        for (const SqlValue& value : listing.filter.values) rows.bind(value);
        rows.bind(static_cast<std::int64_t>(listing.limit));
        std::vector<Proxy> proxies;
        while (rows.step()) proxies.push_back(read_proxy(rows));
        return proxies;
    }
    void remove_proxy(ProxyId id) override {
        for (const std::string_view statement :
             {sql::delete_health_result, sql::delete_health_records, sql::delete_proxy}) {
            connection().prepare(statement).bind(id).run();
        }
    }
    void set_largest_weight(PoolId pool, double weight) override {
        connection().prepare(sql::set_largest_weight).bind(weight).bind(pool).run();
    }

    std::vector<Lease> active_leases_of_pool(PoolId id) override {
        return active_leases(sql::active_leases_of_pool, id);
    }
    std::vector<Lease> active_leases_of_proxy(ProxyId id) override {
        return active_leases(sql::active_leases_of_proxy, id);
    }
    std::vector<Lease> active_leases_of_consumer(ConsumerId id) override {
        return active_leases(sql::active_leases_of_consumer, id);
    }

  private:
    template <class IdType>
    std::vector<Lease> active_leases(std::string_view statement, IdType id) {
        Statement rows = connection().prepare(statement);
        rows.bind(id);
        return read_leases(rows);
    }
};

}  // namespace

std::unique_ptr<sqlkit::CatalogTransaction> CatalogStore::read(const Operation& operation) {
    return std::make_unique<CatalogTransaction>(database_, operation);
}

std::unique_ptr<sqlkit::CatalogTransaction> CatalogStore::write(const Operation& operation) {
    return std::make_unique<CatalogTransaction>(database_, operation, Durability::power);
}

const sqlkit::Dialect& CatalogStore::dialect() const noexcept { return sqlite::dialect; }

}  // namespace pharox::sqlite
