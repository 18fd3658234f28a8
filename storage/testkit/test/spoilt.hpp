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

/// Acquire is made of the six, so that a spoilt find or create_lease shows there too.
class Spoilt : public ForwardingStorage {
  public:
    explicit Spoilt(const Setup& setup)
        : ForwardingStorage(std::make_shared<InMemoryStorage>(InMemoryOptions{.clock = setup.clock})),
          clock_(setup.clock) {}
    AcquireResult acquire(const AcquireRequest& request) override { return IStorage::acquire(request); }

  protected:
    std::shared_ptr<const pharox::Clock> clock_;
};

/// Acquire is the inner store's own, for bugs that live elsewhere.
class SpoiltElsewhere : public Spoilt {
  public:
    using Spoilt::Spoilt;
    AcquireResult acquire(const AcquireRequest& request) override { return inner().acquire(request); }
};

template <class Bug>
PlantedBug plant(const char* name, std::vector<std::string> caught_by) {
    return {name, std::move(caught_by), [](const Setup& setup) { return std::make_shared<Bug>(setup); }};
}

}  // namespace pharox::testkit
