#include "storage/wait_queue.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "pharox/model/serialization.hpp"
#include "pharox/storage/pool_watch.hpp"

namespace pharox {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t most_waiters = 100'000;
constexpr int most_skipped = 64;  // overdue ones whose line is still to be asked
constexpr milliseconds first_pause{2};
constexpr milliseconds longest_pause{50};

/// Those with an equal question have the same answer at the same instant; a predicate equals no other.
std::string question_of(const AcquireRequest& request, std::uint64_t ticket) {
    std::string question = request.pool;
    question += '\0';
    question += to_string(request.selector);
    question += request.allow_slow ? '+' : '-';
    question += request.consumer;
    question += '\0';
    if (request.filters.has_predicate() || !request.filters.exclude.empty()) {
        question += std::to_string(ticket);
    } else if (!request.filters.empty()) {
        question += to_json(request.filters).dump();
    }
    return question;
}

constexpr std::size_t most_yielded_to = 32;
constexpr int deepest_yielded_to = 14;

int depth_of(const ProxyFilters& filters) {
    int deepest = 0;
    for (const auto* const children : {&filters.all_of, &filters.any_of, &filters.none_of}) {
        for (const ProxyFilters& child : *children) deepest = std::max(deepest, depth_of(child));
    }
    return deepest + 1;
}

/// Whether what fits the older one can be told apart by its filter alone.
bool can_yield(const AcquireRequest& younger, const AcquireRequest& older) {
    return older.pool == younger.pool && older.selector != Selector::weighted_random &&
           (older.allow_slow || !younger.allow_slow) && older.filters.exclude.empty() &&
           !older.filters.has_predicate() && depth_of(older.filters) <= deepest_yielded_to;
}

bool ends_the_wait(const AcquireResult& result) {
    return result || result.miss() == Miss::pool_unknown || result.miss() == Miss::lease_ended;
}

}  // namespace

class WaitQueue::State : public std::enable_shared_from_this<State> {
  public:
    State(IStorage& storage, IPoolWatch* watch) : storage_(&storage), watch_(watch) {}

    void enter(AcquireRequest request, AcquireCompletion done, std::stop_token stop,
               std::vector<Lease> expired);
    [[nodiscard]] static bool serves_here() noexcept { return serving != nullptr; }
    [[nodiscard]] bool is_in_use() const noexcept {
        return waiting_.load(std::memory_order_acquire) > 0 && serving != this;
    }
    void wake() noexcept;
    void stop() noexcept;

  private:
    using Ticket = std::uint64_t;
    using StopCallback = std::stop_callback<std::function<void()>>;
    struct Waiter {
        Ticket ticket = 0;
        AcquireRequest request;
        AcquireCompletion done;
        Steady::time_point deadline{};
        std::string question;
        std::unique_ptr<StopCallback> on_stop{};  // destroyed unlocked: it may wait for cancel()
    };
    using WaiterPointer = std::shared_ptr<Waiter>;
    struct Line {
        std::set<Ticket> tickets{};
        Miss last = Miss::none_available;  // what its head was told
        Ticket asked_for = 0;              // and for whom that holds: who came by then
    };

    void run();
    /// Tells the watch which pools are waited for, where that changed.
    void follow_pools(std::unique_lock<std::mutex>& lock);
    void wait_for_work(std::unique_lock<std::mutex>& lock);
    void serve_lines(std::unique_lock<std::mutex>& lock);
    /// Asks the store for the head of a line; whether it left the queue.
    bool serve(std::unique_lock<std::mutex>& lock, const WaiterPointer& waiter);
    /// The waiter's request, without what fits those who were asked for before it in this round: a slot that
    /// gets free in the middle of the round is theirs.
    [[nodiscard]] AcquireRequest behind_the_older(const Waiter& waiter) const;
    /// The result, with what was found expired by the way.
    [[nodiscard]] AcquireResult with_expired(AcquireResult result);
    void end_cancelled(std::unique_lock<std::mutex>& lock);
    void end_overdue(std::unique_lock<std::mutex>& lock);
    /// The waiter leaves, and hears the outcome with nothing locked.
    void finish(std::unique_lock<std::mutex>& lock, const WaiterPointer& waiter, AcquireOutcome outcome);
    void cancel(Ticket ticket);

