// A factory, the properties of the store, and the whole conformance suite under GoogleTest.
#include <pharox/testkit/contract.hpp>

#include "shelf_storage.hpp"

PHAROX_STORAGE_CONTRACT(
    Shelf, {
               .make = [](const pharox::testkit::Setup& setup) -> std::shared_ptr<pharox::IStorage> {
                   return std::make_shared<pharox::Sealed<shelf::ShelfStorage>>(setup.folder, setup.clock);
               },
               .durable = true,
               .clock = pharox::testkit::Clock::injected,
               .seed_pool =
                   [](pharox::IStorage& storage, const pharox::ProxyPool& pool) {
                       dynamic_cast<shelf::ShelfStorage&>(storage).add_pool(pool);
                   },
               .seed_proxy =
                   [](pharox::IStorage& storage, const pharox::Proxy& proxy) {
                       dynamic_cast<shelf::ShelfStorage&>(storage).add_proxy(proxy);
                   },
           })
