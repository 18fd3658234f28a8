// Helpers that create a pool, a proxy or a consumer: for examples, tests and first steps.
#pragma once

#include <optional>
#include <string>

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/storage.hpp"

namespace [[gnu::visibility("default")]] pharox {

struct BootstrapConsumer {
    std::string name = "default-consumer";
};
struct BootstrapPool {
    std::string name = "default-pool";
    std::optional<std::string> description{};
};
struct BootstrapProxy {
    std::string host;
    int port = 0;
    ProxyProtocol protocol = ProxyProtocol::http;
    ProxyStatus status = ProxyStatus::active;  ///< ready for leasing, unlike a new Proxy
    std::optional<ProxyCredentials> credentials{};
    std::optional<std::string> source{}, country{}, city{};
    std::optional<int> max_concurrency{};
};

/// Each returns the existing object, or creates it; repeated calls change nothing. Throws ValidationError,
/// and UnsupportedError if the store has no catalog (bootstrap_consumer needs none).
ConsumerId bootstrap_consumer(IStorage& storage, const BootstrapConsumer& consumer = {});
ProxyPool bootstrap_pool(IStorage& storage, const BootstrapPool& pool = {});
Proxy bootstrap_proxy(IStorage& storage, const ProxyPool& pool, const BootstrapProxy& proxy);

}  // namespace pharox
