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
    const CoalescedCall* guide_ = nullptr;  // of its trip: whoever goes with it could have come along
    std::condition_variable changed_;
};

/// A trip for many costs the server little more than one of them. With no trip under way, a call goes at
/// once; with one, as soon as those who wait are as many as it has on board; with two, calls wait for the end
/// of one. So two calls at a time go by themselves, four go in two trips of two each, and so on. Nobody waits
/// longer than `longest_wait`: where trips take longer, there are more at a time, and one that hangs holds up
/// nobody but those on board. Calls that do not go with each other do not wait for each other's trips. `Call`
/// derives from CoalescedCall, and has `bool goes_with(const Call&) const`, and `bool goes_with_all() const`
/// for those that go with any other; of the rest, those that go with one go with each other. Neither throws.
/// Thread-safe; a call costs time in proportion to the calls in progress, and the beginning and the end of a
/// trip to their square at most.
template <class Call>
class Coalescer {
  public:
    static constexpr std::size_t most_together = 32;

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
        wake_next();
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
        std::size_t waiting = 0;
        std::size_t travelling = 0;
        const CoalescedCall* trip = nullptr;
        for (const Call* const other : calls_) {
            if (other->stage_ == Stage::waiting) {
                if (other->goes_with(call)) ++waiting;
            } else if (static_cast<const Call*>(other->guide_)->goes_with(call)) {
                if (trip != nullptr && other->guide_ != trip) return false;
                trip = other->guide_;
                ++travelling;
            }
        }
        return waiting >= travelling;
    }
    void depart(Call& first, std::vector<Call*>& group) noexcept {
        group.push_back(&first);
        const Call* guide = &first;
        for (Call* const other : calls_) {
            if (group.size() == most_together) break;
            if (other == &first || other->stage_ != Stage::waiting || !other->goes_with(*guide)) continue;
            group.push_back(other);
            if (guide->goes_with_all()) guide = other;
        }
        for (Call* const call : group) {
            call->stage_ = Stage::travelling;
            call->guide_ = guide;
        }
    }
    void wake_next() noexcept {
        const auto next = std::ranges::find_if(
            calls_, [&](const Call* call) { return call->stage_ == Stage::waiting && may_depart(*call); });
        if (next != calls_.end()) (*next)->changed_.notify_one();
    }
    void arrive(const std::vector<Call*>& group) noexcept {
        // Whoever waits is there until it has the mutex again.
        const std::lock_guard lock(mutex_);
        for (Call* const call : group) call->stage_ = Stage::arrived;
        std::erase_if(calls_, [](const Call* call) { return call->stage_ == Stage::arrived; });
        wake_next();  // first: the server has nothing to do
        for (Call* const call : group) call->changed_.notify_one();
    }

    const std::chrono::microseconds longest_wait_;
    std::mutex mutex_;
    std::vector<Call*> calls_;  // in progress, in the order in which they came
};

}  // namespace pharox::postgres