    static thread_local const State* serving;

    IStorage* storage_;
    IPoolWatch* watch_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    bool look_again_ = false;
    milliseconds pause_ = first_pause;
    std::minstd_rand jitter_{std::random_device{}()};
    Ticket last_ticket_ = 0;
    std::atomic<std::size_t> waiting_{0};
    std::map<Ticket, WaiterPointer> waiters_;
    std::map<std::string, Line> lines_;  // by question
    std::set<std::pair<Steady::time_point, Ticket>> deadlines_;
    std::set<Ticket> cancelled_;
    std::map<std::string, std::size_t> pools_;  // how many wait for each
    std::set<std::string> watched_;             // of the thread
    std::vector<WaiterPointer> passed_over_;    // in this round, oldest first
    Steady::duration last_round_{};
    std::vector<Lease> expired_;  // not yet reported
    std::thread thread_;
};

thread_local const WaitQueue::State* WaitQueue::State::serving = nullptr;

void WaitQueue::State::enter(AcquireRequest request, AcquireCompletion done, std::stop_token stop,
                             std::vector<Lease> expired) {
    auto waiter = std::make_shared<Waiter>();
    waiter->deadline = Steady::now() + request.wait;
    waiter->request = std::move(request);
    waiter->request.wait = Duration(0);
    waiter->done = std::move(done);
    std::unique_lock lock(mutex_);
    std::move(expired.begin(), expired.end(), std::back_inserter(expired_));
    const bool ends = stopped_ || stop.stop_requested();
    if (ends || waiters_.size() >= most_waiters) {
        AcquireResult result = with_expired(ends ? Miss::cancelled : Miss::queue_full);
        lock.unlock();
        return waiter->done(std::move(result));
    }
    const Ticket ticket = waiter->ticket = ++last_ticket_;
    waiter->question = question_of(waiter->request, ticket);
    lines_[waiter->question].tickets.insert(ticket);
    ++pools_[waiter->request.pool];
    deadlines_.emplace(waiter->deadline, ticket);
    waiters_.emplace(ticket, waiter);
    waiting_.store(waiters_.size(), std::memory_order_release);
    look_again_ = true;
    if (!thread_.joinable()) {
        thread_ = std::thread([self = shared_from_this()] { self->run(); });
    }
    lock.unlock();
    changed_.notify_one();
    if (!stop.stop_possible()) return;
    // The callback may run at once, here, or in a thread of its own while the waiter is being finished.
    auto on_stop = std::make_unique<StopCallback>(std::move(stop), [weak = weak_from_this(), ticket] {
        if (const auto self = weak.lock()) self->cancel(ticket);
    });
    lock.lock();
    if (waiters_.contains(ticket)) waiter->on_stop = std::move(on_stop);
    lock.unlock();
}

void WaitQueue::State::cancel(Ticket ticket) {
    {
        const std::lock_guard lock(mutex_);
        if (!waiters_.contains(ticket)) return;
        cancelled_.insert(ticket);
        look_again_ = true;
    }
    changed_.notify_one();
}

void WaitQueue::State::wake() noexcept {
    if (waiting_.load(std::memory_order_acquire) == 0) return;
    {
        const std::lock_guard lock(mutex_);
        look_again_ = true;
    }
    changed_.notify_one();
}

void WaitQueue::State::run() {
    serving = this;
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        follow_pools(lock);
        wait_for_work(lock);
        end_cancelled(lock);
        const auto began = Steady::now();
        serve_lines(lock);
        last_round_ = Steady::now() - began;
    }
}

