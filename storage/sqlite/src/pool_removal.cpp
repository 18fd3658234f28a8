#include "pool_removal.hpp"

#include <vector>

#include "long_write.hpp"

namespace pharox::sqlite {

namespace {

constexpr Operation removing{.name = "remove_pool"};
constexpr int proxies_between_looks = 64;

std::optional<PoolId> next_removed_pool(Database& database) {
    ReadTransaction transaction(database, removing);
    Statement row = transaction.prepare(sql::removed_pool);
    if (!row.step()) return std::nullopt;
    return row.id<PoolId>(0);
}

std::vector<ProxyId> some_proxies(CatalogTransaction& transaction, PoolId pool) {
    Statement rows = transaction.prepare(sql::proxies_of_removed_pool);
    rows.bind(pool).bind(proxies_between_looks);
    std::vector<ProxyId> proxies;
    while (rows.step()) proxies.push_back(rows.id<ProxyId>(0));
    return proxies;
}

/// Whether there are more.
bool delete_some(Database& database, PoolId pool) {
    Step step(database, removing);
    do {
        const std::vector<ProxyId> proxies = some_proxies(*step, pool);
        for (const ProxyId id : proxies) step->remove(id);
        if (proxies.empty()) {
            step->prepare(sql::delete_removed_pool).bind(pool).run();
            step.commit();
            return false;
        }
    } while (step.has_time());
    step.commit();
    return true;
}

}  // namespace

void delete_proxies_of_removed_pools(Database& database) {
    while (const auto pool = next_removed_pool(database)) {
        while (delete_some(database, *pool)) {
        }
    }
}

}  // namespace pharox::sqlite
