// usage: postgres_beside_waiters_bench [ROUNDS [MILLISECONDS]], on a server of its own
#include "beside_waiters.hpp"

#include <exception>
#include <iostream>

#include "server.hpp"

int main(int argc, char** argv) {
    try {
        const int rounds = argc > 1 ? std::stoi(argv[1]) : 7;
        const std::chrono::milliseconds time(argc > 2 ? std::stoi(argv[2]) : 500);
        const pharox::postgres::TestServer server;
        server.migrate_and_grant("pharox");
        const auto store = pharox::postgres::make_storage(server.options("pharox_app", "pharox"));
        pharox::bench::measure_beside_waiters("postgresql", *store, rounds, time);
    } catch (const std::exception& error) {
        std::cerr << "postgres_beside_waiters_bench: " << error.what() << '\n';
        return 1;
    }
}
