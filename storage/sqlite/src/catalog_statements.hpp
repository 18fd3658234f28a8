// The statements of the catalog. Every change is synced to the disk before it is acknowledged.
#pragma once

#include "sqlite_transaction.hpp"

namespace pharox::sqlite {

/// Thread-safe.
class CatalogStore final : public sqlkit::CatalogStore {
  public:
    explicit CatalogStore(Database& database) : database_(database) {}

    std::unique_ptr<sqlkit::CatalogTransaction> read(const Operation& operation) override;
    std::unique_ptr<sqlkit::CatalogTransaction> write(const Operation& operation) override;
    [[nodiscard]] const sqlkit::Dialect& dialect() const noexcept override;

  private:
    Database& database_;
};

}  // namespace pharox::sqlite