void WaitQueue::State::follow_pools(std::unique_lock<std::mutex>& lock) {
    if (watch_ == nullptr) return;
    std::vector<std::string> come;
    std::vector<std::string> gone;
    for (const auto& [pool, waiters] : pools_) {
        if (watched_.insert(pool).second) come.push_back(pool);
    }
    for (const std::string& pool : watched_) {
        if (!pools_.contains(pool)) gone.push_back(pool);
    }
    if (come.empty() && gone.empty()) return;
    for (const std::string& pool : gone) watched_.erase(pool);
    lock.unlock();
    for (const std::string& pool : come) watch_->watch(pool);
    for (const std::string& pool : gone) watch_->unwatch(pool);
    lock.lock();
}

void WaitQueue::State::wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto has_work = [this] { return stopped_ || look_again_; };
    const Duration quiet = watch_ == nullptr || waiters_.empty() ? Duration(0) : watch_->quiet();
    if (waiters_.empty()) {
        changed_.wait(lock, has_work);
        pause_ = first_pause;
    } else if (look_again_) {
        pause_ = first_pause;
    } else if (quiet > Duration(0)) {
        pause_ = first_pause;
        changed_.wait_until(lock, std::min(deadlines_.begin()->first, Steady::now() + quiet), has_work);
    } else {
        const milliseconds jittered =
            pause_ + milliseconds(jitter_() % (static_cast<unsigned>(pause_.count()) + 1));
        // With many questions a round takes long: the store is not asked without a break.
        const auto next = std::min(deadlines_.begin()->first,
                                   Steady::now() + std::max<Steady::duration>(jittered, last_round_));
        changed_.wait_until(lock, next, has_work);
        pause_ = std::min(longest_pause, pause_ * 2);
    }
    look_again_ = false;
}

void WaitQueue::State::end_cancelled(std::unique_lock<std::mutex>& lock) {
    while (!stopped_ && !cancelled_.empty()) {
        const auto found = waiters_.find(*cancelled_.begin());
        cancelled_.erase(cancelled_.begin());
        if (found != waiters_.end())
            finish(lock, WaiterPointer(found->second), with_expired(Miss::cancelled));
    }
}

void WaitQueue::State::end_overdue(std::unique_lock<std::mutex>& lock) {
    int skipped = 0;
    for (auto next = deadlines_.begin(); !stopped_ && next != deadlines_.end();) {
        const auto entry = *next;
        if (entry.first > Steady::now() || skipped == most_skipped) return;
        const WaiterPointer waiter = waiters_.at(entry.second);
        const Line& line = lines_.at(waiter->question);
        if (line.asked_for < waiter->ticket) {
            ++skipped;  // its line is still to be asked for it
        } else {
            finish(lock, waiter, with_expired(line.last));
        }
        next = deadlines_.upper_bound(entry);
    }
}

void WaitQueue::State::serve_lines(std::unique_lock<std::mutex>& lock) {
    passed_over_.clear();
    // Who comes while others are served may be older than the next one of a line: the next round is theirs
    // too.
    const Ticket newest = last_ticket_;
    std::map<Ticket, std::string> heads;  // of the lines that were not told no in this round
    for (const auto& [question, line] : lines_) heads.emplace(*line.tickets.begin(), question);
    while (!stopped_ && !heads.empty()) {
        const std::string question = std::move(heads.extract(heads.begin()).mapped());
        const auto line = lines_.find(question);
        if (line == lines_.end()) continue;
        const WaiterPointer head = waiters_.at(*line->second.tickets.begin());
        const bool left = serve(lock, head);
        if (!left) passed_over_.push_back(head);
        end_cancelled(lock);
        end_overdue(lock);
        const auto rest = lines_.find(question);
        if (!left || rest == lines_.end()) continue;
        const Ticket next = *rest->second.tickets.begin();
        if (next <= newest) heads.emplace(next, question);
    }
}

