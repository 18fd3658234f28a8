// Requests inside an adapter: validated once, completed with defaults, compared and converted in one place.
#pragma once

#include <optional>
#include <string>

#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

/// Fills in what the caller left out: the default consumer, and a new lease id. Does not validate.
void fill_in_defaults(AcquireRequest& request);
void fill_in_defaults(CreateLeaseRequest& request);

/// A validated request with its defaults filled in: an acquire has a consumer and a lease id, a create_lease
/// has a lease id. A method of an adapter constructs one first, and passes `*normalised` on in place of the
/// request:
///
///     AcquireResult try_acquire(const AcquireRequest& request) override {
///         return leasing_.acquire(*rules::Normalised(request));
///     }
///
/// Refers to the request, which must outlive it; copies the request only if a default is filled in. The
/// manager sets consumer and lease id itself, so its requests are not copied.
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

// Each of these lists the fields of its request in a structured binding: after a field is added to the
// request, these functions do not compile until they handle it.

/// The create_lease by which this acquire leases a proxy; the caller sets `proxy_id`.
CreateLeaseRequest create_request(const AcquireRequest& request);
/// The find_available_proxy that this acquire begins with.
FindRequest find_request(const AcquireRequest& request);
/// Whether the two differ at most in lease id and wait, so that one statement can serve both. False if one
/// has a predicate.
bool same_except_lease_id(const AcquireRequest& one, const AcquireRequest& other);
/// Requests with equal keys have the same answer at any one instant, apart from the lease ids. The key omits
/// lease terms (duration, tenure, metadata), which do not affect the answer. Empty if the request has a
/// predicate or excludes proxies: its answer can then differ from that of every other request.
std::optional<std::string> answer_key(const AcquireRequest& request);

}  // namespace rules
}  // namespace pharox
