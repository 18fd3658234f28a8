// A separate session on the test server, by libpq alone.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "server.hpp"

namespace pharox::postgres {

class RawConnection {
  public:
    explicit RawConnection(const std::string& keywords)
        : connection_(PQconnectdb(keywords.c_str()), PQfinish) {
        if (PQstatus(connection_.get()) != CONNECTION_OK) {
            throw std::runtime_error(PQerrorMessage(connection_.get()));
        }
    }
    /// As the superuser.
    explicit RawConnection(const TestServer& server) : RawConnection(server.as("postgres")) {}

    /// The first value of the answer.
    std::string query(const std::string& sql) {
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_.get(), sql.c_str()),
                                                                    PQclear);
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
        }
        return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
    }

    /// How many notifications of the channel, on which it listens, were sent between the previous call and
    /// this one.
    int heard(const std::string& channel) {
        query("SELECT pg_notify('" + channel + "', 'until here')");
        for (int count = 0;;) {
            while (PGnotify* const one = PQnotifies(connection_.get())) {
                const bool end = one->extra == std::string("until here");
                PQfreemem(one);
                if (end) return count;
                ++count;
            }
            query("SELECT 1");
        }
    }

  private:
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

}  // namespace pharox::postgres
