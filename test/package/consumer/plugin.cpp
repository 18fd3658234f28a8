// An adapter in a shared object that is loaded at run time. Its methods only throw.
#include <memory>
#include <pharox/pharox.hpp>

namespace {

class Broken : public pharox::ForwardingStorage {
  public:
    Broken() : ForwardingStorage(std::make_shared<pharox::InMemoryStorage>()) {}
    pharox::PoolStats get_pool_stats(const pharox::PoolStatsRequest& request) override {
        throw pharox::StorageError({.store = "plugin", .operation = "get_pool_stats"}, request.pool);
    }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) void register_plugin(pharox::StorageRegistry& registry) {
    registry.add("plugin",
                 [](const pharox::StorageUrl&) { return std::make_shared<pharox::Sealed<Broken>>(); });
}
