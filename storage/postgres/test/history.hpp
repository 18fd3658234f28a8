// The logs of clients, and a check of the store against them. Leases beyond a limit are detected from these
// logs, not from the store's own rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "pharox/model/lease.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::postgres {

/// Microseconds of the clock that the clients share with a server on this machine.
std::int64_t wall_clock();

/// One line, written by one write() when its statement is certain:
///   ? lease                        about to be acquired, under this id
///   + lease proxy time expires     acknowledged: held from `time` until it expires
///   = lease proxy time expires     renewed
///   - lease proxy time 0           about to be released: from now on another client may get it
///   ! lease proxy time 0           the release was acknowledged
struct Line {
    char what = 0;
    std::string lease{};
    std::string proxy{};
    std::int64_t time = 0;
    std::int64_t expires = 0;
};
std::string to_text(char what, const Lease& lease);
/// The complete lines of a file, without the line that a killed client was writing.
std::vector<Line> read_lines(const std::filesystem::path& file);

class History {
  public:
    void add(const std::vector<Line>& lines);

    [[nodiscard]] std::size_t leases() const noexcept { return holds_.size(); }
    /// Instants at which a proxy had more leases than its limit, and leases that were granted twice.
    [[nodiscard]] std::vector<std::string> over_leases(int most) const;
    /// Acknowledged leases, renewals and releases that the store does not have.
    [[nodiscard]] std::vector<std::string> lost(IStorage& store) const;

  private:
    static constexpr std::int64_t open = std::numeric_limits<std::int64_t>::max();
    struct Hold {
        std::string proxy;
        std::int64_t from = open;  ///< not acknowledged
        std::int64_t to = open;    ///< when it was released
        std::int64_t expires = 0;
        bool released = false;
        int granted = 0;
    };
    std::map<std::string, Hold> holds_;
};

}  // namespace pharox::postgres
