// The statements of the catalog: sql/pools.sql, proxies.sql, bulk.sql and removal.sql.
#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog_store.hpp"
#include "database.hpp"

namespace pharox::postgres {

/// Thread-safe.
class CatalogStore final : public sqlkit::CatalogStore {
  public:
    /// `on_available` is called when something may have become available in the pool.
    CatalogStore(Database& database, std::function<void(std::string_view pool)> on_available)
        : database_(database), on_available_(std::move(on_available)) {}

    void read(const sqlkit::Operation& operation, const Work& work) override;
    void write(const sqlkit::Operation& operation, const Work& work) override;
    void write_one(const sqlkit::Operation& operation, const Work& work) override;
    /// Of a consumer: waits for the acquires that may have read it before its removal.
    std::vector<Lease> end_late_leases(const sqlkit::Operation& operation,
                                       const sqlkit::LeaseHolder& removed) override;
    [[nodiscard]] sqlkit::FilterSql list_filter(const ProxyFilters& filters) const override;

  private:
    Database& database_;
    std::function<void(std::string_view pool)> on_available_;
};

}  // namespace pharox::postgres
