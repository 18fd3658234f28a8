// A PostgreSQL server of the test program's own, in a temporary directory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pharox/postgres/storage.hpp"

namespace pharox::postgres {

/// Starts when it is made, and is gone, with all its data, when it goes or the program dies.
class TestServer {
  public:
    TestServer();
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    /// The program's one; started by the first call.
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
    /// `name=value`, beside those that it has, from the next start on.
    void set(const std::string& setting) { settings_.push_back(setting); }
    /// As pg_ctl's modes: "fast", "immediate".
    void stop(const std::string& mode);

    /// Options for `user` on the schema `schema`.
    [[nodiscard]] Options options(const std::string& user, const std::string& schema) const;
    /// Makes the schema, if it is not there, as its owner, and grants the application's role what it needs.
    void migrate_and_grant(const std::string& schema) const;

  private:
    std::filesystem::path folder_;
    std::vector<std::string> settings_;
    int port_ = 0;
    int pid_ = -1;   // of the server
    int owner_ = 0;  // the process that made it: its children leave it alone
};

/// The rights that docs/how-to/postgres-adapter.md lists, for the role pharox_app.
std::string grants_for(const std::string& schema);

}  // namespace pharox::postgres
