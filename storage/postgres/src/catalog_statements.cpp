#include "catalog_statements.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "bulk_insert.hpp"
#include "dialect.hpp"
#include "pharox/rules/catalog.hpp"
#include "row_mapping.hpp"
#include "statement_text.hpp"

namespace pharox::postgres {

namespace {

using sqlkit::LeaseHolder;
using sqlkit::PoolUpdate;
using sqlkit::ProxyInsert;
using sqlkit::ProxyUpdate;
using sqlkit::Taken;

constexpr int list_proxies_parameters = 4;
constexpr std::chrono::milliseconds longest_check_pause(100);

class CatalogTransaction final : public sqlkit::CatalogTransaction {
  public:
    CatalogTransaction(const Database& database, Connection& connection)
        : database_(database), connection_(connection) {}

    /// The pools whose waiters are woken after the commit.
    [[nodiscard]] const std::set<std::string>& available_pools() const noexcept { return available_; }

    std::optional<ProxyPool> pool(const std::string& name) override {
        const Rows rows = execute(sql::pool_by_name, Parameters().add(name));
        return rows.size() == 0 ? std::nullopt : std::optional(read_pool(rows, 0));
    }
    Taken insert_pool(const ProxyPool& pool) override { return insert(sql::insert_pool, bind_pool(pool)); }
    PoolUpdate update_pool(const ProxyPool& pool) override {
        try {
            const Rows rows = execute(sql::update_pool, bind_pool(pool));
            if (rows.size() == 0) return {};
            available_.insert({pool.name, std::string(rows.text(0, 0))});
            return {.known = true};
        } catch (const ServerError& error) {
            if (!is_duplicate(error)) throw;
            return {.known = true, .name_holder = PoolId()};  // whichever it is, it is another one
        }
    }
    std::vector<ProxyPool> list_pools(const std::string& after, std::size_t limit) override {
        const Rows rows = execute(sql::list_pools, bind_page(after, limit));
        std::vector<ProxyPool> pools;
        for (int row = 0; row < rows.size(); ++row) pools.push_back(read_pool(rows, row));
        return pools;
    }

    std::optional<Consumer> consumer(const std::string& name) override {
        const Rows rows = execute(sql::consumer_by_name, Parameters().add(name));
        return rows.size() == 0 ? std::nullopt : std::optional(read_consumer(rows, 0));
    }
    Taken insert_consumer(const Consumer& consumer) override {
        return insert(sql::insert_consumer, Parameters().add(consumer.id).add(consumer.name));
    }
    std::vector<Consumer> list_consumers(const std::string& after, std::size_t limit) override {
        const Rows rows = execute(sql::list_consumers, bind_page(after, limit));
        std::vector<Consumer> consumers;
        for (int row = 0; row < rows.size(); ++row) consumers.push_back(read_consumer(rows, row));
        return consumers;
    }

