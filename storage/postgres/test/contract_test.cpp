// The conformance suite against a real server: each folder of the suite is a schema, opened by a role that
// has no more rights than an application needs.
#include "pharox/testkit/contract.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include "server.hpp"
#include "test_clock.hpp"

using namespace pharox;

namespace {

/// A folder's random part, as a schema's name.
std::string schema_of(const std::filesystem::path& folder) {
    std::string name = "c";
    for (const char letter : folder.filename().string().substr(std::string("pharox-contract-").size())) {
        const bool upper = letter >= 'A' && letter <= 'Z';
        if (upper) name += '_';
        name += upper ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
    return name;
}

std::shared_ptr<IStorage> open(const testkit::Setup& setup) {
    const auto& server = postgres::TestServer::shared();
    const std::string schema = schema_of(setup.folder);
    server.migrate_and_grant(schema);
    return postgres::make_storage(server.options("pharox_app", schema));
}

/// One folder at a time has a connection for its clock.
void set_time(const testkit::Setup& setup, Timestamp time) {
    static std::mutex mutex;
    static std::string schema;
    static std::optional<postgres::TestClock> clock;
    const std::scoped_lock lock(mutex);
    const std::string wanted = schema_of(setup.folder);
    if (!clock || schema != wanted) {
        clock.emplace(postgres::TestServer::shared(), wanted);
        schema = wanted;
    }
    clock->stand_at(time);
}

void break_counter(IStorage& /*store*/, const testkit::Setup& setup, ProxyId proxy, int counter) {
    postgres::TestServer::shared().query("UPDATE " + schema_of(setup.folder) +
                                         ".proxy SET current_leases = " + std::to_string(counter) +
                                         " WHERE id = '" + proxy.to_string() + "'");
}

}  // namespace

PHAROX_STORAGE_CONTRACT(Postgres, {.make = open,
                                   .durable = true,
                                   .processes = true,
                                   .clock = testkit::Clock::settable,
                                   .set_time = set_time,
                                   .tells_misses_apart = true,
                                   .break_counter = break_counter})

// In production the schema's time is the server's. What a case can check in a few hundred milliseconds of it:
// leases that expire, times of leases and results, waiters that an expiry serves, and processes.
PHAROX_STORAGE_CONTRACT(PostgresOwnClock, {.make = open,
                                           .durable = true,
                                           .processes = true,
                                           .clock = testkit::Clock::own,
                                           .only = {"acquire_leases_what_fits",
                                                    "expired_leases_block_no_acquire",
                                                    "expiry_advances_the_use_sequence",
                                                    "expired_id_never_leases_again",
                                                    "duration_is_exact",
                                                    "tokens_increase",
                                                    "tokens_are_no_less_than_the_time",
                                                    "release_ends_the_lease",
                                                    "expired_lease_is_not_released",
                                                    "cleanup_counts_each_lease_once",
                                                    "expiry_is_reported_once",
                                                    "statistics_leave_out_expired_leases",
                                                    "ended_lease_is_not_renewed",
                                                    "listed_leases_read_as_they_are",
                                                    "revoking_what_has_ended_answers_no",
                                                    "expired_leases_block_no_removal",
                                                    "check_is_taken_over",
                                                    "records_come_newest_first",
                                                    "short_leases_under_contention",
                                                    "expiry_wakes",
                                                    "release_elsewhere_serves_waiters",
                                                    "expiry_elsewhere_serves_waiters",
                                                    "leases_expire_while_the_store_is_closed",
                                                    "killed_process_loses_nothing",
                                                    "processes_that_clean_up_at_once"},
                                           .tells_misses_apart = true})
