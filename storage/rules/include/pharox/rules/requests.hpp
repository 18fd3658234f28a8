// Requests as adapters work with them: checked once, complete, and compared or converted in one place.
#pragma once

#include <optional>
#include <string>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

/// A checked request whose defaults are filled in: an acquire has a consumer and a lease id, a create_lease
/// has a lease id. An adapter makes one where the request comes in and passes `*normalised` on, as the
/// request itself:
///
///     AcquireResult try_acquire(const AcquireRequest& request) override {
///         return leasing_.acquire(*rules::Normalised(request));
///     }
///
/// Refers to the request, which must outlive it; copies it only if something was missing. The manager fills
/// in consumer and lease id itself, so its calls are not copied.
template <class Request>
class Normalised {
  public:
    /// Throws what `validate(request)` throws.
    explicit Normalised(const Request& request);
    explicit Normalised(const Request&& request) = delete;
    Normalised(const Normalised&) = delete;
    Normalised& operator=(const Normalised&) = delete;
    ~Normalised() = default;

    const Request& operator*() const noexcept { return completed_ ? *completed_ : request_; }
    const Request* operator->() const noexcept { return &**this; }

  private:
    const Request& request_;
    std::optional<Request> completed_;
};
extern template class Normalised<AcquireRequest>;
extern template class Normalised<CreateLeaseRequest>;

// Each of these lists the fields of its request in a structured binding: a field that is added to the request
// does not compile until it is handled here.

/// The create_lease that this acquire makes of a proxy; its `proxy_id` is still to be set.
CreateLeaseRequest create_request(const AcquireRequest& request);
/// The find_available_proxy that this acquire begins with.
FindRequest find_request(const AcquireRequest& request);
/// Whether the two differ at most in lease id and wait, so that one statement may serve both. Predicates are
/// equal to nothing.
bool same_except_lease_id(const AcquireRequest& one, const AcquireRequest& other);
/// Equal keys: at any one instant both requests have the same answer, apart from the lease ids. Lease terms
/// (duration, tenure, metadata) do not decide the answer and are left out. Nothing where no other request is
/// known to have the same answer: with a predicate or with excluded proxies.
std::optional<std::string> answer_key(const AcquireRequest& request);

}  // namespace rules
}  // namespace pharox