    std::optional<Proxy> proxy(ProxyId id) override {
        const Rows rows = execute(sql::proxy_by_id, Parameters().add(id));
        return rows.size() == 0 ? std::nullopt : std::optional(read_proxy(rows, 0, 0));
    }
    ProxyInsert insert_proxy(const Proxy& proxy) override {
        for (;;) {
            const Rows rows = execute(sql::insert_proxy, bind_proxy(proxy));
            if (rows.is_null(0, 0)) return {};
            if (rows.flag(0, 1)) {
                available_.emplace(rows.text(0, 0));
                return {.pool_known = true};
            }
            const Rows holder = execute(sql::holder_of_proxy,
                                        Parameters().add(proxy.pool_id).add(proxy.identity()).add(proxy.id));
            // None: another transaction has removed it.
            if (holder.size() > 0) return {.pool_known = true, .holder = holder.id<ProxyId>(0, 0)};
        }
    }
    ProxyUpdate update_proxy(const Proxy& proxy) override {
        try {
            const Rows rows = execute(sql::update_proxy, bind_proxy(proxy));
            if (rows.size() > 0) {
                available_.emplace(rows.text(0, proxy_column_count));
                return {.known = true, .pool_known = true, .updated = read_proxy(rows, 0, 0)};
            }
        } catch (const ServerError& error) {
            if (!is_duplicate(error)) throw;
            // Whichever proxy has the identity, it is another one.
            return {.known = true, .pool_known = true, .identity_holder = ProxyId()};
        }
        return {.known = execute(sql::has_proxy, Parameters().add(proxy.id)).flag(0, 0)};
    }
    AddProxiesResult insert_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) override {
        BulkInsert bulk = insert_by_copy(database_, connection_, proxies, policy);
        for (const Proxy& proxy : bulk.to_update) {
            const ProxyUpdate update = update_proxy(proxy);
            rules::check_update(proxy, update.known, update.pool_known, update.identity_holder);
        }
        execute(sql::notify_staged_pools, Parameters().add(bulk.pools));
        available_.merge(bulk.pools);
        return bulk.result;
    }
    std::vector<Proxy> list_proxies(const sqlkit::ProxyListing& listing) override {
        std::optional<std::int16_t> status;
        if (listing.status) status = static_cast<std::int16_t>(*listing.status);
        Parameters parameters;
        parameters.add(listing.pool)
            .add(listing.after)
            .add(static_cast<std::int64_t>(listing.limit))
            .add(status);
        for (const SqlValue& value : listing.filter.values) parameters.add(value);
        const std::string filter = database_.in_schema(listing.filter.where);
        const Rows rows =
            connection_.execute(sqlkit::fill_slots(database_.text(sql::list_proxies), {{"filter", filter}}),
                                parameters, Plan::once);
        std::vector<Proxy> proxies;
        for (int row = 0; row < rows.size(); ++row) proxies.push_back(read_proxy(rows, row, 0));
        return proxies;
    }

    std::optional<LeaseHolder> lock_pool(const std::string& name) override {
        connection_.extend_timeout();
        const Rows rows = execute(sql::lock_pool, Parameters().add(name));
        if (rows.size() == 0) return std::nullopt;
        const auto id = rows.id<PoolId>(0, 0);
        execute(sql::lock_proxies_of_pool, Parameters().add(id));
        return id;
    }
    std::optional<LeaseHolder> lock_consumer(const std::string& name) override {
        const Rows rows = execute(sql::lock_consumer, Parameters().add(name));
        if (rows.size() == 0) return std::nullopt;
        return rows.id<ConsumerId>(0, 0);
    }
    std::optional<LeaseHolder> lock_proxy(ProxyId id) override {
        if (execute(sql::lock_proxy, Parameters().add(id)).size() == 0) return std::nullopt;
        return id;
    }
    bool has_active_leases(const LeaseHolder& holder) override {
        return execute(sql::has_active_leases_of, bind_holder(holder), Plan::once).flag(0, 0);
    }
    std::vector<Lease> end_active_leases(const LeaseHolder& holder) override {
        const Rows rows = execute(sql::end_leases_of, bind_holder(holder), Plan::once);
        std::vector<Lease> ended;
        for (int row = 0; row < rows.size(); ++row) {
            ended.push_back(read_lease(rows, row, 0));
            available_.insert(ended.back().pool_name);
        }
        return ended;
    }
    void remove(const LeaseHolder& holder) override {
        const Parameters id = bind_id(holder);
        if (std::holds_alternative<PoolId>(holder)) {
            execute(sql::delete_health_of_pool, id);
            execute(sql::delete_proxies_of_pool, id);
            available_.emplace(execute(sql::delete_pool, id).text(0, 0));
        } else if (std::holds_alternative<ProxyId>(holder)) {
            execute(sql::delete_health_of_proxy, id);
            execute(sql::delete_proxy, id);
        } else {
            execute(sql::delete_consumer, id);
        }
    }

