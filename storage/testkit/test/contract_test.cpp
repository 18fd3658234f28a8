// The conformance suite on the model, and on the model with everything optional hidden.
#include "pharox/testkit/contract.hpp"

#include <map>
#include <mutex>
#include <optional>

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/forwarding_storage.hpp"
#include "pharox/storage/in_memory.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/testkit/only_the_six.hpp"

using namespace pharox;

PHAROX_STORAGE_CONTRACT(InMemory, {.make = [](const testkit::Setup& setup) -> std::shared_ptr<IStorage> {
                                       return std::make_shared<InMemoryStorage>(
                                           InMemoryOptions{.clock = setup.clock,
                                                           .retained_leases = 20,
                                                           .health_retention = std::chrono::hours(2)});
                                   },
                                   .clock = testkit::Clock::injected,
                                   .tells_misses_apart = true,
                                   .retention = std::chrono::hours(1),
                                   .health_records = 1'000,
                                   .retained_leases = 20,
                                   .health_retention = std::chrono::hours(2)})

PHAROX_STORAGE_CONTRACT(OnlyTheSix,
                        {.make = [](const testkit::Setup& setup) -> std::shared_ptr<IStorage> {
                             return std::make_shared<testkit::OnlyTheSix>(
                                 std::make_shared<InMemoryStorage>(InMemoryOptions{.clock = setup.clock}));
                         },
                         .clock = testkit::Clock::injected,
                         .seed_pool =
                             [](IStorage& store, const ProxyPool& pool) {
                                 dynamic_cast<testkit::OnlyTheSix&>(store).inner().catalog()->add_pool(pool);
                             },
                         .seed_proxy =
                             [](IStorage& store, const Proxy& proxy) {
                                 dynamic_cast<testkit::OnlyTheSix&>(store).inner().catalog()->add_proxy(
                                     proxy);
                             }})

namespace {

/// What stands for a server: its clock shows the real time until a test sets it.
class ServerClock final : public Clock {
  public:
    [[nodiscard]] Timestamp now() const override {
        const std::lock_guard lock(mutex_);
        return set_ ? *set_ : system_clock()->now();
    }
    void set(Timestamp time) {
        const std::lock_guard lock(mutex_);
        set_ = time;
    }

    static std::shared_ptr<ServerClock> of(const testkit::Setup& setup) {
        static std::mutex mutex;
        static std::map<std::filesystem::path, std::shared_ptr<ServerClock>> clocks;
        const std::lock_guard lock(mutex);
        auto& clock = clocks[setup.folder];
        if (!clock) clock = std::make_shared<ServerClock>();
        return clock;
    }

  private:
    mutable std::mutex mutex_;
    std::optional<Timestamp> set_;
};

}  // namespace

PHAROX_STORAGE_CONTRACT(SettableClock, {.make = [](const testkit::Setup& setup) -> std::shared_ptr<IStorage> {
                                            return std::make_shared<InMemoryStorage>(
                                                InMemoryOptions{.clock = ServerClock::of(setup)});
                                        },
                                        .clock = testkit::Clock::settable,
                                        .set_time = [](const testkit::Setup& setup,
                                                       Timestamp time) { ServerClock::of(setup)->set(time); },
                                        .tells_misses_apart = true})

namespace {

/// Refuses an id that it knows instead of answering it again.
class WithoutReplays : public ForwardingStorage {
  public:
    using ForwardingStorage::ForwardingStorage;
    LeasedProxy create_lease(const CreateLeaseRequest& request) override {
        if (lease_control()->get_lease({.lease_id = request.lease_id}))
            throw ConflictError("lease_id", request.lease_id.to_string(), "was used before");
        return ForwardingStorage::create_lease(request);
    }
    AcquireResult try_acquire(const AcquireRequest& request) override {
        return IStorage::try_acquire(request);  // NOLINT(bugprone-parent-virtual-call): by create_lease
    }
};

}  // namespace

PHAROX_STORAGE_CONTRACT(WithoutReplays,
                        {.make = [](const testkit::Setup& setup) -> std::shared_ptr<IStorage> {
                             return std::make_shared<Sealed<WithoutReplays>>(
                                 std::make_shared<InMemoryStorage>(InMemoryOptions{.clock = setup.clock}));
                         },
                         .clock = testkit::Clock::injected,
                         .replays = false})

// The suite's other half: a clock of the store's own, so that cases wait.
PHAROX_STORAGE_CONTRACT(OwnClock, {.make = [](const testkit::Setup&) -> std::shared_ptr<IStorage> {
                            return std::make_shared<InMemoryStorage>();
                        }})
