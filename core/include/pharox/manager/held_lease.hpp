// A lease that is tied to a scope and released at its end.
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
    /// Renew the lease in the background while it is held, each time by the acquired duration.
    bool renew = false;
};

/// Describes a lease that has been held for longer than ManagerOptions::leak_threshold, or was still held
/// when its manager was closed.
struct LeakReport {
    Lease lease;
    std::string consumer_name;
    std::string where;  ///< file, line and function of the call to hold()
    Duration held_for{};
};

/// Owns one lease. Move-only. One thread at a time may use the object; any thread may use the token that
/// lost() returned.
class HeldLease {
  public:
    HeldLease(HeldLease&&) noexcept;
    HeldLease& operator=(HeldLease&&) noexcept;
    HeldLease(const HeldLease&) = delete;
    HeldLease& operator=(const HeldLease&) = delete;
    /// Releases the lease. If the store fails, the error is passed to ManagerOptions::on_error, and the lease
    /// ends when it expires.
    ~HeldLease();

    [[nodiscard]] const Proxy& proxy() const noexcept;
    /// The lease as it was acquired. Renewals change the store's expires_at, not this copy.
    [[nodiscard]] const Lease& lease() const noexcept;
    /// A token on which a thread of the manager requests a stop when this object no longer holds a valid
    /// lease: the lease was ended by another call, it could not be renewed before it expired, or the manager
    /// was closed. Without HoldOptions::renew the manager detects only that it was closed.
    [[nodiscard]] std::stop_token lost() const noexcept;
    /// Releases the lease now, and throws the StorageError that the destructor would only report. A second
    /// call does nothing.
    void release();

  private:
    friend class ProxyManager;
    struct State;
    struct Terms;
    explicit HeldLease(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;
};

/// Either a held lease, to which `->` and `*` give access, or the reason for a miss.
class HoldResult {
  public:
    HoldResult(HeldLease held) : held_(std::move(held)) {}  // NOLINT(google-explicit-constructor)
    HoldResult(Miss miss) : miss_(miss) {}                  // NOLINT(google-explicit-constructor)

    explicit operator bool() const noexcept { return held_.has_value(); }
    HeldLease* operator->() { return &held_.value(); }
    HeldLease& operator*() & { return held_.value(); }
    /// Valid only on a miss.
    [[nodiscard]] Miss miss() const noexcept { return miss_; }

  private:
    std::optional<HeldLease> held_{};
    Miss miss_ = Miss::none_available;
};

/// The outcome of an asynchronous hold: a result, or an exception. Move-only.
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
