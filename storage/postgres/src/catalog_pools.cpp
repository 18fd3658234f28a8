#include "catalog.hpp"
#include "catalog_queries.hpp"
#include "pharox/errors.hpp"
#include "upkeep_queries.hpp"

namespace pharox::postgres {

namespace {

[[noreturn]] void refuse(const ProxyPool& pool, const std::string& constraint) {
    if (constraint == "pool_pkey")
        throw ConflictError("id", pool.id.to_string(), "is the id of another pool");
    throw ConflictError("name", pool.name, "is the name of another pool");
}

Parameters bind_pool(const ProxyPool& pool) {
    Parameters parameters;
    parameters.add(pool.id).add(pool.name).add(pool.description).add(pool.metadata);
    return parameters;
}

}  // namespace

ProxyPool Catalog::add_pool(const ProxyPool& pool) {
    ProxyPool stored = validated(pool);
    database_.run({.name = "add_pool"}, Repeat::unsent, [&](Connection& connection) {
        try {
            connection.execute(database_.in_schema(query::insert_pool), bind_pool(stored));
        } catch (const ServerError& error) {
            if (error.is("23505")) refuse(stored, error.constraint);
            throw;
        }
    });
    return stored;
}

ProxyPool Catalog::update_pool(const ProxyPool& pool) {
    ProxyPool changed = validated(pool);
    database_.run({.name = "update_pool"}, Repeat::always, [&](Connection& connection) {
        try {
            const Rows rows = connection.execute(database_.in_schema(query::update_pool), bind_pool(changed));
            if (rows.changed() == 0) throw PoolNotFoundError(changed.id.to_string());
        } catch (const ServerError& error) {
            if (error.is("23505")) refuse(changed, error.constraint);
            throw;
        }
    });
    on_available_();
    return changed;
}

std::optional<ProxyPool> Catalog::get_pool(const std::string& name) {
    const Rows rows = database_.run({.name = "get_pool"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::pool_by_name), Parameters().add(name));
    });
    return rows.size() == 0 ? std::nullopt : std::optional(read_pool(rows, 0));
}

Page<ProxyPool> Catalog::list_pools(const ListRequest& request) {
    validate(request);
    const Rows rows = database_.run({.name = "list_pools"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(
            database_.in_schema(query::list_pools),
            Parameters().add(request.after).add(static_cast<std::int64_t>(request.limit + 1)));
    });
    std::vector<ProxyPool> pools;
    for (int row = 0; row < rows.size(); ++row) pools.push_back(read_pool(rows, row));
    return page_by_name(std::move(pools), request.limit);
}

RemoveResult Catalog::remove_pool(const std::string& name, bool force) {
    std::vector<Lease> expired;
    const RemoveResult result =
        database_.transact({.name = "remove_pool"}, [&](Connection& connection) -> RemoveResult {
            expired.clear();
            connection.extend_timeout();
            const Rows pool =
                connection.execute(database_.in_schema(query::lock_pool), Parameters().add(name));
            if (pool.size() == 0) return {};
            const UuidBytes id = pool.id<PoolId>(0, 0).bytes();
            // Proxies first: nobody leases one of them from here on.
            connection.execute(database_.in_schema(query::lock_proxies_of_pool), Parameters().add(id));
            const std::int64_t revoked =
                end_leases(connection, query::active_of_pool, id, force, expired,
                           [&] { return ConflictError("pool", name, "has active leases"); });
            connection.execute(database_.in_schema(query::delete_health_of_pool), Parameters().add(id));
            connection.execute(database_.in_schema(query::delete_proxies_of_pool), Parameters().add(id));
            connection.execute(database_.in_schema(query::delete_pool), Parameters().add(id));
            return {.removed = true, .revoked_leases = revoked};
        });
    reports_.put(std::move(expired));
    if (result.removed) on_available_();  // who waits hears that there is no such pool
    return result;
}

}  // namespace pharox::postgres
