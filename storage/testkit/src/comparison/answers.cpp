#include "comparison/answers.hpp"

#include "pharox/errors.hpp"

namespace pharox::testkit {

namespace {

template <class E>
bool is(const std::exception& error) {
    return dynamic_cast<const E*>(&error) != nullptr;
}

}  // namespace

std::string name_of(const std::exception& error) {
    if (is<InvalidLeaseError>(error)) return "InvalidLeaseError";
    if (is<ValidationError>(error)) return "ValidationError";
    if (is<LeaseEndedError>(error)) return "LeaseEndedError";
    if (is<PoolNotFoundError>(error)) return "PoolNotFoundError";
    if (is<ProxyNotFoundError>(error)) return "ProxyNotFoundError";
    if (is<ProxyUnavailableError>(error)) return "ProxyUnavailableError";
    if (is<ConsumerNotFoundError>(error)) return "ConsumerNotFoundError";
    if (is<ConflictError>(error)) return "ConflictError";
    return std::string("unexpected: ") + error.what();
}

std::string text_of(const LeasedProxy& leased) {
    return (leased.replayed ? "replayed " : "leased ") + text_of(leased.lease()) + '\n' +
           text_of(leased.proxy());
}

std::string text_of(const AuditResult& audit) {
    return std::to_string(audit.proxies) + " proxies, " + std::to_string(audit.leases) + " leases, " +
           std::to_string(audit.mismatches.size()) + " mismatches";
}

std::string text_of(const ReleaseResult& result) {
    return (result.released ? "released " : "not released ") + text_of(result.lease);
}

bool may_both_be_true(Miss one, Miss other) {
    const auto tells_of_proxies = [](Miss miss) {
        return miss == Miss::none_available || miss == Miss::all_busy || miss == Miss::nothing_matches;
    };
    return one == other || ((one == Miss::none_available || other == Miss::none_available) &&
                            tells_of_proxies(one) && tells_of_proxies(other));
}

}  // namespace pharox::testkit
