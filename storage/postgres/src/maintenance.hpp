// Whether the store works and its counters are right: sql/maintenance.sql.
#pragma once

#include <functional>
#include <utility>

#include "database.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::postgres {

/// Warns of a transaction that any role left open, which delays the clean-up of tables, and of a store's time
/// that is ahead of the server's clock.
void warn_of_hazards(Database& database);

/// Thread-safe.
class Maintenance final : public IMaintenance {
  public:
    /// `on_available` is called when something became available.
    Maintenance(Database& database, std::function<void()> on_available)
        : database_(database), on_available_(std::move(on_available)) {}

    /// Calls warn_of_hazards(), too.
    void ping() override;
    AuditResult audit() override;
    AuditResult repair() override;

  private:
    /// In a transaction of its own.
    Timestamp observe_time(const Operation& operation);

    Database& database_;
    std::function<void()> on_available_;
};

}  // namespace pharox::postgres
