// Is the store sound.
#pragma once

#include "database.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::postgres {

/// Warns of a transaction of somebody's that was left open: it keeps tables from being cleaned.
void look_for_open_transactions(Database& database);

/// Thread-safe.
class Maintenance final : public IMaintenance {
  public:
    explicit Maintenance(Database& database) : database_(database) {}

    /// Looks for open transactions, too.
    void ping() override;
    AuditResult audit() override;
    AuditResult repair() override;

  private:
    Database& database_;
};

}  // namespace pharox::postgres
