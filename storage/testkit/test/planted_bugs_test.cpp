// Does the suite detect what is wrong? A suite that passes every store proves nothing.
#include "planted_bugs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "independent/record_store_bugs.hpp"
#include "runner/runner.hpp"
#include "spoilt.hpp"

namespace pharox::testkit {

Properties spoilt_store(std::function<std::shared_ptr<IStorage>(const Setup&)> make) {
    return {.make = std::move(make),
            .clock = Clock::injected,
            .retention = std::chrono::hours(1),
            .health_records = 1'000,
            .retained_leases = 20,
            .health_retention = std::chrono::hours(2)};
}

namespace {

class PlantedBugs : public testing::TestWithParam<PlantedBug> {};

/// What the named case says of the store.
std::vector<std::string> failures_of(const std::string& name, const Properties& properties) {
    const auto cases = cases_for(properties);
    const auto found = std::ranges::find(cases, std::string_view(name), &Case::name);
    return found == cases.end() ? std::vector{"there is no case " + name} : failures_of(*found, properties);
}

std::string cases_that_fail(const Properties& properties) {
    std::string names;
    for (const auto& it : cases_for(properties)) {
        if (!failures_of(it, properties).empty()) names += (names.empty() ? "" : " ") + std::string(it.name);
    }
    return names;
}

TEST_P(PlantedBugs, AreCaught) {
    const auto& bug = GetParam();
    if (bug.caught_by.empty())
        FAIL() << "name a case that catches it; these fail: " << cases_that_fail(bug.store);
    for (const auto& name : bug.caught_by) {
        const auto failures = failures_of(name, bug.store);
        ASSERT_FALSE(failures.empty()) << name << " passes";
        EXPECT_FALSE(failures[0].starts_with("there is no case")) << failures[0];
    }
}

/// Else the cases above would fail for another reason. For the RecordStore its contract test shows this.
template <class Store>
class SpoiltStores : public testing::Test {};
using Stores = testing::Types<Spoilt, SpoiltElsewhere>;
TYPED_TEST_SUITE(SpoiltStores, Stores);

TYPED_TEST(SpoiltStores, AreRightBeforeTheyAreSpoilt) {
    std::set<std::string> names;
    for (const auto& bugs : {bugs_in_finding(), bugs_in_leasing(), bugs_in_ending(), bugs_in_control(),
                             bugs_in_upkeep(), bugs_in_catalog()}) {
        for (const auto& bug : bugs) names.insert(bug.caught_by.begin(), bug.caught_by.end());
    }
    const auto right =
        spoilt_store([](const Setup& setup) { return std::make_shared<Sealed<TypeParam>>(setup); });
    for (const auto& name : names) EXPECT_EQ(failures_of(name, right), std::vector<std::string>()) << name;
}

const auto name_of = [](const auto& planted) { return planted.param.name; };
INSTANTIATE_TEST_SUITE_P(Finding, PlantedBugs, testing::ValuesIn(bugs_in_finding()), name_of);
INSTANTIATE_TEST_SUITE_P(Leasing, PlantedBugs, testing::ValuesIn(bugs_in_leasing()), name_of);
INSTANTIATE_TEST_SUITE_P(Ending, PlantedBugs, testing::ValuesIn(bugs_in_ending()), name_of);
INSTANTIATE_TEST_SUITE_P(Control, PlantedBugs, testing::ValuesIn(bugs_in_control()), name_of);
INSTANTIATE_TEST_SUITE_P(Upkeep, PlantedBugs, testing::ValuesIn(bugs_in_upkeep()), name_of);
INSTANTIATE_TEST_SUITE_P(Catalog, PlantedBugs, testing::ValuesIn(bugs_in_catalog()), name_of);
INSTANTIATE_TEST_SUITE_P(RecordStore, PlantedBugs, testing::ValuesIn(independent::record_store_bugs()),
                         name_of);

}  // namespace

}  // namespace pharox::testkit
