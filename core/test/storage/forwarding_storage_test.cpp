#include "pharox/storage/forwarding_storage.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <typeinfo>
#include <vector>

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/in_memory.hpp"
#include "pharox/storage/lease_control.hpp"
#include "test/thrown.hpp"

// What the probe itself is tried on. Outside the unnamed namespace, because it looks symbols up by name.
namespace forwarding_probe {

class Interface {
  public:
    virtual ~Interface() = default;
    virtual int required() = 0;
    virtual int optional();
    virtual int added_later();
};
int Interface::optional() { return 1; }
int Interface::added_later() { return 2; }

class Faithful : public Interface {
  public:
    int required() override;
    int optional() override;
    int added_later() override;
};
int Faithful::required() { return 3; }
int Faithful::optional() { return 4; }
int Faithful::added_later() { return 5; }

class Forgetful : public Interface {
  public:
    int required() override;
    int optional() override;
};
int Forgetful::required() { return 6; }
int Forgetful::optional() { return 7; }

}  // namespace forwarding_probe

namespace {

using namespace std::chrono_literals;

// ---- The probe: virtual tables as the Itanium C++ ABI §2.5 lays them out

/// The virtual table of `Class`, from its offset-to-top on.
template <class Class>
std::span<void* const> virtual_table() {
    const std::string symbol = std::string("_ZTV") + typeid(Class).name();
    void* const address = dlsym(RTLD_DEFAULT, symbol.c_str());
    if (address == nullptr) throw std::runtime_error("no symbol " + symbol);
    Dl_info info{};
    const ElfW(Sym)* entry = nullptr;
    if (dladdr1(address, &info, const_cast<void**>(reinterpret_cast<const void**>(&entry)), RTLD_DL_SYMENT) ==
            0 ||
        entry == nullptr) {
        throw std::runtime_error("no size of " + symbol);
    }
    return {static_cast<void* const*>(address), entry->st_size / sizeof(void*)};
}

std::string name_of(void* function) {
    Dl_info info{};
    if (dladdr(function, &info) == 0 || info.dli_sname == nullptr) return "an unnamed function";
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status), &std::free);
    return status == 0 ? name.get() : info.dli_sname;
}

/// The virtual functions that `Decorator` has from `Base`, not overridden. Destructors are left out: where
/// one does nothing more than its base's, clang makes one function of both. (Sanitizers may put a red zone
/// behind a table. The symbol's size includes it; it is zero, and must not be read under their rules.)
template <class Base, class Decorator>
__attribute__((no_sanitize("address"))) std::vector<std::string> not_overridden() {
    const auto base = virtual_table<Base>();
    const auto decorator = virtual_table<Decorator>();
    constexpr std::size_t first_function = 2;  // after the offset-to-top and the type
    std::vector<std::string> names;
    for (std::size_t slot = first_function; slot < base.size() && slot < decorator.size(); ++slot) {
        void* const function = *(decorator.data() + slot);
        if (function == nullptr || function != *(base.data() + slot)) continue;
        std::string name = name_of(function);
        if (name.find('~') == std::string::npos) names.push_back(std::move(name));
    }
    return names;
}

TEST(ForwardingProbe, FindsFunctionsThatADecoratorDoesNotForward) {
    using forwarding_probe::Faithful;
    using forwarding_probe::Forgetful;
    using forwarding_probe::Interface;
    EXPECT_EQ((not_overridden<Interface, Forgetful>()),
              std::vector<std::string>{"forwarding_probe::Interface::added_later()"});
    EXPECT_EQ((not_overridden<Interface, Faithful>()), std::vector<std::string>{});
    EXPECT_EQ((not_overridden<Faithful, Faithful>().size()), 3U);
}

TEST(ForwardingProbe, ForwardingStorageOverridesAll) {
    EXPECT_EQ((not_overridden<pharox::IStorage, pharox::Sealed<pharox::ForwardingStorage>>()),
              std::vector<std::string>{});
    EXPECT_GE((not_overridden<pharox::IStorage, pharox::IStorage>().size()), 9U)
        << "the probe must see the table";
}

// ---- The same by behaviour

/// Returns a distinct value from each call.
class Recorder : public pharox::IStorage {
  public:
    std::string last;

