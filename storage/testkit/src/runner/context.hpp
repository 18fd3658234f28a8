// What a case is given: a fresh store, its clock, and short ways to fill it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pharox/clock.hpp"
#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "pharox/storage/storage.hpp"
#include "pharox/testkit/contract.hpp"

namespace pharox::testkit {

/// A folder of its own, gone with everything in it when this goes.
class Folder {
  public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

/// The clock that a case controls: the store's injected clock, or its server's by way of
/// Properties::set_time. Stands still until it is set. Thread-safe.
class TestClock {
  public:
    /// `apply` is told each new time.
    explicit TestClock(std::function<void(Timestamp)> apply) : apply_(std::move(apply)) {}
    [[nodiscard]] Timestamp now() const { return manual_->now(); }
    void set(Timestamp to);
    void advance(std::chrono::microseconds by);
    /// For stores that are given their clock.
    [[nodiscard]] std::shared_ptr<const pharox::Clock> shared() const { return manual_; }

  private:
    std::shared_ptr<ManualClock> manual_ = std::make_shared<ManualClock>();
    std::function<void(Timestamp)> apply_;
};

/// Change what a new proxy is like before it is stored.
using Edit = std::function<void(Proxy&)>;

/// The store, clock and folder of one case. Used by one thread at a time; the storage itself by any number.
class Context {
  public:
    explicit Context(Properties properties);

    // ---- the store
    [[nodiscard]] IStorage& store();
    [[nodiscard]] ICatalog& catalog() { return require_catalog(store()); }
    [[nodiscard]] ILeaseControl& control() { return require_lease_control(store()); }
    [[nodiscard]] IHealthLog& health() { return require_health_log(store()); }
    [[nodiscard]] IMaintenance& maintenance() { return require_maintenance(store()); }
    [[nodiscard]] bool has_catalog() { return store().catalog() != nullptr; }
    [[nodiscard]] bool has_control() { return store().lease_control() != nullptr; }
    [[nodiscard]] bool has_health() { return store().health_log() != nullptr; }
    [[nodiscard]] bool has_maintenance() { return store().maintenance() != nullptr; }
    /// One more store on the same data, as another process opens it.
    [[nodiscard]] std::shared_ptr<IStorage> open() const;
    void close() { store_.reset(); }
    /// For durable stores: closed, and opened again.
    void reopen();
    [[nodiscard]] const Properties& properties() const noexcept { return properties_; }
    [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_.path(); }

    // ---- time
    /// Whether the store's time is what clock() says.
    [[nodiscard]] bool has_test_clock() const noexcept { return has_test_clock_; }
    /// Only where has_test_clock().
    [[nodiscard]] TestClock& clock() { return test_clock_; }
    /// What stores are opened with.
    [[nodiscard]] Setup setup() const;
    /// The store goes by the real time: for cases of several processes. Call it before the store is opened.
    void use_system_clock();
    /// A duration that a case can wait out.
    [[nodiscard]] Duration short_time() const;
    /// Lets `duration` pass, until `condition` holds: advances the test clock, once, or polls. Fails the
    /// case if it does not come to hold.
    void pass(Duration duration, const std::function<bool()>& condition);
    /// Polls, whatever the store's clock. Fails the case if `condition` does not come to hold.
    static void until(const std::function<bool()>& condition);
    /// Lets `duration` pass, until the pool has `left` active leases. Collects nothing.
    void expire(const std::string& pool, Duration duration, std::int64_t left = 0);

    // ---- filling it
    ProxyPool add_pool(const std::string& name = "pool");
    /// An active proxy with max_concurrency 1; each has an address of its own, a newer id, and the same
    /// checked_at.
    [[nodiscard]] Proxy new_proxy(const ProxyPool& pool, const Edit& edit = {});
    Proxy add_proxy(const ProxyPool& pool, const Edit& edit = {});
    /// `count` of them, in ascending order of their ids.
    std::vector<Proxy> add_proxies(const ProxyPool& pool, int count, const Edit& edit = {});
    void add_consumer(const std::string& name) { store().ensure_consumer({.name = name}); }

    // ---- the six, for short; the consumer is "worker"
    std::optional<Proxy> find(const std::string& pool, const ProxyFilters& filters = {},
                              Selector selector = Selector::first_available);
    LeasedProxy lease(const Proxy& proxy, Duration duration = std::chrono::seconds(300));
    AcquireResult acquire(const AcquireRequest& request);
    bool release(const Lease& lease);
    std::int64_t cleanup() { return store().cleanup_expired_leases({}).count; }
    PoolStatsSnapshot stats(const std::string& pool = "pool");
    /// Expects a miss with this reason; or none_available, from a store that does not distinguish reasons.
    void expect_miss(const AcquireRequest& request, Miss miss);
    /// Where the store can tell: its counters agree with its leases.
    void expect_sound();
    /// How many leases the store counts on a proxy, as the catalog shows it.
    int leases_on(const Proxy& proxy);

  private:
    Properties properties_;
    Folder folder_;
    bool has_test_clock_;
    TestClock test_clock_;
    std::shared_ptr<const pharox::Clock> store_clock_ = test_clock_.shared();
    std::shared_ptr<IStorage> store_;
    int proxies_ = 0;
};

/// An id whose first byte is `first` and whose last is `last`: for orders.
ProxyId proxy_id(int first, int last);
/// The ids of proxies, in the same order.
std::vector<ProxyId> ids_of(const std::vector<Proxy>& proxies);
/// The proxy as it is stored: current_leases is the store's own.
Proxy without_counter(Proxy proxy);

/// What `action` throws as an E; a failure of the case, and nothing, where it throws something else or
/// nothing.
template <class E>
std::optional<E> thrown(const std::function<void()>& action) {
    try {
        action();
    } catch (const E& error) {
        return error;
    } catch (const std::exception& error) {
        ADD_FAILURE() << "threw something else: " << error.what();
        return std::nullopt;
    }
    ADD_FAILURE() << "threw nothing";
    return std::nullopt;
}

/// Expects that `action` is refused with an E about `field` (or a path that ends with it).
template <class E>
void expect_refused(const std::string& field, const std::function<void()>& action) {
    const auto error = thrown<E>(action);
    if (error) {
        EXPECT_TRUE(error->field().ends_with(field)) << "names " << error->field() << ": " << error->what();
    }
}

/// Expects that `action` is a conflict about `field`, which shows the value that is taken or held.
void expect_conflict(const std::string& field, const std::string& value, const std::function<void()>& action);

/// The rules of the case that runs, as its failures show them.
[[nodiscard]] const std::string& rules_in_test();
void set_rules_in_test(std::string rules);

/// Runs `work(0)` … `work(count - 1)` in threads that start together; rethrows what the first one threw.
void in_threads(int count, const std::function<void(int)>& work);

}  // namespace pharox::testkit
