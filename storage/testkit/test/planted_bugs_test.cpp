// Does the suite notice what is wrong? A suite that passes everything proves nothing.
#include "planted_bugs.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runner.hpp"

namespace pharox::testkit {

namespace {

class PlantedBugs : public testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugs, AreCaught) {
    const auto& bug = GetParam();
    const Properties properties{.make = bug.make,
                                .clock = Clock::injected,
                                .retention = std::chrono::hours(1),
                                .health_records = 1'000,
                                .retained_leases = 20,
                                .health_retention = std::chrono::hours(2)};
    const auto cases = cases_for(properties);
    for (const auto& name : bug.caught_by) {
        const auto found =
            std::find_if(cases.begin(), cases.end(), [&](const Case& it) { return it.name == name; });
        ASSERT_NE(found, cases.end()) << "there is no case " << name;
        EXPECT_FALSE(failures_of(*found, properties).empty()) << name << " passes";
    }
}

const auto name_of = [](const auto& planted) { return planted.param.name; };
INSTANTIATE_TEST_SUITE_P(Finding, PlantedBugs, testing::ValuesIn(bugs_in_finding()), name_of);
INSTANTIATE_TEST_SUITE_P(Leasing, PlantedBugs, testing::ValuesIn(bugs_in_leasing()), name_of);
INSTANTIATE_TEST_SUITE_P(Ending, PlantedBugs, testing::ValuesIn(bugs_in_ending()), name_of);
INSTANTIATE_TEST_SUITE_P(Control, PlantedBugs, testing::ValuesIn(bugs_in_control()), name_of);
INSTANTIATE_TEST_SUITE_P(Upkeep, PlantedBugs, testing::ValuesIn(bugs_in_upkeep()), name_of);
INSTANTIATE_TEST_SUITE_P(Catalog, PlantedBugs, testing::ValuesIn(bugs_in_catalog()), name_of);

}  // namespace

}  // namespace pharox::testkit
