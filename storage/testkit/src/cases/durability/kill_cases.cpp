// A process that makes calls of every kind is killed at random points.
#include <map>
#include <random>
#include <sstream>
#include <string_view>

#include "clients/processes.hpp"
#include "runner/case.hpp"
#include "runner/context.hpp"
#include "runner/seeds.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

/// What the killed process last said of a lease.
enum class Fate : std::uint8_t { held, ending, ended };

class RandomLife {
  public:
    RandomLife(IStorage& store, const ProxyPool& pool, std::uint64_t seed, const Victim::Say& say)
        : store_(store), pool_(pool), random_(seed), say_(say) {}

    void step() {
        const auto dice = random_() % 100;
        if (dice < 35) {
            took(store_.acquire(asked()));
        } else if (dice < 45) {
            const auto many = store_.acquire_many({.each = asked(), .count = 1 + random_() % 4});
            for (const auto& leased : many.leased) {
                took(AcquireResult(leased));
            }
        } else if (dice < 75) {
            end(false);
        } else if (dice < 80) {
            end(true);
        } else if (dice < 90 && !held_.empty()) {
            store_.lease_control()->renew_lease(
                {.lease_id = held_[random_() % held_.size()], .duration = 2h});
        } else if (dice < 95) {
            store_.cleanup_expired_leases({});
        } else if (auto* const catalog = store_.catalog()) {
            Proxy proxy;
            proxy.pool_id = pool_.id;
            proxy.host = "10.1." + std::to_string(random_() % 250) + "." + std::to_string(random_() % 250);
            proxy.port = 8080;
            proxy.status = ProxyStatus::active;
            catalog->add_proxies({.proxies = {proxy}, .on_duplicate = DuplicatePolicy::skip});
        }
        say_("step");
    }

  private:
    AcquireRequest asked() {
        return {.pool = "pool",
                .consumer = "worker",
                .duration = 1h,
                .selector = static_cast<Selector>(random_() % 6)};
    }
    void took(const AcquireResult& result) {
        if (result) {
            held_.push_back(result.lease().id);
            say_("held " + held_.back().to_string());
        }
    }
    void end(bool revoke) {
        if (held_.empty()) {
            return;
        }
        std::swap(held_[random_() % held_.size()], held_.back());
        const auto id = held_.back();
        held_.pop_back();
        say_("ending " + id.to_string());
        if (revoke) {
            store_.lease_control()->revoke_lease({.lease_id = id});
        } else {
            store_.release_lease({.lease_id = id});
        }
        say_("ended " + id.to_string());
    }

    IStorage& store_;
    const ProxyPool& pool_;
    std::mt19937_64 random_;
    const Victim::Say& say_;
    std::vector<LeaseId> held_;
};

Fate fate_of(std::string_view word) {
    if (word == "held") return Fate::held;
    return word == "ending" ? Fate::ending : Fate::ended;
}

std::map<std::string, Fate> fates(const std::vector<std::string>& said) {
    std::map<std::string, Fate> told;
    for (const auto& line : said) {
        std::istringstream words(line);
        std::string fate;
        std::string id;
        words >> fate >> id;
        EXPECT_TRUE(fate != "threw") << line;
        if (!id.empty()) {
            told[id] = fate_of(fate);
        }
    }
    return told;
}

/// How many active leases there are, by the list of them.
std::map<ProxyId, int> active_leases(Context& context) {
    std::map<ProxyId, int> active;
    ListLeasesRequest request{.status = LeaseStatus::active, .limit = 1'000};
    do {
        const auto page = context.control().list_leases(request);
        for (const auto& lease : page.items) {
            ++active[lease.proxy_id];
        }
        request.after = page.next;
    } while (!request.after.empty());
    return active;
}

void killed_at_random_points(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxies(pool, 6, [](Proxy& it) { it.max_concurrency = 3; });
    const auto seed = asked_seed().value_or(std::random_device{}());
    const testing::ScopedTrace trace(__FILE__, __LINE__, "replay with PHAROX_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::map<std::string, Fate> told;
    const int rounds = how_many(6, 200);
    for (int round = 0; round < rounds; ++round) {
        const auto life = random();
        const auto lines = 1 + random() % 120;
        Victim victim(context, [&](const Victim::Say& say) {
            const auto store = context.open();
            RandomLife one(*store, pool, life, say);
            while (true) {
                one.step();
            }
        });
        for (const auto& [id, fate] : fates(victim.kill_after(lines))) {
            told[id] = fate;
        }
        for (const auto& [id, fate] : told) {
            const auto lease = context.control().get_lease({.lease_id = LeaseId::parse(id)});
            ASSERT_TRUE(lease) << "acknowledged, and lost: " << id;
            if (fate != Fate::ending) {
                EXPECT_EQ(lease->status == LeaseStatus::active, fate == Fate::held) << *lease;
            }
        }
        context.expect_sound();
        const auto active = active_leases(context);
        std::int64_t total = 0;
        for (const auto& [proxy, count] : active) {
            total += count;
        }
        const auto stats = context.stats();
        EXPECT_EQ(stats.total_leases, total);
        EXPECT_EQ(stats.leased_proxies, static_cast<std::int64_t>(active.size()));
        if (total > 9) {  // so that the next process finds proxies
            const ListLeasesRequest request{.status = LeaseStatus::active};
            for (const auto& lease : context.control().list_leases(request).items) {
                EXPECT_TRUE(context.release(lease));
                told[lease.id.to_string()] = Fate::ended;
            }
        }
    }
    EXPECT_FALSE(told.empty());
}

}  // namespace

std::vector<Case> kill_cases() {
    return {
        {"killed_at_random_points",
         {"D-02", "L-03"},
         {.lease_control = true, .durable = true, .processes = true},
         killed_at_random_points},
    };
}

}  // namespace pharox::testkit
