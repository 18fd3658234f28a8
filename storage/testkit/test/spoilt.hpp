// A right store, for the planted bugs to spoil in one place each.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/forwarding_storage.hpp"
#include "pharox/storage/in_memory.hpp"
#include "pharox/storage/lease_control.hpp"
#include "planted_bugs.hpp"

namespace pharox::testkit {

/// Acquire, batches and waiting are made of the six, so that a spoilt one shows there too.
class Spoilt : public ForwardingStorage {
  public:
    explicit Spoilt(const Setup& setup)
        : ForwardingStorage(std::make_shared<InMemoryStorage>(InMemoryOptions{
              .clock = setup.clock, .retained_leases = 20, .health_retention = std::chrono::hours(2)})),
          clock_(setup.clock) {}
    // IStorage's own, built from the six, which a bug spoils.
    // NOLINTBEGIN(bugprone-parent-virtual-call)
    AcquireResult try_acquire(const AcquireRequest& request) override {
        return IStorage::try_acquire(request);
    }
    AcquireManyResult acquire_many(const AcquireManyRequest& request) override {
        return IStorage::acquire_many(request);
    }
    std::vector<ReleaseResult> release_many(const std::vector<ReleaseRequest>& requests) override {
        return IStorage::release_many(requests);
    }
    // NOLINTEND(bugprone-parent-virtual-call)

  protected:
    std::shared_ptr<const pharox::Clock> clock_;
};

/// Acquire is the inner store's own, for bugs that live elsewhere.
class SpoiltElsewhere : public Spoilt {
  public:
    using Spoilt::Spoilt;
    AcquireResult try_acquire(const AcquireRequest& request) override { return inner().try_acquire(request); }
};

template <class Bug>
PlantedBug plant(const char* name, std::vector<std::string> caught_by) {
    return {name, std::move(caught_by),
            spoilt_store([](const Setup& setup) { return std::make_shared<Sealed<Bug>>(setup); })};
}

}  // namespace pharox::testkit
