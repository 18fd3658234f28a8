// The fixture of the integration tests: a separate home directory, a check for secrets in all output, and a
// check of all output of --json against its schema.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "eventually.hpp"
#include "json_schema.hpp"
#include "process.hpp"
#include "temporary_folder.hpp"

namespace pharox::test {

class PharoxTest : public ::testing::Test {
  protected:
    PharoxTest() {
        environment_ = {{"PATH", "/usr/bin:/bin"}, {"HOME", home_.path().string()}, {"LC_ALL", "C.UTF-8"}};
    }

    /// Secrets that no output of pharox may contain.
    void TearDown() override {
        for (const std::string& secret : secrets_)
            EXPECT_EQ(printed_.find(secret), std::string::npos) << "a secret was printed:\n" << printed_;
    }

    [[nodiscard]] ProcessOptions command(std::vector<std::string> arguments, std::string input = {}) const {
        arguments.insert(arguments.begin(), PHAROX_PROGRAM);
        return {.arguments = std::move(arguments), .environment = environment_, .input = std::move(input)};
    }
    Finished pharox(std::vector<std::string> arguments, std::string input = {}) {
        return watched(run_process(command(std::move(arguments), std::move(input))));
    }
    /// For calls with a flag that shows secrets.
    Finished pharox_unwatched(std::vector<std::string> arguments) {
        return checked(run_process(command(std::move(arguments))));
    }
    Finished watched(Finished finished) {
        printed_ += finished.output + finished.errors;
        return checked(std::move(finished));
    }
    /// A pool of proxies to which no test connects.
    void import(const std::string& pool, const std::string& list, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"import", "--pool", pool, "-"});
        const Finished done = pharox(std::move(more), list);
        ASSERT_EQ(done.status, 0) << done.errors;
    }
    /// A member of the statistics of a pool.
    long leases_of(const std::string& pool) {
        const Finished done = pharox({"stats", "--pool", pool, "--json"});
        EXPECT_EQ(done.status, 0) << done.errors;
        return std::stol(json_member(done.output, "total_leases"));
    }
    /// The value of the first member of that name, without quotes: enough for flat documents.
    static std::string json_member(const std::string& json, const std::string& name) {
        const auto at = json.find("\"" + name + "\":");
        if (at == std::string::npos) return "";
        auto begin = at + name.size() + 3;
        if (json[begin] == '"') return json.substr(begin + 1, json.find('"', begin + 1) - begin - 1);
        return json.substr(begin, json.find_first_of(",}]", begin) - begin);
    }

    TemporaryFolder home_;
    Environment environment_;
    std::vector<std::string> secrets_;

  private:
    static Finished checked(Finished finished) {
        if (!finished.arguments.empty() && finished.arguments.front() == PHAROX_PROGRAM) {
            const std::vector<std::string> own(finished.arguments.begin() + 1, finished.arguments.end());
            EXPECT_EQ(schema_violation(own, finished.status, finished.output), "") << finished.output;
        }
        return finished;
    }

    std::string printed_;
};

}  // namespace pharox::test
