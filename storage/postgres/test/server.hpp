// A PostgreSQL server for the test program, in a temporary directory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pharox/postgres/storage.hpp"

namespace pharox::postgres {

/// The constructor starts it. It ends, and its data are deleted, with this object or the program.
class TestServer {
  public:
    TestServer();
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    /// The server of the program; started by the first call.
    static TestServer& shared();

    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
    /// Keywords for libpq. "pharox_owner" owns the schemas; "pharox_app" has what the documentation grants.
    [[nodiscard]] std::string as(const std::string& user) const;
    /// The same through another port.
    [[nodiscard]] std::string as(const std::string& user, int port) const;
    /// As the superuser, through libpq alone; the first value of the answer.
    std::string query(const std::string& sql) const;  // NOLINT(modernize-use-nodiscard): often a command

    void start();
    /// An additional setting, `name=value`, from the next start on.
    void set(const std::string& setting) { settings_.push_back(setting); }
    /// The modes are those of pg_ctl: "fast", "immediate".
    void stop(const std::string& mode);

    /// Options for `user` on the schema `schema`.
    [[nodiscard]] Options options(const std::string& user, const std::string& schema) const;
    /// Creates the schema, if necessary, as its owner, and grants the application's role its privileges.
    void migrate_and_grant(const std::string& schema) const;

  private:
    std::filesystem::path folder_;
    std::vector<std::string> settings_;
    int port_ = 0;
    int pid_ = -1;   // of the server
    int owner_ = 0;  // the process that created it; forked children do not stop it
};

/// The rights that docs/how-to/postgres-adapter.md lists, for the role pharox_app.
std::string grants_for(const std::string& schema);

}  // namespace pharox::postgres
