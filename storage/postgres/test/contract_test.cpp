// The conformance suite against a real server: each folder of the suite is a schema, opened by a role that
// has no more rights than an application needs.
#include "pharox/testkit/contract.hpp"

#include <algorithm>

#include "server.hpp"

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

void break_counter(IStorage& /*store*/, const testkit::Setup& setup, ProxyId proxy, int counter) {
    postgres::TestServer::shared().query("UPDATE " + schema_of(setup.folder) +
                                         ".proxy SET current_leases = " + std::to_string(counter) +
                                         " WHERE id = '" + proxy.to_string() + "'");
}

}  // namespace

PHAROX_STORAGE_CONTRACT(Postgres, {.make = open,
                                   .durable = true,
                                   .processes = true,
                                   .clock = testkit::Clock::own,
                                   .tells_misses_apart = true,
                                   .break_counter = break_counter})
