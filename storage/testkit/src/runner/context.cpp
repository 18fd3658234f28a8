#include "runner/context.hpp"

#include <cstdlib>
#include <exception>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace pharox::testkit {

namespace {

constexpr Timestamp first_check = Timestamp(std::chrono::days(19'000));
constexpr std::chrono::seconds patience(30);

}  // namespace

Folder::Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pharox-contract-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
        throw std::system_error(errno, std::generic_category(), "mkdtemp " + pattern);
    }
    path_ = pattern;
}

Folder::~Folder() {
    std::error_code ignored;  // a folder that stays is no reason to fail a case
    std::filesystem::remove_all(path_, ignored);
}

void TestClock::set(Timestamp to) {
    apply_(to);
    manual_->set(to);
}

void TestClock::advance(std::chrono::microseconds by) { set(now() + by); }

Context::Context(Properties properties)
    : properties_(std::move(properties)),
      has_test_clock_(properties_.clock != Clock::own),
      test_clock_([this](Timestamp time) {
          if (properties_.clock == Clock::settable) {
              properties_.set_time(setup(), time);
          }
      }) {}

Setup Context::setup() const { return {.folder = folder_.path(), .clock = store_clock_}; }

void Context::use_system_clock() {
    if (store_) {
        throw std::logic_error("the store is open already, by another clock");
    }
    has_test_clock_ = false;
    store_clock_ = pharox::system_clock();
}

std::shared_ptr<IStorage> Context::open() const {
    auto opened = properties_.make(setup());
    if (!opened) {
        throw std::logic_error("the factory made no store");
    }
    return opened;
}

IStorage& Context::store() {
    if (!store_) {
        store_ = open();
        if (has_test_clock_) {
            test_clock_.set(test_clock_.now());  // a server's clock starts at the case's time
        }
        store_->ensure_consumer({.name = "worker"});
    }
    return *store_;
}

void Context::reopen() {
    close();
    store_ = open();
}

Duration Context::short_time() const {
    // A store with a server may wait in real time for the end that its server named.
    return properties_.clock == Clock::injected ? std::chrono::seconds(10) : std::chrono::milliseconds(400);
}

void Context::pass(Duration duration, const std::function<bool()>& condition) {
    if (has_test_clock_) {
        test_clock_.advance(duration);
        EXPECT_TRUE(condition()) << "after " << duration.count() << " ms of the test clock";
        return;
    }
    until(condition);
}

void Context::until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << "still not so after " << patience.count() << " s";
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void Context::expire(const std::string& pool, Duration duration, std::int64_t left) {
    pass(duration, [&] { return stats(pool).total_leases == left; });
}

ProxyPool Context::add_pool(const std::string& name) {
    ProxyPool pool{.name = name};
    if (has_catalog()) {
        return catalog().add_pool(pool);
    }
    properties_.seed_pool(store(), pool);
    return pool;
}

Proxy Context::new_proxy(const ProxyPool& pool, const Edit& edit) {
    Proxy proxy;
    const int number = ++proxies_;
    proxy.pool_id = pool.id;
    proxy.host = "10.0." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250);
    proxy.port = 8080;
    proxy.status = ProxyStatus::active;
    proxy.checked_at = first_check;
    proxy.max_concurrency = 1;
    if (edit) {
        edit(proxy);
    }
    return proxy;
}

Proxy Context::add_proxy(const ProxyPool& pool, const Edit& edit) {
    Proxy proxy = new_proxy(pool, edit);
    if (has_catalog()) {
        return catalog().add_proxy(proxy);
    }
    properties_.seed_proxy(store(), proxy);
    return proxy;
}

std::vector<Proxy> Context::add_proxies(const ProxyPool& pool, int count, const Edit& edit) {
    std::vector<Proxy> added;
    for (int i = 0; i < count; ++i) {
        added.push_back(add_proxy(pool, edit));
    }
    return added;
}

std::optional<Proxy> Context::find(const std::string& pool, const ProxyFilters& filters, Selector selector) {
    return store().find_available_proxy({.pool = pool, .filters = filters, .selector = selector}).proxy;
}

LeasedProxy Context::lease(const Proxy& proxy, Duration duration) {
    return store().create_lease({.proxy_id = proxy.id, .consumer = "worker", .duration = duration});
}

AcquireResult Context::acquire(const AcquireRequest& request) {
    AcquireRequest filled = request;
    if (filled.consumer.empty()) {
        filled.consumer = "worker";
    }
    return store().acquire(filled);
}

bool Context::release(const Lease& lease) {
    return store().release_lease({.lease_id = lease.id, .pool = lease.pool_name}).released;
}

PoolStatsSnapshot Context::stats(const std::string& pool) {
    auto snapshot = store().get_pool_stats({.pool = pool});
    if (!snapshot) {
        throw std::runtime_error("no statistics of the pool " + pool);
    }
    return *snapshot;
}

int Context::leases_on(const Proxy& proxy) {
    const auto stored = catalog().get_proxy(proxy.id);
    if (!stored) {
        throw std::runtime_error("no proxy " + proxy.id.to_string());
    }
    return stored->current_leases;
}

void Context::expect_miss(const AcquireRequest& request, Miss miss) {
    const auto result = acquire(request);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.miss() == miss ||
                (result.miss() == Miss::none_available && !properties_.tells_misses_apart))
        << "says " << result.miss() << ", should be " << miss;
    EXPECT_THROW(static_cast<void>(result.lease()), std::bad_optional_access);
}

void Context::expect_sound() {
    if (has_maintenance()) {
        for (const auto& mismatch : maintenance().audit().mismatches) {
            ADD_FAILURE() << "proxy " << mismatch.proxy_id << " counts " << mismatch.counter
                          << " leases, and has " << mismatch.active_leases;
        }
    }
}

ProxyId proxy_id(int first, int last) {
    UuidBytes bytes{};
    bytes.front() = static_cast<std::uint8_t>(first);
    bytes[6] = 0x70;  // version 7
    bytes[8] = 0x80;  // RFC 9562's variant
    bytes.back() = static_cast<std::uint8_t>(last);
    return ProxyId(bytes);
}

std::vector<ProxyId> ids_of(const std::vector<Proxy>& proxies) {
    std::vector<ProxyId> ids;
    for (const auto& proxy : proxies) {
        ids.push_back(proxy.id);
    }
    return ids;
}

Proxy without_counter(Proxy proxy) {
    proxy.current_leases = 0;
    return proxy;
}

void expect_conflict(const std::string& field, const std::string& value,
                     const std::function<void()>& action) {
    if (const auto error = thrown<ConflictError>(action)) {
        EXPECT_EQ(error->field(), field) << error->what();
        EXPECT_NE(std::string_view(error->what()).find(value), std::string_view::npos)
            << "does not show " << value << ": " << error->what();
    }
}

namespace {
std::string& current_rules() {
    static std::string rules;
    return rules;
}
}  // namespace

const std::string& rules_in_test() { return current_rules(); }
void set_rules_in_test(std::string rules) { current_rules() = std::move(rules); }

void in_threads(int count, const std::function<void(int)>& work) {
    std::latch start(count);
    std::mutex mutex;
    std::exception_ptr first;
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
            // A trace belongs to one thread.
            const testing::ScopedTrace trace(__FILE__, __LINE__, rules_in_test());
            start.arrive_and_wait();
            try {
                work(i);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!first) {
                    first = std::current_exception();
                }
            }
        });
    }
    threads.clear();
    if (first) {
        std::rethrow_exception(first);
    }
}

}  // namespace pharox::testkit