bool WaitQueue::State::serve(std::unique_lock<std::mutex>& lock, const WaiterPointer& waiter) {
    IStorage* const storage = storage_;
    const Ticket newest = last_ticket_;
    const AcquireRequest request = behind_the_older(*waiter);
    const bool yields = request.filters.none_of.size() > waiter->request.filters.none_of.size();
    lock.unlock();
    std::optional<AcquireResult> result;
    std::exception_ptr error;
    try {
        result = storage->try_acquire(request);
    } catch (...) {
        error = std::current_exception();
    }
    lock.lock();
    if (result) {
        std::move(result->expired.begin(), result->expired.end(), std::back_inserter(expired_));
        result->expired.clear();
    }
    if (cancelled_.contains(waiter->ticket) || stopped_) {
        if (result && *result && !result->replayed) {
            // Nobody takes it any more.
            const ReleaseRequest unwanted{.lease_id = result->lease().id, .pool = result->lease().pool_name};
            lock.unlock();
            try {
                storage->release_lease(unwanted);
            } catch (...) {
                // It ends by expiry.
                static_cast<void>(unwanted);
            }
            lock.lock();
        }
        if (!stopped_) finish(lock, waiter, with_expired(Miss::cancelled));
        return true;
    }
    if (result && !ends_the_wait(*result)) {
        Line& line = lines_.at(waiter->question);
        // Asked for less than it wants, it cannot be told that nothing fits.
        line.last = yields && result->miss() == Miss::nothing_matches ? Miss::none_available : result->miss();
        line.asked_for = newest;
        return false;
    }
    if (error) {
        finish(lock, waiter, std::move(error));
    } else {
        finish(lock, waiter, with_expired(*std::move(result)));
    }
    return true;
}

AcquireResult WaitQueue::State::with_expired(AcquireResult result) {
    result.expired = std::exchange(expired_, {});
    return result;
}

AcquireRequest WaitQueue::State::behind_the_older(const Waiter& waiter) const {
    AcquireRequest request = waiter.request;
    std::size_t yielded = 0;
    for (const WaiterPointer& older : passed_over_) {
        if (yielded == most_yielded_to || !waiters_.contains(older->ticket)) continue;
        if (!can_yield(request, older->request)) continue;
        request.filters.none_of.push_back(older->request.filters);
        ++yielded;
    }
    return request;
}

void WaitQueue::State::finish(std::unique_lock<std::mutex>& lock, const WaiterPointer& waiter,
                              AcquireOutcome outcome) {
    if (waiters_.erase(waiter->ticket) == 0) return;
    waiting_.store(waiters_.size(), std::memory_order_release);
    cancelled_.erase(waiter->ticket);
    deadlines_.erase({waiter->deadline, waiter->ticket});
    const auto line = lines_.find(waiter->question);
    line->second.tickets.erase(waiter->ticket);
    if (line->second.tickets.empty()) lines_.erase(line);
    const auto pool = pools_.find(waiter->request.pool);
    if (--pool->second == 0) pools_.erase(pool);
    lock.unlock();
    waiter->on_stop.reset();
    waiter->done(std::move(outcome));
    waiter->done = nullptr;  // what it owns goes now, not when the last pointer does
    lock.lock();
}

void WaitQueue::State::stop() noexcept {
    std::unique_lock lock(mutex_);
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
        finish(lock, WaiterPointer(waiters_.begin()->second), with_expired(Miss::cancelled));
    }
}

WaitQueue::WaitQueue(IStorage& storage, IPoolWatch* watch)
    : state_(std::make_shared<State>(storage, watch)) {}
WaitQueue::~WaitQueue() { stop(); }
void WaitQueue::enter(AcquireRequest request, AcquireCompletion done, std::stop_token stop,
                      std::vector<Lease> expired) {
    state_->enter(std::move(request), std::move(done), std::move(stop), std::move(expired));
}
bool WaitQueue::serves_here() noexcept { return State::serves_here(); }
bool WaitQueue::is_in_use() const noexcept { return state_->is_in_use(); }
void WaitQueue::wake() noexcept { state_->wake(); }
void WaitQueue::stop() noexcept { state_->stop(); }

}  // namespace pharox
