#include "fixture.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pharox::sqlite {

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pharox-sqlite-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

RawDatabase::RawDatabase(const std::filesystem::path& path) {
    if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK) throw std::runtime_error("cannot open raw");
    sqlite3_busy_timeout(database_, 10'000);
}

RawDatabase::~RawDatabase() { sqlite3_close(database_); }

void RawDatabase::execute(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        throw std::runtime_error(sql + ": " + sqlite3_errmsg(database_));
    }
}

std::vector<std::string> RawDatabase::query(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
        throw std::runtime_error(sql + ": " + sqlite3_errmsg(database_));
    }
    std::vector<std::string> rows;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const int last = sqlite3_column_count(statement) - 1;
        const void* data = sqlite3_column_blob(statement, last);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, last));
        rows.emplace_back(data == nullptr ? "" : static_cast<const char*>(data), size);
    }
    sqlite3_finalize(statement);
    return rows;
}

Child::Child(const std::function<int()>& work) : pid_(::fork()) {
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ > 0) return;
    int status = 99;
    try {
        status = work();
    } catch (...) {  // NOLINT(bugprone-empty-catch): reported by the exit status
    }
    ::_exit(status);
}

Child::~Child() {
    if (pid_ < 0) return;
    kill();
    wait();
}

void Child::kill() const { ::kill(pid_, SIGKILL); }

int Child::wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Child::running() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

void* map_shared(std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map memory");
    return memory;
}

void unmap_shared(void* memory, std::size_t size) { ::munmap(memory, size); }

std::vector<Proxy> fill(IStorage& storage, int proxies, int max_concurrency) {
    ICatalog& catalog = require_catalog(storage);
    const ProxyPool pool = catalog.add_pool({.name = "pool"});
    storage.ensure_consumer({.name = std::string(default_consumer_name)});
    AddProxiesRequest request;
    for (int i = 0; i < proxies; ++i) {
        Proxy proxy{.pool_id = pool.id,
                    .host = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256),
                    .port = 8080,
                    .status = ProxyStatus::active};
        proxy.max_concurrency = max_concurrency;
        request.proxies.push_back(proxy);
    }
    catalog.add_proxies(request);
    return request.proxies;
}

}  // namespace pharox::sqlite