  private:
    Rows execute(StatementId statement, const Parameters& parameters, Plan plan = Plan::prepared) {
        return connection_.execute(database_.text(statement), parameters, plan);
    }
    Taken insert(StatementId statement, const Parameters& parameters) {
        for (;;) {
            const Rows rows = execute(statement, parameters);
            const bool inserted = rows.flag(0, 0);
            const Taken taken{.name = rows.flag(0, 1), .id = rows.flag(0, 2)};
            if (inserted) return {};
            if (taken.name || taken.id) return taken;
        }
    }
    /// The statement for this kind of holder.
    static Parameters bind_id(const LeaseHolder& holder) {
        return std::visit([](const auto& id) { return Parameters().add(id); }, holder);
    }
    /// $1 to $3 of removal.sql: LeaseHolder has the same order.
    static Parameters bind_holder(const LeaseHolder& holder) {
        std::array<std::optional<UuidBytes>, std::variant_size_v<LeaseHolder>> ids;
        std::visit([&](const auto& id) { ids.at(holder.index()) = id.bytes(); }, holder);
        Parameters parameters;
        for (const auto& id : ids) parameters.add(id);
        return parameters;
    }
    static Parameters bind_page(const std::string& after, std::size_t limit) {
        return Parameters().add(after).add(static_cast<std::int64_t>(limit));
    }
    static Parameters bind_pool(const ProxyPool& pool) {
        return Parameters().add(pool.id).add(pool.name).add(pool.description).add(pool.metadata);
    }

    const Database& database_;
    Connection& connection_;
    std::set<std::string> available_{};
};

}  // namespace

void CatalogStore::read(const sqlkit::Operation& operation, const Work& work) {
    database_.run({.name = operation.name}, Repeat::always, [&](Connection& connection) {
        CatalogTransaction transaction(database_, connection);
        work(transaction);
    });
}

void CatalogStore::write(const sqlkit::Operation& operation, const Work& work) {
    std::set<std::string> available;
    database_.transact({.name = operation.name}, [&](Connection& connection) {
        CatalogTransaction transaction(database_, connection);
        work(transaction);
        available = transaction.available_pools();
    });
    for (const std::string& pool : available) on_available_(pool);
}

void CatalogStore::write_one(const sqlkit::Operation& operation, const Work& work) {
    std::set<std::string> available;
    database_.run({.name = operation.name}, operation.idempotent ? Repeat::always : Repeat::unsent,
                  [&](Connection& connection) {
                      CatalogTransaction transaction(database_, connection);
                      work(transaction);
                      available = transaction.available_pools();
                  });
    for (const std::string& pool : available) on_available_(pool);
}

std::vector<Lease> CatalogStore::end_late_leases(const sqlkit::Operation& operation,
                                                 const sqlkit::LeaseHolder& removed) {
    if (!std::holds_alternative<ConsumerId>(removed)) return {};
    const auto running = [&](StatementId statement, const Parameters& parameters) {
        return database_
            .run({.name = operation.name}, Repeat::always,
                 [&](Connection& connection) {
                     return connection.execute(database_.text(statement), parameters);
                 })
            .texts(0, 0);
    };
    const auto give_up = std::chrono::steady_clock::now() + database_.options().statement_timeout;
    std::set<std::string> earlier = running(sql::running_transactions, {});
    for (std::chrono::milliseconds pause(1); !earlier.empty() && std::chrono::steady_clock::now() < give_up;
         pause = std::min(2 * pause, longest_check_pause)) {
        std::this_thread::sleep_for(pause);
        earlier = running(sql::still_running_transactions, Parameters().add(earlier));
    }
    std::vector<Lease> ended;
    write(operation,
          [&](sqlkit::CatalogTransaction& transaction) { ended = transaction.end_active_leases(removed); });
    return ended;
}

sqlkit::FilterSql CatalogStore::list_filter(const ProxyFilters& filters) const {
    CompiledFilter compiled = compile_filter(filters);
    compiled.sql.where = conditions_of(compiled, list_proxies_parameters + 1);
    return std::move(compiled.sql);
}

}  // namespace pharox::postgres
