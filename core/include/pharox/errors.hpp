// Exceptions, with accessors that tell a caller what to do next. "No proxy available" is not an error but a
// value (Miss). Error texts never contain a password.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "pharox/model/id.hpp"

namespace [[gnu::visibility("default")]] pharox {

/// The base of all exceptions of pharox.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Invalid input; nothing was changed. Its text reads `port: 80800 is above 65535`.
class ValidationError : public Error {
  public:
    /// `field` is a path such as `metadata.plan` or `tags[2]`; `rule` completes "<value> …". The text shows
    /// the value shortened and with control characters escaped; pass `hidden_value` for a secret.
    ValidationError(std::string field, std::string_view value, std::string rule);

    [[nodiscard]] const std::string& field() const noexcept { return field_; }
    [[nodiscard]] const std::string& value() const noexcept { return value_; }
    [[nodiscard]] const std::string& rule() const noexcept { return rule_; }

    static constexpr std::string_view hidden_value = "***";

  private:
    std::string field_;
    std::string value_;
    std::string rule_;
};

/// Invalid terms for a lease (its duration, say).
class InvalidLeaseError : public ValidationError {
  public:
    using ValidationError::ValidationError;
};

/// The lease id belongs to a lease that has ended; it never creates a new one.
class LeaseEndedError : public Error {
  public:
    explicit LeaseEndedError(LeaseId lease);
    [[nodiscard]] LeaseId lease_id() const noexcept { return lease_; }

  private:
    LeaseId lease_;
};

class PoolNotFoundError : public Error {
  public:
    /// `pool` is the name or the id that the caller gave.
    explicit PoolNotFoundError(std::string pool);
    [[nodiscard]] const std::string& pool() const noexcept { return pool_; }

  private:
    std::string pool_;
};

class ProxyNotFoundError : public Error {
  public:
    explicit ProxyNotFoundError(ProxyId proxy);
    [[nodiscard]] ProxyId proxy_id() const noexcept { return proxy_; }

  private:
    ProxyId proxy_;
};

/// The proxy exists, but cannot be leased now: it is not active, or it has reached its limit.
class ProxyUnavailableError : public Error {
  public:
    ProxyUnavailableError(ProxyId proxy, std::string_view why);
    [[nodiscard]] ProxyId proxy_id() const noexcept { return proxy_; }

  private:
    ProxyId proxy_;
};

class ConsumerNotFoundError : public Error {
  public:
    explicit ConsumerNotFoundError(std::string consumer);
    [[nodiscard]] const std::string& consumer() const noexcept { return consumer_; }

  private:
    std::string consumer_;
};

/// The request contradicts stored data: a name or an identity that exists, an id that is used for another
/// object, a pool or proxy that still has active leases. Nothing was changed.
class ConflictError : public Error {
  public:
    ConflictError(std::string field, std::string_view value, std::string_view why);
    [[nodiscard]] const std::string& field() const noexcept { return field_; }

  private:
    std::string field_;
};

/// The store does not have the capability (its accessor in IStorage returns null).
class UnsupportedError : public Error {
  public:
    explicit UnsupportedError(std::string capability);
    [[nodiscard]] const std::string& capability() const noexcept { return capability_; }

  private:
    std::string capability_;
};

/// The store failed. The accessors say whether to retry, and with which lease id.
class StorageError : public Error {
  public:
    struct Details {
        std::string store;                  ///< "sqlite", "postgres" …
        std::string operation;              ///< "acquire", "open" …
        bool retryable = false;             ///< the same call may succeed later
        bool outcome_unknown = false;       ///< it may have been executed: repeat it with the same lease id
        std::optional<LeaseId> lease_id{};  ///< the lease, if the call was about one
        std::chrono::milliseconds backoff =
            std::chrono::milliseconds(100);  ///< a suitable delay before a retry
    };
    StorageError(Details details, std::string_view why);
    /// The same error with this lease id.
    [[nodiscard]] StorageError about(LeaseId lease) const;

    [[nodiscard]] const std::string& store() const noexcept { return details_.store; }
    [[nodiscard]] const std::string& operation() const noexcept { return details_.operation; }
    [[nodiscard]] bool retryable() const noexcept { return details_.retryable; }
    [[nodiscard]] bool outcome_unknown() const noexcept { return details_.outcome_unknown; }
    [[nodiscard]] std::optional<LeaseId> lease_id() const noexcept { return details_.lease_id; }
    [[nodiscard]] std::chrono::milliseconds backoff() const noexcept { return details_.backoff; }

  private:
    Details details_;
};

}  // namespace pharox
