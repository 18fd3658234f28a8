// The clock of a schema on a test server, set by tests.
#pragma once

#include <cstdint>
#include <string>

#include "pharox/clock.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {

/// Replaces the schema's now_utc() by one that reads a table of one row. It runs on as the server's clock
/// does until it is changed; every session of the schema sees a change at once. Thread-safe as RawConnection
/// is: one thread at a time.
class TestClock {
  public:
    /// Connects as the owner of the schema. A second one of the same schema goes on with the first one's
    /// time.
    TestClock(const TestServer& server, std::string schema)
        : owner_(server.as("pharox_owner")), schema_(std::move(schema)) {
        owner_.query(
            "SET client_min_messages = warning;"
            "BEGIN; SELECT pg_advisory_xact_lock(hashtext('pharox test clock'));"
            "CREATE TABLE IF NOT EXISTS " +
            schema_ +
            ".test_clock (one boolean PRIMARY KEY DEFAULT TRUE, shift interval NOT NULL, stands_at "
            "timestamptz);"
            "INSERT INTO " +
            schema_ + ".test_clock (shift) VALUES (interval '0') ON CONFLICT DO NOTHING; GRANT SELECT ON " +
            schema_ + ".test_clock TO PUBLIC; REVOKE INSERT, UPDATE, DELETE ON " + schema_ +
            ".test_clock FROM pharox_app; CREATE OR REPLACE FUNCTION " + schema_ +
            ".now_utc() RETURNS timestamptz LANGUAGE sql PARALLEL SAFE AS $$"
            " SELECT coalesce(stands_at, clock_timestamp() + shift) FROM " +
            schema_ + ".test_clock $$; COMMIT");
    }

    void advance(std::chrono::microseconds by) { move_by(by.count()); }
    void set_back(std::chrono::microseconds by) { move_by(-by.count()); }
    /// Stands still there until the next call of stand_at.
    void stand_at(Timestamp time) {
        owner_.query("UPDATE " + schema_ + ".test_clock SET stands_at = timestamptz 'epoch' + " +
                     std::to_string(time.time_since_epoch().count()) + " * interval '1 microsecond'");
    }

  private:
    void move_by(std::int64_t microseconds) {
        const std::string by = std::to_string(microseconds) + " * interval '1 microsecond'";
        owner_.query("UPDATE " + schema_ + ".test_clock SET shift = shift + " + by +
                     ", stands_at = stands_at + " + by);
    }

    RawConnection owner_;
    std::string schema_;
};

}  // namespace pharox::postgres
