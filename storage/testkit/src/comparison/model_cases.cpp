// Random histories against the model.
#include "comparison/model_check.hpp"
#include "runner/case.hpp"
#include "runner/seeds.hpp"

namespace pharox::testkit {

namespace {

/// Each seed in a store of its own.
void compare(Context& context, const std::vector<std::uint64_t>& seeds) {
    const int steps = how_many(2'000, 100'000);
    for (const auto seed : seeds) {
        if (!compare_with_model(context.properties(), seed, steps)) {
            return;  // one failure, made as short as may be, is enough to read
        }
    }
}

void answers_are_the_models(Context& context) {
    if (const auto seed = asked_seed()) {
        return compare(context, {*seed});
    }
    compare(context, {1, 2, 3});
}

}  // namespace

std::vector<Case> model_cases() {
    return {
        {"answers_are_the_models", {"W-01"}, {.test_clock = true}, answers_are_the_models},
    };
}

}  // namespace pharox::testkit
