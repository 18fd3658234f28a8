#include "sqlite_transaction.hpp"

#include "sql_statements.hpp"

namespace pharox::sqlite {

std::optional<sqlkit::RandomKeys> random_keys_of(Connection& connection, PoolId pool) {
    Statement row = connection.prepare(sql::pool_keys);
    if (!row.bind(pool).step()) return std::nullopt;
    return sqlkit::RandomKeys{
        .random_high = row.real(0), .weighted_high = row.real(1), .largest_weight = row.real(2)};
}

void write_end_of_lease(WriteTransaction& transaction, const Lease& ended, std::optional<bool> opens) {
    const ReleaseReason reason = ended.release_reason.value();
    transaction.prepare(sql::end_lease)
        .bind(ended.released_at)
        .bind(static_cast<int>(reason))
        .bind(ended.id)
        .run();
    std::string_view uncount = sql::uncount_lease_any;
    if (opens) uncount = *opens ? sql::uncount_lease_and_open : sql::uncount_lease;
    transaction.prepare(uncount).bind(transaction.next_use_sequence()).bind(ended.proxy_id).run();
    transaction.add_ended_leases(1);
}

std::vector<Lease> read_leases(Statement& rows) {
    std::vector<Lease> leases;
    while (rows.step()) leases.push_back(read_lease(rows));
    return leases;
}

}  // namespace pharox::sqlite
