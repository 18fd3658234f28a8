// The state of a shelf, and the file that keeps it: a line of JSON for each record that changed; the newest
// line of a record counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <pharox/pharox.hpp>

namespace shelf {

/// How long the id of a lease that ended is remembered.
inline constexpr pharox::Duration retention = std::chrono::hours(1);

struct StoredProxy {
    pharox::Proxy proxy;
    std::int64_t use_mark = 0;       // a number that only grows; orders round_robin and least_used
    std::int64_t fencing_token = 0;  // of its newest lease
};

using Record = std::variant<pharox::ProxyPool, pharox::Consumer, StoredProxy, pharox::Lease>;

struct State {
    std::map<std::string, pharox::ProxyPool> pools;
    std::map<std::string, pharox::Consumer> consumers;
    std::map<pharox::ProxyId, StoredProxy> proxies;
    std::map<pharox::LeaseId, pharox::Lease> active;  // until they are collected
    std::map<pharox::LeaseId, pharox::Lease> ended;   // remembered for repeats of their ids
    std::int64_t last_mark = 0;
    pharox::Timestamp last_now{};

    void apply(const Record& record);
};

class Journal {
  public:
    /// Reads what the file holds, if there is one. Throws StorageError.
    explicit Journal(std::filesystem::path file);

    [[nodiscard]] const State& state() const noexcept { return state_; }
    /// The later of the two; remembered.
    pharox::Timestamp advance(pharox::Timestamp now);
    /// Writes the records, then takes them into the state. What was written before survives the process.
    /// Throws StorageError; whether the records are kept is then open.
    void append(const std::vector<Record>& records);

  private:
    void read();
    /// Writes the file anew, without what is outdated.
    void rewrite();
    void write(const std::vector<Record>& records, std::ofstream& out);

    std::filesystem::path file_;
    State state_;
    std::ofstream out_;
    std::size_t lines_ = 0;
};

}  // namespace shelf
