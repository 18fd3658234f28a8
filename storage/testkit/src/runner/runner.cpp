#include "runner/runner.hpp"

#include <gtest/gtest-spi.h>

#include <algorithm>
#include <sstream>

#include "runner/context.hpp"

namespace pharox::testkit {

namespace {

std::string rules_of(const Case& test) {
    std::ostringstream text;
    text << "case " << test.name << ", which checks these rules of docs/storage-contract.md:";
    for (const auto rule : test.rules) {
        text << ' ' << rule;
    }
    return text.str();
}

/// Throws unless each name of Properties::only is one of these cases.
void check_names(const std::vector<std::string>& names, const std::vector<Case>& cases) {
    for (const auto& name : names) {
        if (std::ranges::find(cases, std::string_view(name), &Case::name) == cases.end()) {
            throw ValidationError("only", name, "is no case that these properties call for");
        }
    }
}

}  // namespace

std::vector<Case> cases_for(const Properties& properties) {
    if (!properties.make) {
        throw ValidationError("make", "nothing", "is needed to open a store");
    }
    if (properties.clock == Clock::settable && !properties.set_time) {
        throw ValidationError("set_time", "nothing", "is needed to set the clock of a store");
    }
    Context probe(properties);
    const bool catalog = probe.has_catalog();
    if (!catalog && (!properties.seed_pool || !properties.seed_proxy)) {
        throw ValidationError(!properties.seed_pool ? "seed_pool" : "seed_proxy", "nothing",
                              "is needed to fill a store without catalog()");
    }
    const bool lease_control = probe.has_control();
    const bool health_log = probe.has_health();
    const bool maintenance = probe.has_maintenance();
    std::vector<Case> called_for;
    for (auto& test : all_cases()) {
        const Needs& needs = test.needs;
        if ((!needs.catalog || catalog) && (!needs.lease_control || lease_control) &&
            (!needs.health_log || health_log) && (!needs.maintenance || maintenance) &&
            (!needs.retention || properties.retention) &&
            (!needs.health_records || properties.health_records) &&
            (!needs.retained_leases || properties.retained_leases) &&
            (!needs.health_retention || properties.health_retention) &&
            (!needs.replays || properties.replays) &&
            (!needs.exact_rotation || properties.rotation == Rotation::exact) &&
            (!needs.broken_counter || properties.break_counter) && (!needs.durable || properties.durable) &&
            (!needs.processes || properties.processes) &&
            (!needs.test_clock || properties.clock != Clock::own)) {
            called_for.push_back(std::move(test));
        }
    }
    check_names(properties.only, called_for);
    if (!properties.only.empty()) {
        std::erase_if(called_for, [&](const Case& it) {
            return std::ranges::find(properties.only, it.name) == properties.only.end();
        });
    }
    return called_for;
}

void run_case(const Case& test, const Properties& properties) {
    set_rules_in_test(rules_of(test));
    const testing::ScopedTrace trace(__FILE__, __LINE__, rules_in_test());
    Context context(properties);
    try {
        test.run(context);
    } catch (const std::exception& error) {
        ADD_FAILURE() << "threw " << error.what();
    }
}

std::vector<std::string> failures_of(const Case& test, const Properties& properties) {
    testing::TestPartResultArray results;
    {
        const testing::ScopedFakeTestPartResultReporter reporter(
            testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
        run_case(test, properties);
    }
    std::vector<std::string> failures;
    for (int i = 0; i < results.size(); ++i) {
        if (results.GetTestPartResult(i).failed()) {
            failures.emplace_back(results.GetTestPartResult(i).message());
        }
    }
    return failures;
}

}  // namespace pharox::testkit
