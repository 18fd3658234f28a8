// The shortest way to something that can be leased: for examples, tests and first steps.
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

/// Each gets what is there, or makes it; repeating a call changes nothing. Throw ValidationError, and
/// UnsupportedError where the store has no catalog (bootstrap_consumer needs none).
ConsumerId bootstrap_consumer(IStorage& storage, const BootstrapConsumer& consumer = {});
ProxyPool bootstrap_pool(IStorage& storage, const BootstrapPool& pool = {});
Proxy bootstrap_proxy(IStorage& storage, const ProxyPool& pool, const BootstrapProxy& proxy);

}  // namespace pharox
