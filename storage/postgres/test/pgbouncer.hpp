// The real PgBouncer, in transaction mode, before the test server.
#pragma once

#include <string>

#include "server.hpp"

namespace pharox::postgres {

class PgBouncer {
  public:
    explicit PgBouncer(const TestServer& server);
    ~PgBouncer();
    PgBouncer(const PgBouncer&) = delete;
    PgBouncer& operator=(const PgBouncer&) = delete;
    /// Keywords for libpq.
    [[nodiscard]] std::string as(const std::string& user) const;

  private:
    int port_ = 0;
    int pid_ = -1;
};

}  // namespace pharox::postgres
