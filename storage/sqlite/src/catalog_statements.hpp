// The statements of the catalog. Every change is synced to the disk before it is acknowledged.
#pragma once

#include "catalog_store.hpp"
#include "database.hpp"

namespace pharox::sqlite {

/// Thread-safe.
class CatalogStore final : public sqlkit::CatalogStore {
  public:
    explicit CatalogStore(Database& database) : database_(database) {}

    void read(const Operation& operation, const Work& work) override;
    void write(const Operation& operation, const Work& work) override;
    /// Many proxies take several transactions: see ProxyImport.
    AddProxiesResult add_proxies(const std::vector<Proxy>& proxies, DuplicatePolicy policy) override;
    [[nodiscard]] sqlkit::FilterSql list_filter(const ProxyFilters& filters) const override;

  private:
    Database& database_;
};

}  // namespace pharox::sqlite