    pharox::FindResult find_available_proxy(const pharox::FindRequest& request) override {
        last = "find " + request.pool;
        return {.proxy = pharox::Proxy{.host = "found"}};
    }
    pharox::LeasedProxy create_lease(const pharox::CreateLeaseRequest& request) override {
        last = "create " + request.consumer;
        return {pharox::Proxy{.host = "leased"}, pharox::Lease{}};
    }
    pharox::ConsumerId ensure_consumer(const pharox::EnsureConsumerRequest& request) override {
        last = "ensure " + request.name;
        return consumer;
    }
    pharox::ReleaseResult release_lease(const pharox::ReleaseRequest& request) override {
        last = "release " + request.pool;
        return {.released = true};
    }
    pharox::CleanupResult cleanup_expired_leases(const pharox::CleanupRequest& request) override {
        last = request.collect ? "cleanup, collect" : "cleanup";
        return {.count = 17};
    }
    pharox::PoolStats get_pool_stats(const pharox::PoolStatsRequest& request) override {
        last = "stats " + request.pool;
        return pharox::PoolStatsSnapshot{.pool_name = "counted"};
    }
    pharox::AcquireResult try_acquire(const pharox::AcquireRequest& request) override {
        last = "acquire " + request.pool;
        return pharox::Miss::session_busy;
    }
    pharox::AcquireManyResult acquire_many(const pharox::AcquireManyRequest& request) override {
        last = "acquire many " + request.each.pool;
        return {.miss = pharox::Miss::all_cooling};
    }
    std::vector<pharox::ReleaseResult> release_many(
        const std::vector<pharox::ReleaseRequest>& requests) override {
        last = "release many " + requests.front().pool;
        return {{.released = true}};
    }
    pharox::ICatalog* catalog() override { return memory.catalog(); }
    pharox::ILeaseControl* lease_control() override { return memory.lease_control(); }
    pharox::IHealthLog* health_log() override { return memory.health_log(); }
    pharox::IMaintenance* maintenance() override { return memory.maintenance(); }

    pharox::ConsumerId consumer = pharox::ConsumerId::make();
    pharox::InMemoryStorage memory;
};

TEST(ForwardingStorage, EveryCallReachesTheInnerOne) {
    const auto inner = std::make_shared<pharox::Sealed<Recorder>>();
    pharox::Sealed<pharox::ForwardingStorage> storage(inner);
    EXPECT_EQ(storage.find_available_proxy({.pool = "a"}).proxy->host, "found");
    EXPECT_EQ(inner->last, "find a");
    EXPECT_EQ(storage.create_lease({.consumer = "b"}).proxy().host, "leased");
    EXPECT_EQ(inner->last, "create b");
    EXPECT_EQ(storage.ensure_consumer({.name = "c"}), inner->consumer);
    EXPECT_EQ(inner->last, "ensure c");
    EXPECT_TRUE(storage.release_lease({.pool = "d"}).released);
    EXPECT_EQ(inner->last, "release d");
    EXPECT_EQ(storage.cleanup_expired_leases({.collect = true}).count, 17);
    EXPECT_EQ(inner->last, "cleanup, collect");
    EXPECT_EQ(storage.get_pool_stats({.pool = "e"})->pool_name, "counted");
    EXPECT_EQ(inner->last, "stats e");
    EXPECT_EQ(storage.acquire({.pool = "f"}).miss(), pharox::Miss::session_busy);
    EXPECT_EQ(inner->last, "acquire f");
    EXPECT_EQ(storage.acquire_many({.each = {.pool = "h"}}).miss, pharox::Miss::session_busy);
    EXPECT_EQ(inner->last, "acquire h") << "a batch is made of the decorator's own try_acquire";
    EXPECT_TRUE(storage.release_many({{.pool = "i"}}).front().released);
    EXPECT_EQ(inner->last, "release i") << "and of its own release_lease";
    EXPECT_EQ(storage.health_log(), inner->memory.health_log());
    EXPECT_EQ(storage.maintenance(), inner->memory.maintenance());
    EXPECT_EQ(storage.catalog(), inner->memory.catalog());
    EXPECT_EQ(storage.lease_control(), inner->memory.lease_control());
}

TEST(ForwardingStorage, NeedsAnInnerOne) {
    EXPECT_EQ(refusal_of([] { return pharox::Sealed<pharox::ForwardingStorage>(nullptr), 0; }),
              "inner |  | is null");
}

}  // namespace
