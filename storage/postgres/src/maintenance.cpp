#include "maintenance.hpp"

#include "schema.hpp"

namespace pharox::postgres {

namespace {

constexpr std::int64_t many_transactions = 100'000;
constexpr std::chrono::milliseconds longest_clock_lead(60'000);

AuditResult read_audit(const Rows& rows) {
    AuditResult result{.proxies = rows.integer(0, 0), .leases = rows.integer(0, 1)};
    for (int row = 0; row < rows.size(); ++row) {
        if (rows.is_null(row, 2)) continue;
        result.mismatches.push_back({.proxy_id = rows.id<ProxyId>(row, 2),
                                     .pool = std::string(rows.text(row, 3)),
                                     .counter = rows.integer(row, 4),
                                     .active_leases = rows.integer(row, 5)});
    }
    return result;
}

void check_open_transactions(Database& database) {
    const Rows open = database.run({.name = "ping"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database.text(sql::open_transaction),
                                  Parameters()
                                      .add(std::int64_t{database.options().transaction_warning.count()})
                                      .add(many_transactions));
    });
    if (open.size() == 0) return;
    const std::string age = open.is_null(0, 0) ? std::to_string(open.integer(0, 1)) + " later ones"
                                               : std::to_string(open.integer(0, 0) / 1'000) + " s";
    database.warn("a transaction has been open for " + age + " (server process " +
                  std::to_string(open.integer(0, 2)) + "): until it ends, tables grow and leases get slower");
}

/// The server's clock was ahead, or a standby's is behind: until the server's clock arrives there, all leases
/// seem to begin at that time.
void check_clock(Database& database) {
    const Rows lead = database.run({.name = "ping"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database.text(sql::clock_lead));
    });
    if (lead.size() == 0 || lead.integer(0, 0) <= longest_clock_lead.count()) return;
    database.warn("the store's time is " + std::to_string(lead.integer(0, 0) / 1'000) +
                  " s ahead of the server's clock, and stands still until the clock arrives there: check the "
                  "clocks of the server and its standbys");
}

}  // namespace

void warn_of_hazards(Database& database) {
    check_open_transactions(database);
    check_clock(database);
}

void Maintenance::ping() {
    const Operation operation{.name = "ping"};
    expect_schema(database_);
    database_.run(operation, Repeat::always, [&](Connection& connection) {
        const Rows state = connection.execute(database_.text(sql::server_state), {}, Plan::once);
        if (state.flag(0, 0)) fail(operation, "the server accepts no writes: it is a standby", true);
    });
    warn_of_hazards(database_);
}

AuditResult Maintenance::audit() {
    const Timestamp now = observe_time({.name = "audit"});
    return database_.transact({.name = "audit"}, [&](Connection& connection) {
        connection.extend_timeout();
        return read_audit(
            connection.execute(database_.text(sql::compare_counters), Parameters().add(now), Plan::once));
    });
}

Timestamp Maintenance::observe_time(const Operation& operation) {
    return database_
        .run(operation, Repeat::always,
             [&](Connection& connection) { return connection.execute(database_.text(sql::observe_time)); })
        .time(0, 0);
}

AuditResult Maintenance::repair() {
    const Timestamp now = observe_time({.name = "repair"});
    AuditResult found = database_.transact({.name = "repair"}, [&](Connection& connection) {
        connection.extend_timeout();
        connection.command(database_.text(sql::lock_for_repair));
        AuditResult result = read_audit(
            connection.execute(database_.text(sql::compare_counters), Parameters().add(now), Plan::once));
        connection.execute(database_.text(sql::repair_proxies), {}, Plan::once);
        return result;
    });
    on_available_();
    return found;
}

}  // namespace pharox::postgres
