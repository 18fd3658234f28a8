#include "src/manager/renewals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>

#include "test/eventually.hpp"

namespace {

using pharox::LeaseId;
using pharox::Renewals;
using pharox::RenewRequest;
using pharox::RenewResult;
using pharox::Scheduler;

/// Held until `most` renewals were answered.
struct HeldOnce final : pharox::Renewable {
    explicit HeldOnce(int most_answers = 1) : most(most_answers) {}
    [[nodiscard]] std::optional<RenewRequest> next_renewal() const override {
        if (answers >= most) return std::nullopt;
        return RenewRequest{.lease_id = id};
    }
    std::optional<Scheduler::Time> renewed(const RenewResult* result, Scheduler::Time started) override {
        ++(result == nullptr ? failures : answers);
        return answers < most ? std::optional(started) : std::nullopt;
    }

    const LeaseId id = LeaseId::make();
    const int most;
    std::atomic<int> answers{0};
    std::atomic<int> failures{0};
};

class RenewalsTest : public testing::Test {
  protected:
    /// Runs in the scheduler's only thread.
    std::vector<RenewResult> renew(const std::vector<RenewRequest>& requests) {
        if (sizes.empty()) {
            begun.set_value();
            may_go_on.wait();
        }
        sizes.push_back(requests.size());
        if (refuses(requests)) throw std::runtime_error("refused");
        return std::vector<RenewResult>(requests.size(), RenewResult{.renewed = true});
    }

    std::vector<std::shared_ptr<HeldOnce>> add(std::size_t count) {
        std::vector<std::shared_ptr<HeldOnce>> leases;
        for (std::size_t i = 0; i < count; ++i) {
            leases.push_back(std::make_shared<HeldOnce>());
            renewals.add({}, leases.back());
        }
        return leases;
    }
    /// Returns while the first call, with this lease alone, waits: leases added now share the calls after it.
    std::vector<std::shared_ptr<HeldOnce>> add_during_a_call() {
        std::vector<std::shared_ptr<HeldOnce>> first = add(1);
        begun.get_future().wait();
        return first;
    }
    static void expect_answers(const std::vector<std::shared_ptr<HeldOnce>>& leases) {
        EXPECT_TRUE(eventually([&] {
            return std::ranges::all_of(leases, [](const auto& lease) { return lease->answers == 1; });
        }));
    }

    std::promise<void> begun;
    std::promise<void> go_on;
    std::shared_future<void> may_go_on = go_on.get_future().share();
    std::vector<std::size_t> sizes;
    std::function<bool(const std::vector<RenewRequest>&)> refuses = [](const auto&) { return false; };
    std::atomic<int> reports{0};
    Scheduler scheduler;
    Renewals renewals{scheduler, [this](const auto& requests) { return renew(requests); },
                      [this] { ++reports; }};
};

TEST_F(RenewalsTest, LeasesWhoseTimeHasComeShareACall) {
    const auto first = add_during_a_call();
    const auto others = add(Renewals::most_together + 5);
    go_on.set_value();
    expect_answers(first);
    expect_answers(others);
    scheduler.stop();
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1, Renewals::most_together, 5}));
}

TEST_F(RenewalsTest, LeasesOfACallThatFailedAreRenewedOneByOne) {
    const auto first = add_during_a_call();
    const auto leases = add(4);
    const LeaseId refused = leases[2]->id;
    refuses = [&](const auto& requests) {
        return requests.size() > 1 && std::ranges::any_of(requests, [&](const RenewRequest& request) {
                   return request.lease_id == refused;
               });
    };
    go_on.set_value();
    expect_answers(leases);
    scheduler.stop();
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 4, 1, 1, 1, 1}));
    for (const auto& lease : leases) EXPECT_EQ(lease->failures, 1);
    EXPECT_EQ(reports, 1);
}

TEST_F(RenewalsTest, ALeaseThatIsGoneOrNotHeldIsNotRenewed) {
    add(1);
    const auto kept = std::make_shared<HeldOnce>(0);
    renewals.add({}, kept);
    const auto held = add(1);
    go_on.set_value();
    expect_answers(held);
    scheduler.stop();
    for (const std::size_t size : sizes) EXPECT_EQ(size, 1U);
    EXPECT_EQ(kept->answers, 0);
}

TEST_F(RenewalsTest, ALeaseIsRenewedAgainWhenItAsks) {
    const auto lease = std::make_shared<HeldOnce>(3);
    renewals.add({}, lease);
    go_on.set_value();
    EXPECT_TRUE(eventually([&] { return lease->answers == 3; }));
}

}  // namespace
