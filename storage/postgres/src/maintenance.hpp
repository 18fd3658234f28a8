// Is the store sound.
#pragma once

#include <functional>
#include <utility>

#include "database.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::postgres {

/// Warns of a transaction of somebody's that was left open: it keeps tables from being cleaned.
void look_for_open_transactions(Database& database);

/// Thread-safe.
class Maintenance final : public IMaintenance {
  public:
    /// `on_available` is called when something became available.
    Maintenance(Database& database, std::function<void()> on_available)
        : database_(database), on_available_(std::move(on_available)) {}

    /// Looks for open transactions, too.
    void ping() override;
    AuditResult audit() override;
    AuditResult repair() override;

  private:
    Database& database_;
    std::function<void()> on_available_;
};

}  // namespace pharox::postgres
