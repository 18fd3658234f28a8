#include "storage/wait_queue.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "pharox/storage/pool_watch.hpp"
#include "storage/queued_requests.hpp"

namespace pharox {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t most_waiters = 100'000;
constexpr std::size_t most_yielded_to = 32;
constexpr int most_skipped = 64;  // timed-out waiters whose group has not been attempted yet
constexpr int release_attempts = 3;
constexpr milliseconds release_pause{20};  // the queue's thread waits meanwhile
constexpr milliseconds shortest_attempt{1'000};
constexpr milliseconds first_pause{2};
constexpr milliseconds longest_pause{50};
/// Without a watch, attempts for one pool take at most a fifth of the time.
constexpr int pause_per_round = 4;

}  // namespace

class WaitQueue::State : public std::enable_shared_from_this<State> {
  public:
    void set_watch(IPoolWatch& watch) noexcept { watch_ = &watch; }
    void add(IStorage& storage, AcquireRequest request, Steady::time_point deadline, AcquireCompletion done,
             std::stop_token stop, std::vector<Lease> expired);
    [[nodiscard]] static bool runs_on_this_thread() noexcept { return running != nullptr; }
    [[nodiscard]] bool has_waiters(std::string_view pool) const noexcept;
    void wake(std::string_view pool) noexcept;
    void end_waits_of(const IStorage& storage) noexcept;
    void stop() noexcept;

  private:
    using Lock = std::unique_lock<std::mutex>;
    using Ticket = std::uint64_t;
    using StopCallback = std::stop_callback<std::function<void()>>;
    struct Pool;
    using PoolPointer = std::shared_ptr<Pool>;
    struct Waiter {
        IStorage* storage = nullptr;
        AcquireRequest request;
        AcquireCompletion done;
        Steady::time_point deadline{};
        std::string key;
        PoolPointer pool{};
        Ticket ticket = 0;  // zero while it is not queued
        bool cancelled = false;
        std::unique_ptr<StopCallback> on_stop{};  // destroyed unlocked: it may wait for cancel()
    };
    using WaiterPointer = std::shared_ptr<Waiter>;
    struct Group {
        std::set<Ticket> tickets{};
        Miss last = Miss::none_available;  // of the last attempt
        Ticket attempted_for = 0;          // the newest ticket that `last` holds for
    };
    using GroupKey = std::pair<const IStorage*, std::string>;
    struct Pool {
        std::string name;
        std::size_t waiters = 0;
        std::map<GroupKey, Group> groups{};
        bool woken = false;                   // another round was requested
        bool ready = false;                   // in ready_
        bool in_round = false;                // the following members belong to a round
        std::map<Ticket, GroupKey> heads{};   // the oldest waiters of the groups that have not been attempted
        Ticket newest = 0;                    // when the round began
        std::vector<WaiterPointer> missed{};  // oldest first
        Steady::duration took{};
        // Without a round:
        milliseconds pause = first_pause;
        std::optional<Steady::time_point> next_round{};  // as in timers_
    };

    void run();
    void cancel(const std::shared_ptr<Waiter>& waiter);
    void make_ready(const PoolPointer& pool);
    void wait_for_work(Lock& lock);
    void unwatch_abandoned_pools(Lock& lock);
    /// One attempt for one pool.
    void step(Lock& lock, const PoolPointer& pool);
    void begin_round(Lock& lock, const PoolPointer& pool);
    void end_round(Lock& lock, const PoolPointer& pool);
    /// Attempts an acquire for the oldest of a group. False if it stays in the queue.
    bool attempt(Lock& lock, const WaiterPointer& waiter);
    /// The waiter's request, excluding the proxies that fit older waiters which missed in this round: a proxy
    /// that becomes available during the round goes to them.
    [[nodiscard]] static AcquireRequest yielding(const Waiter& waiter, const Pool& pool);
    /// After an attempt for a waiter that was cancelled during the attempt.
    void release_unwanted(const Waiter& waiter, LeaseId attempted, const std::optional<AcquireResult>& result,
                          const std::exception_ptr& error);
    [[nodiscard]] AcquireResult with_expired(AcquireResult result);
    void end_cancelled(Lock& lock);
    void end_overdue(Lock& lock);
    void remove(const WaiterPointer& waiter) noexcept;
    /// Removes the waiter and calls its completion without a lock held. In the queue's thread.
    void finish(Lock& lock, const WaiterPointer& waiter, AcquireOutcome outcome);
    static void complete(const WaiterPointer& waiter, AcquireOutcome outcome);
    [[nodiscard]] std::atomic<std::uint32_t>& waiters_hashed_like(std::string_view pool) const noexcept {
        return waiters_by_hash_[std::hash<std::string_view>()(pool) % waiters_by_hash_.size()];
    }

