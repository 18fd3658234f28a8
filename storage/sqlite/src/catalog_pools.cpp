#include "catalog.hpp"
#include "pharox/errors.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

std::optional<ProxyPool> find_pool(auto& transaction, std::string_view name) {
    Statement row = transaction.prepare(sql::pool_by_name);
    if (!row.bind(name).step()) return std::nullopt;
    return read_pool(row);
}

bool id_is_taken(WriteTransaction& transaction, PoolId id) {
    return transaction.prepare(sql::pool_by_id).bind(id).step();
}

}  // namespace

ProxyPool Catalog::add_pool(const ProxyPool& pool) {
    ProxyPool stored = validated(pool);
    WriteTransaction transaction(database_, {.name = "add_pool"}, Durability::power);
    if (find_pool(transaction, stored.name)) {
        throw ConflictError("name", stored.name, "is the name of another pool");
    }
    if (id_is_taken(transaction, stored.id)) {
        throw ConflictError("id", stored.id.to_string(), "is the id of another pool");
    }
    {
        Statement insert = transaction.prepare(sql::insert_pool);
        insert.bind(stored.id).bind(stored.name).bind(stored.description);
        bind_metadata(insert, stored.metadata);
        insert.run();
    }
    transaction.commit();
    return stored;
}

ProxyPool Catalog::update_pool(const ProxyPool& pool) {
    ProxyPool changed = validated(pool);
    WriteTransaction transaction(database_, {.name = "update_pool"}, Durability::power);
    if (!id_is_taken(transaction, changed.id)) throw PoolNotFoundError(changed.id.to_string());
    const auto holder = find_pool(transaction, changed.name);
    if (holder && holder->id != changed.id) {
        throw ConflictError("name", changed.name, "is the name of another pool");
    }
    {
        Statement update = transaction.prepare(sql::update_pool);
        update.bind(changed.name).bind(changed.description);
        bind_metadata(update, changed.metadata);
        update.bind(changed.id).run();
    }
    transaction.commit();
    return changed;
}

std::optional<ProxyPool> Catalog::get_pool(const std::string& name) {
    ReadTransaction transaction(database_, {.name = "get_pool"});
    return find_pool(transaction, name);
}

Page<ProxyPool> Catalog::list_pools(const ListRequest& request) {
    validate(request);
    ReadTransaction transaction(database_, {.name = "list_pools"});
    Statement rows = transaction.prepare(sql::list_pools);
    rows.bind(request.after).bind(static_cast<std::int64_t>(request.limit) + 1);
    std::vector<ProxyPool> pools;
    while (rows.step()) pools.push_back(read_pool(rows));
    return page_by_name(std::move(pools), request.limit);
}

RemoveResult Catalog::remove_pool(const std::string& name, bool force) {
    WriteTransaction transaction(database_, {.name = "remove_pool"}, Durability::power);
    transaction.read_state();
    const auto pool = find_pool(transaction, name);
    if (!pool) return {};
    std::vector<Lease> active;
    {
        Statement rows = transaction.prepare(sql::active_leases_of_pool);
        rows.bind(pool->id);
        while (rows.step()) active.push_back(read_lease(rows));
    }
    std::vector<Lease> expired;
    const std::int64_t revoked = revoke_all(transaction, std::move(active), force, expired,
                                            [&] { return ConflictError("pool", name, "has active leases"); });
    transaction.prepare(sql::delete_health_results_of_pool).bind(pool->id).run();
    transaction.prepare(sql::delete_health_records_of_pool).bind(pool->id).run();
    transaction.prepare(sql::delete_proxies_of_pool).bind(pool->id).run();
    transaction.prepare(sql::delete_pool).bind(pool->id).run();
    transaction.commit();
    reports_.put(std::move(expired));
    return {.removed = true, .revoked_leases = revoked};
}

}  // namespace pharox::sqlite
