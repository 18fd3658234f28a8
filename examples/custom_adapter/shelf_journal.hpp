// The state of a shelf, and its file: an append-only log with one line of JSON for each changed record. The
// newest line of a record is valid.
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

/// How long an ended lease is kept, to recognise a repeated id.
inline constexpr pharox::Duration retention = std::chrono::hours(1);

struct StoredProxy {
    pharox::Proxy proxy;
    std::int64_t use_sequence = 0;   // sort key of round_robin and least_used
    std::int64_t fencing_token = 0;  // of its newest lease
};

using Record = std::variant<pharox::ProxyPool, pharox::Consumer, StoredProxy, pharox::Lease>;

struct State {
    std::map<std::string, pharox::ProxyPool> pools;
    std::map<std::string, pharox::Consumer> consumers;
    std::map<pharox::ProxyId, StoredProxy> proxies;
    std::map<pharox::LeaseId, pharox::Lease> active;  // until they are collected
    std::map<pharox::LeaseId, pharox::Lease> ended;   // kept to recognise repeated ids
    std::int64_t last_use_sequence = 0;
    pharox::Timestamp last_now{};

    void apply(const Record& record);
};

class Journal {
  public:
    /// Reads the file, if it exists. Throws StorageError.
    explicit Journal(std::filesystem::path file);

    [[nodiscard]] const State& state() const noexcept { return state_; }
    /// Returns the later of `now` and all earlier results.
    pharox::Timestamp advance(pharox::Timestamp now);
    /// Writes the records to the file, then applies them to the state. Earlier records survive the process.
    /// Throws StorageError; it is then unknown whether the file contains the records.
    void append(const std::vector<Record>& records);

  private:
    void read();
    /// Rewrites the file without outdated lines.
    void rewrite();
    void write(const std::vector<Record>& records, std::ofstream& out);

    std::filesystem::path file_;
    State state_;
    std::ofstream out_;
    std::size_t lines_ = 0;
};

}  // namespace shelf
