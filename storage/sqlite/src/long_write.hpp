// Writes that take several transactions, so that other writers do not wait for their end.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "catalog_transaction.hpp"

namespace pharox::sqlite {

/// How long a transaction works; writing its pages out takes about half as long again.
inline constexpr std::chrono::milliseconds work_at_once(15);

/// One transaction of a long write, on the connection for these.
class Step {
  public:
    Step(Database& database, const Operation& operation, Durability durability = Durability::process)
        : database_(database),
          transaction_(std::in_place, database, operation, durability, database.bulk_writer()) {}

    CatalogTransaction* operator->() noexcept { return &*transaction_; }
    CatalogTransaction& operator*() noexcept { return *transaction_; }
    [[nodiscard]] bool has_time() const noexcept { return std::chrono::steady_clock::now() < end_; }
    /// The log is written to the file while no lock is held, so that no other writer has to do it.
    void commit() {
        transaction_->commit();
        transaction_.reset();
        database_.checkpoint();
    }

  private:
    Database& database_;
    std::optional<CatalogTransaction> transaction_;
    std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + work_at_once;
};

}  // namespace pharox::sqlite
