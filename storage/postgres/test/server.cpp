#include "server.hpp"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "spawn.hpp"

namespace pharox::postgres {

namespace {

std::string program(const std::string& name) {
    for (int version = 20; version >= 12; --version) {
        std::string path = "/usr/lib/postgresql/" + std::to_string(version) + "/bin/" + name;
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    for (const char* folder : {"/usr/local/bin/", "/usr/bin/", "/usr/local/pgsql/bin/"}) {
        if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
    }
    throw std::runtime_error(name + " is missing: install postgresql (tools/setup test)");
}

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TestServer& TestServer::shared() {
    static TestServer server;
    return server;
}

TestServer::TestServer() : owner_(::getpid()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "pharox-postgres-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder_ = pattern;
    ::chmod(folder_.c_str(), 0755);
    if (::geteuid() == 0) {
        const passwd* const user = ::getpwnam("postgres");
        if (user == nullptr) throw std::runtime_error("the user postgres is missing: install postgresql");
        if (::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0)
            throw std::runtime_error("chown failed");
    }
    const std::filesystem::path log = folder_ / "log";
    const int made =
        spawn_as_postgres({program("initdb"), "-D", (folder_ / "data").string(), "-U", "postgres", "-A",
                           "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                          log);
    int status = 0;
    ::waitpid(made, &status, 0);
    if (status != 0) throw std::runtime_error("initdb failed: " + text_of(log));
    port_ = free_port();
    start();
    query("CREATE ROLE pharox_owner LOGIN");
    query("CREATE ROLE pharox_app LOGIN");
    query("CREATE DATABASE pharox OWNER pharox_owner");
}

TestServer::~TestServer() {
    if (::getpid() != owner_) return;
    if (pid_ > 0) stop("immediate");
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void TestServer::start() {
    std::vector<std::string> command = {program("postgres"),
                                        "-D",
                                        (folder_ / "data").string(),
                                        "-p",
                                        std::to_string(port_),
                                        "-c",
                                        "listen_addresses=127.0.0.1",
                                        "-c",
                                        "unix_socket_directories=" + folder_.string(),
                                        "-c",
                                        "max_connections=300",
                                        "-c",
                                        "shared_buffers=256MB",
                                        "-c",
                                        "log_min_messages=warning"};
    for (const std::string& setting : settings_) command.insert(command.end(), {"-c", setting});
    pid_ = spawn_as_postgres(command, folder_ / "log");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const std::string target = "host=127.0.0.1 dbname=postgres user=postgres port=" + std::to_string(port_);
    while (PQping(target.c_str()) != PQPING_OK) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_ || std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("the server does not start: " + text_of(folder_ / "log"));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

void TestServer::stop(const std::string& mode) {
    ::kill(pid_, mode == "immediate" ? SIGQUIT : SIGINT);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::string TestServer::as(const std::string& user) const { return as(user, port_); }
std::string TestServer::as(const std::string& user, int port) const {
    return "host=127.0.0.1 dbname=pharox user=" + user + " port=" + std::to_string(port);
}

std::string TestServer::query(const std::string& sql) const {
    const bool about_databases = sql.starts_with("CREATE DATABASE") || sql.starts_with("CREATE ROLE");
    const std::string target = "host=127.0.0.1 user=postgres port=" + std::to_string(port_) +
                               (about_databases ? " dbname=postgres" : " dbname=pharox");
    const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(target.c_str()), PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection.get()));
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection.get(), sql.c_str()),
                                                                PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
    }
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

Options TestServer::options(const std::string& user, const std::string& schema) const {
    Options options{.connection = as(user), .schema = schema};
    if (user == "pharox_app") options.migrations = Migrations::expect;
    return options;
}

void TestServer::migrate_and_grant(const std::string& schema) const {
    migrate(options("pharox_owner", schema));
    // Another process may have made it, and not have come to the grants yet; two at once would collide.
    query("SELECT pg_advisory_xact_lock(7);" + grants_for(schema));
}

std::string grants_for(const std::string& schema) {
    const std::string page = text_of(PHAROX_POSTGRES_PAGE);
    const std::size_t begin = page.find("```sql", page.find("<!-- grants")) + 7;
    std::string sql = page.substr(begin, page.find("```", begin) - begin);
    for (const std::string before : {"SCHEMA pharox ", "ON pharox."}) {
        const std::string after =
            before.starts_with("SCHEMA") ? "SCHEMA \"" + schema + "\" " : "ON \"" + schema + "\".";
        for (std::size_t at = sql.find(before); at != std::string::npos;
             at = sql.find(before, at + after.size())) {
            sql.replace(at, before.size(), after);
        }
    }
    return sql;
}

}  // namespace pharox::postgres
