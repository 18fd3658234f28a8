#include "catalog_statements.hpp"

#include "catalog_transaction.hpp"
#include "dialect.hpp"
#include "pool_removal.hpp"
#include "proxy_import.hpp"

namespace pharox::sqlite {

namespace {

// These take a few milliseconds. More are added in transactions of bounded duration.
constexpr std::size_t most_added_at_once = 100;

}  // namespace

void CatalogStore::read(const Operation& operation, const Work& work) {
    CatalogTransaction transaction(database_, operation);
    work(transaction);
}

void CatalogStore::write(const Operation& operation, const Work& work) {
    bool leaves_proxies = false;
    {
        CatalogTransaction transaction(database_, operation, Durability::power);
        work(transaction);
        transaction.commit();
        leaves_proxies = transaction.leaves_proxies();
    }
    if (leaves_proxies) delete_proxies_of_removed_pools(database_);
}

AddProxiesResult CatalogStore::add_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) {
    if (proxies.size() <= most_added_at_once) {
        CatalogTransaction transaction(database_, {.name = "add_proxies"}, Durability::power);
        if (!transaction.import_runs()) {
            const AddProxiesResult result = transaction.insert_proxies(proxies, policy);
            transaction.commit();
            return result;
        }
    }
    return ProxyImport(database_).add(proxies, policy);
}

sqlkit::FilterSql CatalogStore::list_filter(const ProxyFilters& filters) const {
    return compile_filter(dialect, filters);
}

}  // namespace pharox::sqlite
