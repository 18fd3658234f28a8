// Expired leases that a call collected and could not report: the next call that can report them does.
#pragma once

#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "pharox/model/lease.hpp"

namespace pharox::sqlkit {

/// Thread-safe.
class ExpiryReports {
  public:
    void put(std::vector<Lease> leases) {
        if (leases.empty()) return;
        const std::lock_guard guard(mutex_);
        leases_.insert(leases_.end(), std::make_move_iterator(leases.begin()),
                       std::make_move_iterator(leases.end()));
        some_.store(true, std::memory_order_release);
    }
    void take_into(std::vector<Lease>& target) {
        if (!some_.load(std::memory_order_acquire)) return;
        const std::lock_guard guard(mutex_);
        target.insert(target.begin(), std::make_move_iterator(leases_.begin()),
                      std::make_move_iterator(leases_.end()));
        leases_.clear();
        some_.store(false, std::memory_order_release);
    }

  private:
    std::atomic<bool> some_{false};
    std::mutex mutex_;
    std::vector<Lease> leases_;
};

/// The leases that one call collected. Those that it does not report itself are kept for the next call.
class Expired {
  public:
    explicit Expired(ExpiryReports& reports) : reports_(reports) {}
    Expired(const Expired&) = delete;
    Expired& operator=(const Expired&) = delete;
    ~Expired() {
        try {
            reports_.put(std::move(leases_));
        } catch (...) {  // NOLINT(bugprone-empty-catch): out of memory; an expiry is reported at most once
        }
    }

    void add(std::vector<Lease>&& committed) {
        leases_.insert(leases_.end(), std::make_move_iterator(committed.begin()),
                       std::make_move_iterator(committed.end()));
    }
    std::vector<Lease> take() {
        reports_.take_into(leases_);
        return std::exchange(leases_, {});
    }

  private:
    ExpiryReports& reports_;
    std::vector<Lease> leases_;
};

}  // namespace pharox::sqlkit
