// Checks and repairs of the file.
#pragma once

#include "database.hpp"
#include "pharox/storage/maintenance.hpp"

namespace pharox::sqlite {

/// Thread-safe.
class Maintenance final : public IMaintenance {
  public:
    explicit Maintenance(Database& database) : database_(database) {}

    void ping() override;
    AuditResult audit() override;
    AuditResult repair() override;

  private:
    Database& database_;
};

}  // namespace pharox::sqlite
