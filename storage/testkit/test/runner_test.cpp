// The suite's own machinery: which cases run, and what is made of processes that go wrong.
#include "runner/runner.hpp"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "clients/client_log.hpp"
#include "clients/processes.hpp"
#include "pharox/storage/in_memory.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/testkit/faults.hpp"
#include "pharox/testkit/only_the_six.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

using namespace std::chrono_literals;

std::shared_ptr<IStorage> in_memory(const Setup& setup) {
    return std::make_shared<InMemoryStorage>(InMemoryOptions{.clock = setup.clock});
}
std::shared_ptr<IStorage> broken(const Setup& /*setup*/) { throw std::runtime_error("no server there"); }
std::shared_ptr<IStorage> nothing(const Setup& /*setup*/) { return nullptr; }
std::shared_ptr<IStorage> six(const Setup& setup) { return std::make_shared<OnlyTheSix>(in_memory(setup)); }

/// What GoogleTest would report of `action`.
std::vector<std::string> failures(const std::function<void()>& action) {
    testing::TestPartResultArray results;
    {
        const testing::ScopedFakeTestPartResultReporter reporter(
            testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
        action();
    }
    std::vector<std::string> texts;
    for (int i = 0; i < results.size(); ++i) {
        texts.emplace_back(results.GetTestPartResult(i).message());
    }
    return texts;
}

TEST(Cases, HaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (const auto& test : all_cases()) {
        EXPECT_TRUE(names.insert(test.name).second) << test.name;
        EXPECT_FALSE(test.rules.empty()) << test.name;
    }
}

TEST(Cases, AreChosenByName) {
    Properties properties{.make = in_memory, .only = {"finds_an_active_proxy", "pools_are_apart"}};
    EXPECT_EQ(cases_for(properties).size(), 2U);
    properties.only = {"finds_an_active_proxy", "lease_is_made_now"};  // which needs a clock that cases set
    EXPECT_THROW(cases_for(properties), ValidationError);
}

TEST(Cases, OfExactRotationNeedIt) {
    const auto names = [](Rotation rotation) {
        std::set<std::string_view> found;
        for (const auto& it : cases_for({.make = in_memory, .rotation = rotation})) found.insert(it.name);
        return found;
    };
    EXPECT_TRUE(names(Rotation::exact).contains("rotation_goes_in_id_order"));
    EXPECT_FALSE(names(Rotation::fair).contains("rotation_goes_in_id_order"));
    EXPECT_TRUE(names(Rotation::fair).contains("rotation_is_fair_to_mixed_filters"));
}

TEST(Cases, ThatRepeatALeaseIdNeedReplays) {
    const auto names = [](bool replays) {
        std::set<std::string_view> found;
        for (const auto& it : cases_for({.make = in_memory, .replays = replays})) found.insert(it.name);
        return found;
    };
    EXPECT_TRUE(names(true).contains("same_id_same_lease"));
    for (const auto* name : {"same_id_same_lease", "acquires_under_faults", "batch_with_a_known_id"})
        EXPECT_FALSE(names(false).contains(name)) << name;
    EXPECT_TRUE(names(false).contains("given_id_is_used"));
}

TEST(Faults, OfManyRenewalsConcernThemAll) {
    const auto memory = std::make_shared<InMemoryStorage>();
    const ProxyPool pool = memory->add_pool({.name = "pool"});
    memory->add_proxy({.pool_id = pool.id, .host = "192.0.2.1", .port = 1, .status = ProxyStatus::active});
    memory->ensure_consumer({.name = "default"});
    std::vector<RenewRequest> requests;
    for (int i = 0; i < 3; ++i) {
        requests.push_back(
            {.lease_id = memory->acquire({.pool = "pool", .duration = 1min}).lease().id, .duration = 2min});
    }
    const auto renewed = [&] {
        return std::ranges::count_if(requests, [&](const RenewRequest& request) {
            const Lease lease = memory->lease_control()->get_lease({.lease_id = request.lease_id}).value();
            return lease.expires_at - lease.acquired_at > 1min;
        });
    };
    const auto fault = [&](const FaultOptions& options) {
        FaultyStorage faulty(memory, options);
        try {
            faulty.lease_control()->renew_many(requests);
            ADD_FAILURE() << "it did not fail";
        } catch (const StorageError& error) {
            EXPECT_EQ(error.operation(), "renew_many");
            EXPECT_EQ(error.outcome_unknown(), options.after > 0.0);
        }
        EXPECT_EQ(faulty.faults(), 1);
    };
    fault({.before = 1.0});
    EXPECT_EQ(renewed(), 0);
    fault({.after = 1.0});
    EXPECT_EQ(renewed(), 3) << "and the answer is lost";
}

TEST(Cases, AreChosenByProperties) {
    const auto all = all_cases().size();
    const auto count = [](const Properties& properties) { return cases_for(properties).size(); };
    const Properties everything{.make = in_memory,
                                .durable = true,
                                .processes = true,
                                .clock = Clock::injected,
                                .retention = 1h,
                                .health_records = 1'000,
                                .retained_leases = 20,
                                .health_retention = 1h,
                                .break_counter = [](IStorage&, const testkit::Setup&, ProxyId, int) {}};
    EXPECT_EQ(count(everything), all);
    for (const auto& test : cases_for({.make = in_memory})) {
        EXPECT_FALSE(test.needs.durable || test.needs.processes || test.needs.test_clock ||
                     test.needs.retention || test.needs.health_records || test.needs.retained_leases ||
                     test.needs.health_retention || test.needs.broken_counter)
            << test.name;
    }
    const auto seed_pool = [](IStorage&, const ProxyPool&) {};
    const auto seed_proxy = [](IStorage&, const Proxy&) {};
    const auto of_six = cases_for({.make = six, .seed_pool = seed_pool, .seed_proxy = seed_proxy});
    EXPECT_GT(of_six.size(), 100U);
    for (const auto& test : of_six) {
        EXPECT_FALSE(test.needs.catalog || test.needs.lease_control || test.needs.health_log ||
                     test.needs.maintenance)
            << test.name;
    }
}

TEST(Cases, AreRefusedToPropertiesThatMakeNoSense) {
    expect_refused<ValidationError>("make", [] { cases_for({}); });
    expect_refused<ValidationError>("seed_pool", [] { cases_for({.make = six}); });
    expect_refused<ValidationError>(
        "seed_proxy", [] { cases_for({.make = six, .seed_pool = [](IStorage&, const ProxyPool&) {}}); });
    expect_refused<ValidationError>("set_time",
                                    [] { cases_for({.make = in_memory, .clock = Clock::settable}); });
    EXPECT_THROW(cases_for({.make = broken}), std::runtime_error);
    EXPECT_THROW(cases_for({.make = nothing}), std::logic_error);
}

TEST(Cases, ReportWhatTheyThrow) {
    const Case throwing{.name = "throwing", .rules = {"F-01"}, .needs = {}, .run = [](Context&) {
                            throw std::runtime_error("unforeseen");
                        }};
    const auto said = failures_of(throwing, {.make = in_memory});
    ASSERT_EQ(said.size(), 1U);
    EXPECT_NE(said[0].find("unforeseen"), std::string::npos);
    EXPECT_NE(said[0].find("F-01"), std::string::npos) << said[0];
}

TEST(ClientLog, FindsOverlaps) {
    const auto a = ProxyId::make();
    const auto b = ProxyId::make();
    EXPECT_EQ(worst_overlap({}), 0);
    EXPECT_EQ(worst_overlap({{a, 1, 2}, {a, 2, 3}, {b, 1, 3}}), 1) << "one ends as the other begins";
    EXPECT_EQ(worst_overlap({{a, 1, 3}, {a, 2, 4}, {a, 3, 5}}), 2);
    EXPECT_EQ(max_overlap({{a, 1, 9}, {a, 2, 3}, {a, 2, 9}, {b, 5, 6}}),
              (std::map<ProxyId, int>{{a, 3}, {b, 1}}));
    const auto read = parse_uses(
        format_uses({{.proxy = a, .from = 1, .to = 2}, {.proxy = b, .from = -3, .to = 4'000'000'000'000}}));
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[1].proxy, b);
    EXPECT_EQ(read[1].from, -3);
    EXPECT_EQ(read[1].to, 4'000'000'000'000);
}

