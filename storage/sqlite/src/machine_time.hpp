// The time of a store whose processes use the system's clock.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "connection.hpp"
#include "pharox/sqlite/storage.hpp"

namespace pharox::sqlite {

/// What a process knows of the time.
struct TimeSource {
    std::function<Timestamp()> wall;
    std::function<std::chrono::microseconds()> since_boot;  ///< the same in all processes of the machine
    std::string boot;                                       ///< which boot that is
    std::function<std::string()> process;
};
TimeSource system_time_source();

/// Two clocks that differ by more than the tolerance.
struct ClockDisagreement {
    Timestamp own{};
    Timestamp store{};
    [[nodiscard]] std::string text() const;
};

/// The store's time is an offset, kept in the file, plus the time since the boot. So a process whose wall
/// clock is wrong, or is set, does not change it. If the wall clocks of most processes differ from it in the
/// same way, the offset changes, and the times of active leases change with it. See ADR 0016. Thread-safe.
class MachineTime {
  public:
    explicit MachineTime(TimeSource source) : source_(std::move(source)) {}

    /// Before the first write of this boot: the wall clock's.
    Timestamp in_read(Connection& connection);
    struct Begun {
        Timestamp now{};
        std::optional<std::int64_t> vote{};  ///< this transaction records it
    };
    /// In a transaction that has just begun; sets the offset for the first write of a boot.
    Begun in_write(Connection& connection);
    void committed(const Begun& begun) noexcept;
    /// A disagreement that has begun since the last call.
    std::optional<ClockDisagreement> take_news() noexcept;
    /// As of the latest write of this process.
    [[nodiscard]] std::optional<ClockDisagreement> disagreement() const;

  private:
    struct Base {
        std::int64_t offset = 0;
        std::int64_t latest = 0;  ///< the time of the latest write
        bool of_this_boot = false;
    };
    static std::int64_t offset_of(Timestamp time, std::chrono::microseconds since_boot) noexcept;
    Base base(Connection& connection) const;
    void set_base(Connection& connection, std::int64_t offset, std::int64_t now) const;
    [[nodiscard]] bool most_agree_with(Connection& connection, std::int64_t offset,
                                       const std::string& process) const;
    void note(std::optional<ClockDisagreement> disagreement);

    TimeSource source_;
    std::atomic<std::int64_t> vote_{0};  ///< the latest that is recorded; 0: none
    mutable std::mutex mutex_;
    std::optional<ClockDisagreement> disagreement_{};
    bool is_news_ = false;
};

/// make_storage() with another source of time, as a process with another clock has it. For tests.
std::shared_ptr<IStorage> make_storage(Options options, TimeSource source);

}  // namespace pharox::sqlite
