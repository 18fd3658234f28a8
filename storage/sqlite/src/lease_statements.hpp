// The statements of leasing.
#pragma once

#include "sqlite_transaction.hpp"

namespace pharox::sqlite {

/// Thread-safe.
class LeaseStore final : public sqlkit::LeaseStore {
  public:
    explicit LeaseStore(Database& database) : database_(database) {}

    std::unique_ptr<sqlkit::LeaseTransaction> read(const Operation& operation) override;
    std::unique_ptr<sqlkit::LeaseTransaction> write(const Operation& operation) override;
    [[nodiscard]] const sqlkit::Dialect& dialect() const noexcept override;
    void prepare(const PickPlan& plan) override;
    [[nodiscard]] Retention retention() const noexcept override;

  private:
    Database& database_;
};

}  // namespace pharox::sqlite