TEST(Processes, HandBackWhatTheySay) {
    const Properties properties{.make = in_memory};
    Context context(properties);
    const auto said = in_processes(context, 4, [](int number, const Ready& ready) {
        ready();
        return std::to_string(number * 11);
    });
    EXPECT_EQ(said, (std::vector<std::string>{"0", "11", "22", "33"}));
}

TEST(Processes, ThatGoWrongAreReported) {
    const Properties properties{.make = in_memory};
    Context context(properties);
    const auto said = failures([&] {
        in_processes(
            context, 4,
            [](int number, const Ready& ready) -> std::string {
                if (number == 0) {
                    throw std::runtime_error("unforeseen");
                }
                ready();
                if (number == 1) {
                    kill(getpid(), SIGKILL);
                }
                if (number == 2) {
                    for (;;) pause();
                }
                return "fine";
            },
            1s);
    });
    ASSERT_EQ(said.size(), 3U);
    EXPECT_NE(said[0].find("unforeseen"), std::string::npos) << said[0];
    EXPECT_NE(said[1].find("signal 9"), std::string::npos) << said[1];
    EXPECT_NE(said[2].find("was killed"), std::string::npos) << said[2];
}

TEST(Processes, SpeakUntilTheyAreKilled) {
    const Properties properties{.make = in_memory};
    Context context(properties);
    Victim victim(context, [](const Victim::Say& say) {
        for (int i = 0; true; ++i) {
            say("line " + std::to_string(i));
        }
    });
    const auto said = victim.kill_after(100);
    ASSERT_GE(said.size(), 100U);
    EXPECT_EQ(said[0], "line 0");
    EXPECT_EQ(said[99], "line 99");
}

}  // namespace

}  // namespace pharox::testkit
