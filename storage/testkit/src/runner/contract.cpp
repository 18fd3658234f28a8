#include "pharox/testkit/contract.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "runner/runner.hpp"

namespace pharox::testkit {

namespace {

class CaseTest : public testing::Test {
  public:
    CaseTest(Case test, std::shared_ptr<const Properties> properties)
        : case_(std::move(test)), properties_(std::move(properties)) {}
    void TestBody() override { run_case(case_, *properties_); }

  private:
    Case case_;
    std::shared_ptr<const Properties> properties_;
};

/// Registered instead of all cases if the first store could not be opened.
class UnusableTest : public testing::Test {
  public:
    explicit UnusableTest(std::string why) : why_(std::move(why)) {}
    void TestBody() override { FAIL() << "the conformance suite cannot run: " << why_; }

  private:
    std::string why_;
};

}  // namespace

bool register_contract(const std::string& name, Properties properties) {
    const std::string suite = "Contract/" + name;
    const auto shared = std::make_shared<const Properties>(std::move(properties));
    // This runs before main: an error must become a test that fails, because it would be reported nowhere
    // else.
    try {
        for (const auto& test : cases_for(*shared)) {
            testing::RegisterTest(suite.c_str(), std::string(test.name).c_str(), nullptr, nullptr, __FILE__,
                                  __LINE__,
                                  [test, shared]() -> testing::Test* { return new CaseTest(test, shared); });
        }
    } catch (const std::exception& error) {
        testing::RegisterTest(
            suite.c_str(), "store_can_be_opened", nullptr, nullptr, __FILE__, __LINE__,
            [why = std::string(error.what())]() -> testing::Test* { return new UnusableTest(why); });
    }
    return true;
}

}  // namespace pharox::testkit
