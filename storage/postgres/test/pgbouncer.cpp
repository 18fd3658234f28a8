#include "pgbouncer.hpp"

#include <libpq-fe.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "spawn.hpp"

namespace pharox::postgres {

PgBouncer::PgBouncer(const TestServer& server) : port_(free_port()) {
    const char* const program = "/usr/sbin/pgbouncer";
    if (::access(program, X_OK) != 0) throw std::runtime_error("pgbouncer is missing: install pgbouncer");
    const std::filesystem::path& folder = server.folder();
    const std::filesystem::path file = folder / ("pgbouncer-" + std::to_string(port_) + ".ini");
    std::ofstream(folder / "users.txt") << "\"pharox_app\" \"\"\n\"pharox_owner\" \"\"\n";
    std::ofstream(file) << "[databases]\npharox = host=127.0.0.1 port=" << server.port()
                        << " dbname=pharox\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port_
                        << "\nunix_socket_dir =\nauth_type = trust\nauth_file = "
                        << (folder / "users.txt").string()
                        << "\npool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 200\n";
    pid_ = spawn_as_postgres({program, file.string()}, folder / "pgbouncer.log");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (PQping(as("pharox_app").c_str()) != PQPING_OK) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_ || std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("pgbouncer does not start: see " + (folder / "pgbouncer.log").string());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

PgBouncer::~PgBouncer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::string PgBouncer::as(const std::string& user) const {
    return "host=127.0.0.1 dbname=pharox user=" + user + " port=" + std::to_string(port_);
}

}  // namespace pharox::postgres
