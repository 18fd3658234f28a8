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
