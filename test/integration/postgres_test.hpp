// The fixture of the tests on a PostgreSQL server, which the program's tests share.
#pragma once

#include <string>

#include "pharox_test.hpp"
#include "server.hpp"

namespace pharox::test {

class PostgresCommandLine : public PharoxTest {
  protected:
    static postgres::TestServer& server() { return postgres::TestServer::shared(); }
    /// Names a password, which the server does not ask for and no output may contain.
    [[nodiscard]] static std::string url(const std::string& role, const std::string& schema,
                                         const std::string& options = "") {
        return "postgresql://" + role + ":not-told@127.0.0.1:" + std::to_string(server().port()) +
               "/pharox?schema=" + schema + options;
    }
};

}  // namespace pharox::test
