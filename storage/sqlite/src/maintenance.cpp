#include "maintenance.hpp"

#include "schema.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

AuditResult compare_counters(auto& transaction, Timestamp now, auto report) {
    AuditResult result;
    {
        Statement totals = transaction.prepare(sql::audit_totals);
        totals.bind(now).step();
        result.proxies = totals.integer(0);
        result.leases = totals.integer(1);
    }
    Statement rows = transaction.prepare(sql::wrong_counters);
    rows.bind(now);
    while (rows.step()) {
        result.mismatches.push_back({.proxy_id = rows.template id<ProxyId>(0),
                                     .pool = std::string(rows.text(1)),
                                     .counter = rows.integer(2),
                                     .active_leases = rows.integer(3)});
        report(rows.integer(4));
    }
    return result;
}

}  // namespace

void Maintenance::ping() {
    WriteTransaction transaction(database_, {.name = "ping"});
    require_known_schema(transaction.connection(), database_.name());
    transaction.prepare(sql::probe_write).run();
    // Without this the pages would stay in memory, and a full disk would not be noticed. The transaction is
    // rolled back.
    transaction.connection().write_out();
    if (const auto differs = database_.clock_disagreement()) fail({.name = "ping"}, differs->text());
}

AuditResult Maintenance::audit() {
    ReadTransaction transaction(database_, {.name = "audit"});
    return compare_counters(transaction, transaction.now(), [](std::int64_t) {});
}

AuditResult Maintenance::repair() {
    WriteTransaction transaction(database_, {.name = "repair"}, Durability::power);
    std::vector<std::int64_t> expired;  // per mismatch: leases that the stored counter still includes
    AuditResult result = compare_counters(transaction, transaction.now(),
                                          [&](std::int64_t leases) { expired.push_back(leases); });
    for (std::size_t i = 0; i < expired.size(); ++i) {
        const CounterMismatch& wrong = result.mismatches[i];
        transaction.prepare(sql::set_counter)
            .bind(wrong.active_leases + expired[i])
            .bind(wrong.proxy_id)
            .run();
    }
    transaction.set_ended_leases(transaction.connection().query_integer(sql::count_ended_leases));
    transaction.makes_available_anywhere();
    transaction.commit();
    return result;
}

}  // namespace pharox::sqlite
