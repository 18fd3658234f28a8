// Writers of one SQLite file beside another writer: how long each call takes.
//   sqlite_writers_bench import [proxies]   4 threads and 4 processes lease and release beside an import
//   sqlite_writers_bench waiting            30 processes wait while the lock is held for 8 s
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <new>
#include <string_view>
#include <thread>
#include <vector>

#include "workload.hpp"

namespace {

using namespace pharox;
using Steady = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<std::int64_t, std::micro>;

constexpr std::size_t most_calls = 4'000'000;

/// Written by all processes.
struct Record {
    std::atomic<bool> measuring;
    std::atomic<bool> stop;
    std::atomic<int> ready;
    std::atomic<int> failures;
    std::atomic<std::size_t> calls;
    std::array<std::int32_t, most_calls> took_us;

    void add(Steady::duration took) {
        if (!measuring) return;
        const std::size_t slot = calls++;
        if (slot < most_calls) {
            took_us[slot] = static_cast<std::int32_t>(std::chrono::duration_cast<Microseconds>(took).count());
        }
    }
};

Record& shared_record() {
    void* const memory =
        ::mmap(nullptr, sizeof(Record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    return *new (memory) Record;
}

void print(std::string_view name, Record& record) {
    const std::size_t count = std::min(record.calls.load(), most_calls);
    std::vector<std::int32_t> sorted(record.took_us.begin(),
                                     record.took_us.begin() + static_cast<std::ptrdiff_t>(count));
    std::ranges::sort(sorted);
    std::cout << name << ": " << count << " calls, " << record.failures << " failed; ms:";
    for (const double part : {0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
        if (sorted.empty()) break;
        const auto at = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
        std::cout << "  p" << part * 100 << ' ' << static_cast<double>(sorted[at]) / 1000;
    }
    std::cout << '\n';
}

/// Each acquire and each release is one call.
void lease_until_stopped(IStorage& storage, Record& record) {
    while (!record.stop) {
        try {
            const auto asked = Steady::now();
            const AcquireResult got = storage.acquire({.pool = bench::pool_name});
            const auto leased = Steady::now();
            storage.release_lease({.lease_id = got.lease().id, .pool = bench::pool_name});
            record.add(leased - asked);
            record.add(Steady::now() - leased);
        } catch (const Error&) {
            ++record.failures;
        }
        // As programs do that work between their calls; with no pause the lock would always be taken.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

template <class Work>
pid_t in_child(const Work& work) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    work();
    std::_Exit(0);
}

void beside_import(std::int64_t proxies, bool processes) {
    const bench::TemporaryFolder folder;
    const sqlite::Options options{.path = folder.path() / "pools.db"};
    bench::fill(*sqlite::make_storage(options), 1'000);
    Record& record = shared_record();
    std::vector<pid_t> children;
    for (int i = 0; processes && i < 4; ++i) {
        children.push_back(in_child([&] { lease_until_stopped(*sqlite::make_storage(options), record); }));
    }
    const auto storage = sqlite::make_storage(options);
    std::vector<std::jthread> threads;
    for (int i = 0; !processes && i < 4; ++i) {
        threads.emplace_back([&] { lease_until_stopped(*storage, record); });
    }
    const ProxyPool pool = storage->catalog()->add_pool({.name = "imported"});
    std::vector<Proxy> batch;
    for (std::int64_t i = 0; i < proxies; ++i) {
        batch.push_back({.pool_id = pool.id,
                         .host = "h" + std::to_string(i) + ".example",
                         .port = 8080,
                         .status = ProxyStatus::active,
                         .credentials = ProxyCredentials{.user = "user", .password = "password"},
                         .country = i % 2 == 0 ? "AR" : "BR"});
    }
    record.measuring = true;
    const auto start = Steady::now();
    storage->catalog()->add_proxies({.proxies = std::move(batch)});
    record.measuring = false;
    const std::chrono::duration<double> took = Steady::now() - start;
    record.stop = true;
    threads.clear();
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    std::cout << "import of " << proxies << ": " << took.count() << " s; ";
    print(processes ? "4 processes beside it" : "4 threads of its process beside it", record);
    ::munmap(&record, sizeof(Record));
}

void waiting() {
    const bench::TemporaryFolder folder;
    const sqlite::Options options{.path = folder.path() / "pools.db",
                                  .busy_timeout = std::chrono::minutes(1)};
    bench::fill(*sqlite::make_storage(options), 1'000);
    Record& record = shared_record();
    std::vector<pid_t> children;
    for (int i = 0; i < 30; ++i) {
        children.push_back(in_child([&] {
            const auto storage = sqlite::make_storage(options);
            ++record.ready;
            while (!record.measuring) ::usleep(1000);
            const auto asked = Steady::now();
            storage->acquire({.pool = bench::pool_name});
            record.add(Steady::now() - asked);
        }));
    }
    while (record.ready < 30) ::usleep(1000);
    {
        sqlite3* holder = nullptr;
        sqlite3_open(options.path.c_str(), &holder);
        sqlite3_exec(holder, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
        record.measuring = true;
        ::sleep(8);
        sqlite3_close(holder);
    }
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    std::cout << "CPU of 30 waiting processes, with their start: "
              << seconds(used.ru_utime) + seconds(used.ru_stime) << " s; ";
    print("acquires, of which 8000 ms with the lock held", record);
    ::munmap(&record, sizeof(Record));
}

}  // namespace

int main(int count, char** arguments) {
    const std::string_view mode = count > 1 ? arguments[1] : "";
    if (mode == "waiting") {
        waiting();
    } else if (mode == "import") {
        const std::int64_t proxies = count > 2 ? std::atoll(arguments[2]) : 1'000'000;
        beside_import(proxies, false);
        beside_import(proxies, true);
    } else {
        std::cerr << "usage: sqlite_writers_bench import [proxies] | waiting\n";
        return 2;
    }
    return 0;
}
