// usage: beside_waiters_bench [ROUNDS [MILLISECONDS]]
#include "beside_waiters.hpp"

#include <exception>
#include <iostream>

#include "pharox/sqlite/storage.hpp"
#include "temporary_folder.hpp"

int main(int argc, char** argv) {
    try {
        const int rounds = argc > 1 ? std::stoi(argv[1]) : 7;
        const std::chrono::milliseconds time(argc > 2 ? std::stoi(argv[2]) : 500);
        pharox::InMemoryStorage memory;
        pharox::bench::measure_beside_waiters("memory", memory, rounds, time);
        const pharox::test::TemporaryFolder folder;
        const auto sqlite = pharox::sqlite::make_storage({.path = folder.path() / "pools.db"});
        pharox::bench::measure_beside_waiters("sqlite", *sqlite, rounds, time);
    } catch (const std::exception& error) {
        std::cerr << "beside_waiters_bench: " << error.what() << '\n';
        return 1;
    }
}
