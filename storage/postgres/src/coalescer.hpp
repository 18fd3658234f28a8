// Calls that are made at the same time share a trip to the server.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace pharox::postgres {

/// A call of one storage. What it asks for, and what came of it, is the derived class's.
class CoalescedCall {
    template <class Call>
    friend class Coalescer;
    enum class Stage : std::uint8_t { waiting, travelling, arrived };
    Stage stage_ = Stage::waiting;
    std::condition_variable changed_;
};

/// Few like calls in progress at a time go at once, each by itself. Of more, those that come while a trip is
/// under way wait for its end and then go together, which costs the server little more than one of them.
/// Nobody waits longer than `longest_wait` for that: where trips take longer, there are several at a time,
/// and one that hangs holds up nobody. Calls of another kind have nothing to do with it. `Call` derives from
/// CoalescedCall, and has `bool goes_with(const Call&) const`, which tells whether two are alike.
/// Thread-safe; a call costs time in proportion to the calls in progress.
template <class Call>
class Coalescer {
  public:
    static constexpr std::size_t most_together = 32;
    static constexpr std::size_t few = 4;

    explicit Coalescer(std::chrono::microseconds longest_wait = std::chrono::microseconds(250))
        : longest_wait_(longest_wait) {}

    /// Returns when `call` has been one of those that some caller's `trip(std::span<Call* const>)` was called
    /// with; the first of them is that caller's own. What a trip throws goes to the caller that made it, and
    /// to nobody else.
    template <class Trip>
    void go(Call& call, Trip trip) {
        std::vector<Call*> group;
        group.reserve(most_together);
        std::unique_lock lock(mutex_);
        calls_.push_back(&call);
        if (!may_depart(call)) {
            call.changed_.wait_until(lock, std::chrono::steady_clock::now() + longest_wait_,
                                     [&] { return call.stage_ != Stage::waiting || may_depart(call); });
        }
        if (call.stage_ != Stage::waiting) {
            call.changed_.wait(lock, [&] { return call.stage_ == Stage::arrived; });
            return;
        }
        depart(call, group);
        lock.unlock();
        struct Arrival {
            Coalescer& coalescer;
            const std::vector<Call*>& group;
            ~Arrival() { coalescer.arrive(group); }
        } const arrival{.coalescer = *this, .group = group};
        trip(std::span<Call* const>(group));
    }

    /// How many have come, and have not departed.
    [[nodiscard]] std::size_t waiting() {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(
            std::ranges::count_if(calls_, [](const Call* call) { return call->stage_ == Stage::waiting; }));
    }

  private:
    using Stage = CoalescedCall::Stage;

    [[nodiscard]] bool may_depart(const Call& call) const {
        std::size_t like = 0;
        bool under_way = false;
        for (const Call* const other : calls_) {
            if (!other->goes_with(call)) continue;
            ++like;
            under_way = under_way || other->stage_ == Stage::travelling;
        }
        return !under_way || like <= few;
    }
    void depart(Call& first, std::vector<Call*>& group) noexcept {
        group.push_back(&first);
        for (Call* const other : calls_) {
            if (group.size() == most_together) break;
            if (other != &first && other->stage_ == Stage::waiting && other->goes_with(first))
                group.push_back(other);
        }
        for (Call* const call : group) call->stage_ = Stage::travelling;
    }
    void arrive(const std::vector<Call*>& group) noexcept {
        // Whoever waits is there until it has the mutex again.
        const std::lock_guard lock(mutex_);
        for (Call* const call : group) call->stage_ = Stage::arrived;
        std::erase_if(calls_, [](const Call* call) { return call->stage_ == Stage::arrived; });
        // The next trip first: the server has nothing to do.
        const auto next = std::ranges::find_if(calls_, [&](const Call* call) {
            return call->stage_ == Stage::waiting && call->goes_with(*group.front());
        });
        if (next != calls_.end()) (*next)->changed_.notify_one();
        for (Call* const call : group) call->changed_.notify_one();
    }

    const std::chrono::microseconds longest_wait_;
    std::mutex mutex_;
    std::vector<Call*> calls_;  // in progress, in the order in which they came
};

}  // namespace pharox::postgres
