#include "machine_time.hpp"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "process_identity.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

using std::chrono::microseconds;

// Clocks of one machine differ only after one was set, by hand or by a time server.
constexpr std::int64_t tolerance_us = 2'000'000;
// The latest processes vote even if they have ended: short commands may be all that uses a store.
constexpr int latest_voters = 5;
constexpr int kept_votes = 64;

bool agree(std::int64_t one, std::int64_t other) noexcept { return std::abs(one - other) <= tolerance_us; }

/// What a time namespace adds to CLOCK_BOOTTIME: see time_namespaces(7).
microseconds namespace_offset() {
    std::ifstream offsets("/proc/self/timens_offsets");
    std::string clock;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    while (offsets >> clock >> seconds >> nanoseconds) {
        if (clock == "boottime" || clock == "7")
            return microseconds(seconds * 1'000'000 + nanoseconds / 1'000);
    }
    return microseconds(0);
}

microseconds since_boot() {
    static const microseconds of_namespace = namespace_offset();
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return microseconds(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000) - of_namespace;
}

Timestamp at(std::int64_t microseconds_since_1970) {
    return Timestamp(microseconds(microseconds_since_1970));
}

}  // namespace

TimeSource system_time_source() {
    return {.wall = [] { return current_time(); },
            .since_boot = &since_boot,
            .boot = boot_id(),
            .process = &this_process};
}

std::string ClockDisagreement::text() const {
    return "the clock of this process shows " + format_timestamp(own) +
           ", but the store's time, on which the other "
           "processes agree, is " +
           format_timestamp(store) + ": leases follow the store's time; correct the clock";
}

std::int64_t MachineTime::offset_of(Timestamp time, microseconds since_boot) noexcept {
    return time.time_since_epoch().count() - since_boot.count();
}

MachineTime::Base MachineTime::base(Connection& connection) const {
    Statement row = connection.prepare(sql::clock_base);
    row.step();
    Base base{.latest = row.integer(2)};
    if (!row.is_null(1) && row.text(0) == source_.boot) {
        base.offset = row.integer(1);
        base.of_this_boot = true;
    }
    return base;
}

void MachineTime::set_base(Connection& connection, std::int64_t offset, std::int64_t now) const {
    connection.prepare(sql::set_clock_base).bind(source_.boot).bind(offset).bind(now).run();
}

Timestamp MachineTime::in_read(Connection& connection) {
    const Base stored = base(connection);
    if (!stored.of_this_boot) return source_.wall();
    return at(stored.offset + source_.since_boot().count());
}

MachineTime::Begun MachineTime::in_write(Connection& connection) {
    const microseconds elapsed = source_.since_boot();
    const Timestamp wall = source_.wall();
    const std::int64_t own = offset_of(wall, elapsed);
    Base stored = base(connection);
    if (!stored.of_this_boot) {
        connection.prepare(sql::delete_clock_votes).run();
        stored.offset = own;
        set_base(connection, stored.offset, stored.latest);
    }
    // A clock that was ahead wrote before this boot, or does not go by this rule: the time goes on from
    // there.
    if (stored.latest > stored.offset + elapsed.count()) {
        stored.offset = stored.latest - elapsed.count();
        set_base(connection, stored.offset, stored.latest);
    }
    Begun begun;
    const bool agrees = agree(own, stored.offset);
    if (const std::int64_t voted = vote_.load(std::memory_order_relaxed);
        voted == 0 || !agree(own, voted) || !agrees) {
        const std::string process = source_.process();
        if (voted == 0 || !agree(own, voted)) {
            connection.prepare(sql::put_clock_vote).bind(process).bind(own).run();
            connection.prepare(sql::delete_old_clock_votes).bind(kept_votes).run();
            begun.vote = own;
        }
        if (!agrees && most_agree_with(connection, own, process)) {
            const std::int64_t shift = own - stored.offset;
            connection.prepare(sql::shift_active_leases).bind(shift).run();
            stored.offset = own;
            set_base(connection, stored.offset, stored.offset + elapsed.count());
        }
    }
    begun.now = at(stored.offset + elapsed.count());
    std::optional<ClockDisagreement> differs;
    if (!agree(own, stored.offset)) differs = {.own = wall, .store = begun.now};
    note(differs);
    return begun;
}

bool MachineTime::most_agree_with(Connection& connection, std::int64_t offset,
                                  const std::string& process) const {
    Statement votes = connection.prepare(sql::clock_votes);
    int all = 0;
    int agreeing = 0;
    for (int place = 0; votes.step(); ++place) {
        const std::string voter(votes.text(0));
        if (place >= latest_voters && voter != process && has_ended(voter)) continue;
        ++all;
        if (agree(votes.integer(1), offset)) ++agreeing;
    }
    return 2 * agreeing > all;
}

void MachineTime::committed(const Begun& begun) noexcept {
    if (begun.vote) vote_.store(*begun.vote, std::memory_order_relaxed);
}

void MachineTime::note(std::optional<ClockDisagreement> disagreement) {
    const std::lock_guard guard(mutex_);
    is_news_ = disagreement && (is_news_ || !disagreement_);
    disagreement_ = disagreement;
}

std::optional<ClockDisagreement> MachineTime::take_news() noexcept {
    const std::lock_guard guard(mutex_);
    if (!std::exchange(is_news_, false)) return std::nullopt;
    return disagreement_;
}

std::optional<ClockDisagreement> MachineTime::disagreement() const {
    const std::lock_guard guard(mutex_);
    return disagreement_;
}

}  // namespace pharox::sqlite