    static thread_local const State* running;

    IPoolWatch* watch_ = nullptr;
    std::atomic<std::size_t> waiting_{0};
    // Zero means that no pool of that hash has waiters.
    mutable std::array<std::atomic<std::uint32_t>, 256> waiters_by_hash_{};

    mutable std::mutex mutex_;
    std::condition_variable changed_;   // for the thread
    std::condition_variable released_;  // busy_with_ changed
    bool stopped_ = false;
    Ticket last_ticket_ = 0;
    std::map<Ticket, WaiterPointer> waiters_;
    std::map<std::string, PoolPointer, std::less<>> pools_;  // those with waiters
    std::deque<PoolPointer> ready_;
    std::set<std::pair<Steady::time_point, PoolPointer>> timers_;
    std::set<std::pair<Steady::time_point, Ticket>> deadlines_;
    std::vector<WaiterPointer> cancelled_;
    std::vector<Lease> expired_;           // not yet reported
    const IStorage* busy_with_ = nullptr;  // its attempt or completion runs on the thread
    std::set<std::string> watched_;        // of the thread
    std::vector<std::string> abandoned_;   // pools that may have to be unwatched
    std::minstd_rand jitter_{std::random_device{}()};
    std::thread thread_;
};

thread_local const WaitQueue::State* WaitQueue::State::running = nullptr;

void WaitQueue::State::add(IStorage& storage, AcquireRequest request, Steady::time_point deadline,
                           AcquireCompletion done, std::stop_token stop, std::vector<Lease> expired) {
    auto waiter = std::make_shared<Waiter>();
    waiter->storage = &storage;
    waiter->deadline = deadline;
    waiter->request = std::move(request);
    waiter->request.wait = Duration(0);
    waiter->key = group_key(waiter->request, waiter.get());
    if (stop.stop_possible()) {
        // The callback may run at once, here, or in another thread while the waiter is being finished.
        waiter->on_stop = std::make_unique<StopCallback>(
            std::move(stop), [queue = weak_from_this(), weak = std::weak_ptr<Waiter>(waiter)] {
                const auto self = queue.lock();
                const auto cancelled = weak.lock();
                if (self != nullptr && cancelled != nullptr) self->cancel(cancelled);
            });
    }
    Lock lock(mutex_);
    std::move(expired.begin(), expired.end(), std::back_inserter(expired_));
    const bool ends = stopped_ || waiter->cancelled;
    if (ends || waiters_.size() >= most_waiters) {
        AcquireResult result = with_expired(ends ? Miss::cancelled : Miss::queue_full);
        lock.unlock();
        waiter->on_stop.reset();
        return done(std::move(result));
    }
    if (!thread_.joinable()) {
        try {
            thread_ = std::thread([self = shared_from_this()] { self->run(); });
        } catch (const std::system_error& error) {
            throw StorageError({.store = "wait queue", .operation = "acquire", .retryable = true},
                               std::string("cannot start its thread: ") + error.what());
        }
    }
    const Ticket ticket = waiter->ticket = ++last_ticket_;
    waiter->done = std::move(done);
    PoolPointer& pool = pools_[waiter->request.pool];
    if (pool == nullptr) pool = std::make_shared<Pool>(Pool{.name = waiter->request.pool});
    waiter->pool = pool;
    ++pool->waiters;
    pool->groups[{&storage, waiter->key}].tickets.insert(ticket);
    deadlines_.emplace(waiter->deadline, ticket);
    waiters_.emplace(ticket, waiter);
    waiters_hashed_like(pool->name).fetch_add(1, std::memory_order_release);
    waiting_.store(waiters_.size(), std::memory_order_release);
    make_ready(pool);
    lock.unlock();
    changed_.notify_one();
}

bool WaitQueue::State::has_waiters(std::string_view pool) const noexcept {
    if (waiting_.load(std::memory_order_acquire) == 0) return false;
    if (waiters_hashed_like(pool).load(std::memory_order_acquire) == 0) return false;
    const std::lock_guard lock(mutex_);
    return pools_.contains(pool);
}

void WaitQueue::State::cancel(const WaiterPointer& waiter) {
    {
        const std::lock_guard lock(mutex_);
        waiter->cancelled = true;
        if (waiter->ticket == 0) return;
        cancelled_.push_back(waiter);
    }
    changed_.notify_one();
}

void WaitQueue::State::make_ready(const PoolPointer& pool) {
    pool->woken = true;
    pool->pause = first_pause;
    if (pool->ready || pool->in_round) return;
    if (pool->next_round) {
        timers_.erase({*pool->next_round, pool});
        pool->next_round.reset();
    }
    pool->ready = true;
    ready_.push_back(pool);
}

void WaitQueue::State::wake(std::string_view pool) noexcept {
    if (waiting_.load(std::memory_order_acquire) == 0) return;
    if (!pool.empty() && waiters_hashed_like(pool).load(std::memory_order_acquire) == 0) return;
    {
        const std::lock_guard lock(mutex_);
        if (pool.empty()) {
            for (const auto& [name, each] : pools_) make_ready(each);
        } else {
            const auto found = pools_.find(pool);
            if (found == pools_.end()) return;
            make_ready(found->second);
        }
    }
    changed_.notify_one();
}

void WaitQueue::State::run() {
    running = this;
    Lock lock(mutex_);
    while (!stopped_) {
        end_cancelled(lock);
        end_overdue(lock);
        unwatch_abandoned_pools(lock);
        const auto now = Steady::now();
        while (!timers_.empty() && timers_.begin()->first <= now) {
            const PoolPointer pool = timers_.extract(timers_.begin()).value().second;
            pool->next_round.reset();
            pool->ready = true;
            ready_.push_back(pool);
        }
        if (stopped_) return;
        if (ready_.empty()) {
            wait_for_work(lock);
            continue;
        }
        const PoolPointer pool = std::move(ready_.front());
        ready_.pop_front();
        pool->ready = false;
        if (pool->waiters > 0) step(lock, pool);
    }
}

void WaitQueue::State::wait_for_work(Lock& lock) {
    const auto has_work = [this] { return stopped_ || !ready_.empty() || !cancelled_.empty(); };
    if (waiters_.empty()) return changed_.wait(lock, has_work);
    auto until = deadlines_.begin()->first;
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
    changed_.wait_until(lock, until, has_work);
}

void WaitQueue::State::unwatch_abandoned_pools(Lock& lock) {
    while (!stopped_ && !abandoned_.empty()) {
        const std::string pool = std::move(abandoned_.back());
        abandoned_.pop_back();
        if (pools_.contains(pool) || watched_.erase(pool) == 0) continue;
        lock.unlock();
        watch_->unwatch(pool);
        lock.lock();
    }
}

void WaitQueue::State::step(Lock& lock, const PoolPointer& pool) {
    if (!pool->in_round) begin_round(lock, pool);
    while (!pool->heads.empty()) {
        const auto head = pool->heads.extract(pool->heads.begin());
        const GroupKey& key = head.mapped();
        const auto group = pool->groups.find(key);
        if (group == pool->groups.end()) continue;
        const Ticket first = *group->second.tickets.begin();
        if (first != head.key()) {
            // The oldest waiter has left: the group is attempted at the position of its next waiter.
            if (first <= pool->newest) pool->heads.emplace(first, key);
            continue;
        }
        const WaiterPointer oldest = waiters_.at(first);
        const auto began = Steady::now();
        const bool left = attempt(lock, oldest);
        pool->took += Steady::now() - began;
        const auto rest = pool->groups.find(key);
        if (!left) {
            pool->missed.push_back(oldest);
        } else if (rest != pool->groups.end()) {
            // Requests queued during the round may be older than the next one of the group: both belong to
            // the next round.
            const Ticket next = *rest->second.tickets.begin();
            if (next <= pool->newest) pool->heads.emplace(next, key);
        }
        break;
    }
    if (stopped_) return;
    if (pool->heads.empty()) return end_round(lock, pool);
    pool->ready = true;
    ready_.push_back(pool);
}

void WaitQueue::State::begin_round(Lock& lock, const PoolPointer& pool) {
    pool->in_round = true;
    pool->woken = false;
    if (watch_ != nullptr && watched_.insert(pool->name).second) {
        lock.unlock();
        watch_->watch(pool->name);
        lock.lock();
    }
    pool->newest = last_ticket_;
    pool->took = {};
    for (const auto& [key, group] : pool->groups) pool->heads.emplace(*group.tickets.begin(), key);
}

void WaitQueue::State::end_round(Lock& lock, const PoolPointer& pool) {
    Duration quiet(0);
    if (watch_ != nullptr) {
        lock.unlock();
        quiet = watch_->quiet(pool->name);
        lock.lock();
    }
    pool->in_round = false;
    pool->missed.clear();
    if (pool->waiters == 0) return;
    if (pool->woken) return make_ready(pool);
    if (quiet > Duration(0)) {
        pool->pause = first_pause;
        pool->next_round = Steady::now() + quiet;
    } else {
        const auto spread = static_cast<unsigned>(pool->pause.count()) + 1;
        const milliseconds jittered = pool->pause + milliseconds(jitter_() % spread);
        pool->next_round = Steady::now() + std::max<Steady::duration>(jittered, pause_per_round * pool->took);
        pool->pause = std::min(longest_pause, pool->pause * 2);
    }
    timers_.emplace(*pool->next_round, pool);
}

bool WaitQueue::State::attempt(Lock& lock, const WaiterPointer& waiter) {
    const Ticket newest = last_ticket_;
    AcquireRequest request = yielding(*waiter, *waiter->pool);
    const bool yields = request.filters.none_of.size() > waiter->request.filters.none_of.size();
    if (request.lease_id.is_nil()) {
        request.lease_id = LeaseId::make();
        request.lease_id_is_new = true;
    }
    // An attempt in which the store itself has to wait ends soon after the time of its request is over.
    request.wait = std::max(shortest_attempt, std::chrono::ceil<Duration>(waiter->deadline - Steady::now()));
    IStorage& storage = *waiter->storage;
    busy_with_ = &storage;
    lock.unlock();
    std::optional<AcquireResult> result;
    std::exception_ptr error;
    LeaseId attempted;
    try {
        result = attempt_acquire(storage, request, attempted);
    } catch (...) {
        error = std::current_exception();
    }
    lock.lock();
    if (result) {
        std::move(result->expired.begin(), result->expired.end(), std::back_inserter(expired_));
        result->expired.clear();
    }
    const bool cancelled = stopped_ || waiter->cancelled || waiter->ticket == 0;
    if (cancelled) {
        lock.unlock();
        release_unwanted(*waiter, attempted, result, error);
        lock.lock();
    }
    busy_with_ = nullptr;
    released_.notify_all();
    if (cancelled) {
        // If end_waits_of() has removed it, that call reports the cancellation and the expired leases.
        if (!stopped_ && waiter->ticket != 0) finish(lock, waiter, with_expired(Miss::cancelled));
        return true;
    }
    if (error) {
        finish(lock, waiter, std::move(error));
        return true;
    }
    if (is_final(*result)) {
        finish(lock, waiter, with_expired(*std::move(result)));
        return true;
    }
    Group& group = waiter->pool->groups.at({&storage, waiter->key});
    // The request excluded proxies, so its miss does not mean that nothing matches the waiter's own request.
    group.last = yields && result->miss() == Miss::nothing_matches ? Miss::none_available : result->miss();
    group.attempted_for = newest;
    return false;
}

AcquireRequest WaitQueue::State::yielding(const Waiter& waiter, const Pool& pool) {
    AcquireRequest request = waiter.request;
    std::size_t yielded = 0;
    for (const WaiterPointer& older : pool.missed) {
        if (yielded == most_yielded_to) break;
        if (older->ticket == 0 || !can_yield(request, older->request)) continue;
        request.filters.none_of.push_back(older->request.filters);
        ++yielded;
    }
    return request;
}

void WaitQueue::State::release_unwanted(const Waiter& waiter, LeaseId attempted,
                                        const std::optional<AcquireResult>& result,
                                        const std::exception_ptr& error) {
    bool may_be_leased = result && *result && !result->replayed;
    if (error) {
        try {
            std::rethrow_exception(error);
        } catch (const StorageError& failure) {
            may_be_leased = failure.outcome_unknown();
        } catch (...) {
            may_be_leased = false;
        }
    }
    for (int i = 0; may_be_leased && i < release_attempts; ++i) {
        if (i > 0) {
            Lock lock(mutex_);
            changed_.wait_for(lock, i * release_pause, [this] { return stopped_; });
        }
        try {
            waiter.storage->release_lease({.lease_id = attempted, .pool = waiter.request.pool});
            return;
        } catch (...) {
            continue;  // after the last attempt the lease ends by expiry
        }
    }
}

AcquireResult WaitQueue::State::with_expired(AcquireResult result) {
    result.expired = std::exchange(expired_, {});
    return result;
}

void WaitQueue::State::end_cancelled(Lock& lock) {
    while (!stopped_ && !cancelled_.empty()) {
        const WaiterPointer waiter = std::move(cancelled_.back());
        cancelled_.pop_back();
        if (waiter->ticket != 0) finish(lock, waiter, with_expired(Miss::cancelled));
    }
}

void WaitQueue::State::end_overdue(Lock& lock) {
    int skipped = 0;
    for (auto next = deadlines_.begin(); !stopped_ && next != deadlines_.end();) {
        const auto entry = *next;
        if (entry.first > Steady::now() || skipped == most_skipped) return;
        const WaiterPointer waiter = waiters_.at(entry.second);
        const Group& group = waiter->pool->groups.at({waiter->storage, waiter->key});
        if (group.attempted_for < waiter->ticket) {
            ++skipped;
        } else {
            finish(lock, waiter, with_expired(group.last));
        }
        next = deadlines_.upper_bound(entry);
    }
}

void WaitQueue::State::remove(const WaiterPointer& waiter) noexcept {
    const PoolPointer pool = std::move(waiter->pool);  // its `missed` may contain the waiter
    waiters_.erase(waiter->ticket);
    deadlines_.erase({waiter->deadline, waiter->ticket});
    const auto group = pool->groups.find({waiter->storage, waiter->key});
    group->second.tickets.erase(waiter->ticket);
    if (group->second.tickets.empty()) pool->groups.erase(group);
    if (--pool->waiters == 0) {
        if (pool->next_round) timers_.erase({*pool->next_round, pool});
        pool->next_round.reset();
        if (watch_ != nullptr) abandoned_.push_back(pool->name);
        pools_.erase(pool->name);
    }
    waiters_hashed_like(pool->name).fetch_sub(1, std::memory_order_release);
    waiting_.store(waiters_.size(), std::memory_order_release);
    waiter->ticket = 0;
}

void WaitQueue::State::finish(Lock& lock, const WaiterPointer& waiter, AcquireOutcome outcome) {
    if (waiter->ticket == 0) return;
    remove(waiter);
    busy_with_ = waiter->storage;
    lock.unlock();
    complete(waiter, std::move(outcome));
    lock.lock();
    busy_with_ = nullptr;
    released_.notify_all();
}

void WaitQueue::State::complete(const WaiterPointer& waiter, AcquireOutcome outcome) {
    waiter->on_stop.reset();
    waiter->done(std::move(outcome));
    waiter->done = nullptr;  // destroys what the completion owns now, not with the last pointer to the waiter
}

void WaitQueue::State::end_waits_of(const IStorage& storage) noexcept {
    Lock lock(mutex_);
    std::vector<WaiterPointer> ended;
    for (const auto& [ticket, waiter] : waiters_) {
        if (waiter->storage == &storage) ended.push_back(waiter);
    }
    for (const WaiterPointer& waiter : ended) remove(waiter);
    if (running != this) released_.wait(lock, [&] { return busy_with_ != &storage; });
    for (const WaiterPointer& waiter : ended) {
        AcquireResult result = with_expired(Miss::cancelled);
        lock.unlock();
        complete(waiter, std::move(result));
        lock.lock();
    }
}

void WaitQueue::State::stop() noexcept {
    Lock lock(mutex_);
    stopped_ = true;
    lock.unlock();
    changed_.notify_all();
    if (thread_.joinable()) {
        if (thread_.get_id() == std::this_thread::get_id()) {
            thread_.detach();  // a completion destroys the storage: the thread ends when it returns
        } else {
            thread_.join();
        }
    }
    lock.lock();
    while (!waiters_.empty()) {
        const WaiterPointer waiter = waiters_.begin()->second;
        AcquireResult result = with_expired(Miss::cancelled);
        remove(waiter);
        lock.unlock();
        complete(waiter, std::move(result));
        lock.lock();
    }
}

WaitQueue::WaitQueue() : state_(std::make_shared<State>()) {}
WaitQueue::~WaitQueue() { stop(); }
void WaitQueue::set_watch(IPoolWatch& watch) noexcept { state_->set_watch(watch); }
void WaitQueue::add(IStorage& storage, AcquireRequest request, Steady::time_point deadline,
                    AcquireCompletion done, std::stop_token stop, std::vector<Lease> expired) {
    state_->add(storage, std::move(request), deadline, std::move(done), std::move(stop), std::move(expired));
}
bool WaitQueue::has_waiters(std::string_view pool) const noexcept { return state_->has_waiters(pool); }
bool WaitQueue::runs_on_this_thread() noexcept { return State::runs_on_this_thread(); }
void WaitQueue::wake(std::string_view pool) noexcept { state_->wake(pool); }
void WaitQueue::end_waits_of(const IStorage& storage) noexcept { state_->end_waits_of(storage); }
void WaitQueue::stop() noexcept { state_->stop(); }

}  // namespace pharox
