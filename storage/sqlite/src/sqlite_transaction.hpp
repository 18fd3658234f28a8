// A transaction of the database behind an interface of sqlkit.
#pragma once

#include <optional>

#include "database.hpp"
#include "row_mapping.hpp"
#include "transaction.hpp"

namespace pharox::sqlite {

std::optional<sqlkit::RandomKeys> random_keys_of(Connection& connection, PoolId pool);
void write_end_of_lease(WriteTransaction& transaction, const Lease& ended, std::optional<bool> opens);
std::vector<Lease> read_leases(Statement& rows);

/// `Interface` is sqlkit's LeaseTransaction or CatalogRows.
template <class Interface>
class SqliteTransaction : public Interface {
  public:
    /// Reads.
    SqliteTransaction(Database& database, const Operation& operation)
        : connection_(read_.emplace(database, operation).connection()) {}
    /// Writes.
    SqliteTransaction(Database& database, const Operation& operation, Durability durability)
        : connection_(write_.emplace(database, operation, durability).connection()) {}
    /// Writes with this connection.
    SqliteTransaction(Database& database, const Operation& operation, Durability durability, Writer& writer)
        : connection_(write_.emplace(database, operation, durability, writer).connection()) {}

    Timestamp now() override { return write_ ? write_->now() : read_->now(); }
    void commit() override { write_->commit(); }
    void makes_available(const std::string& pool) override { write_->makes_available(pool); }
    double draw_exponential() override { return write_->draw_exponential(); }
    std::optional<sqlkit::RandomKeys> random_keys(PoolId pool) override {
        return random_keys_of(connection_, pool);
    }
    void end_lease(const Lease& ended, std::optional<bool> opens) override {
        write_end_of_lease(*write_, ended, opens);
    }

  protected:
    Connection& connection() noexcept { return connection_; }
    WriteTransaction& write() noexcept { return *write_; }
    [[nodiscard]] bool writes() const noexcept { return write_.has_value(); }
    [[nodiscard]] Timestamp clock() const noexcept { return write_ ? write_->clock() : read_->clock(); }

  private:
    std::optional<WriteTransaction> write_{};
    std::optional<ReadTransaction> read_{};
    Connection& connection_;
};

}  // namespace pharox::sqlite
