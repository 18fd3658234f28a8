// A lease that is released when its scope ends, however it ends.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "pharox/model/lease.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

class ProxyManager;

struct HoldOptions {
    /// Renew it in the background, for as long as it is held, by the duration that it was acquired for.
    bool renew = false;
};

/// A lease that is held suspiciously long, or still held when its manager closes.
struct LeakReport {
    Lease lease;
    std::string consumer_name;
    std::string where;  ///< file, line and function of the call to hold()
    Duration held_for{};
};

/// Owns one lease. Move-only; one thread at a time, except `lost()`, whose token may be handed around.
class HeldLease {
  public:
    HeldLease(HeldLease&&) noexcept;
    HeldLease& operator=(HeldLease&&) noexcept;
    HeldLease(const HeldLease&) = delete;
    HeldLease& operator=(const HeldLease&) = delete;
    /// Releases. An error of the store goes to the manager's error hook, and the lease ends by expiry.
    ~HeldLease();

    [[nodiscard]] const Proxy& proxy() const noexcept;
    /// As it was acquired; renewals move only the stored expires_at.
    [[nodiscard]] const Lease& lease() const noexcept;
    /// Fires, in a thread of the manager's, when the lease is lost while held: it ended elsewhere, could not
    /// be renewed in time, or the manager was closed. Without `renew` only close() is noticed.
    [[nodiscard]] std::stop_token lost() const noexcept;
    /// Releases now, and throws where the destructor could not. A second call does nothing.
    void release();

  private:
    friend class ProxyManager;
    struct State;
    struct Terms;
    explicit HeldLease(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;
};

/// Either a held lease, or why there is none. Reads like a pointer to it.
class HoldResult {
  public:
    HoldResult(HeldLease held) : held_(std::move(held)) {}  // NOLINT(google-explicit-constructor)
    HoldResult(Miss miss) : miss_(miss) {}                  // NOLINT(google-explicit-constructor)

    explicit operator bool() const noexcept { return held_.has_value(); }
    HeldLease* operator->() { return &held_.value(); }
    HeldLease& operator*() & { return held_.value(); }
    /// Meaningful on a miss alone.
    [[nodiscard]] Miss miss() const noexcept { return miss_; }

  private:
    std::optional<HeldLease> held_{};
    Miss miss_ = Miss::none_available;
};

/// How an asynchronous hold went: a result, or what it threw. Move-only.
class HoldOutcome {
  public:
    // NOLINTBEGIN(google-explicit-constructor, bugprone-throw-keyword-missing): holds what was thrown
    HoldOutcome(HoldResult result) : result_(std::move(result)) {}
    HoldOutcome(std::exception_ptr error) : error_(std::move(error)) {}
    // NOLINTEND(google-explicit-constructor, bugprone-throw-keyword-missing)
    /// Returns the result, or throws.
    HoldResult get() && {
        if (error_) std::rethrow_exception(error_);
        return *std::move(result_);
    }
    [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

  private:
    std::optional<HoldResult> result_{};
    std::exception_ptr error_{};
};
using HoldCompletion = std::function<void(HoldOutcome)>;

}  // namespace pharox
