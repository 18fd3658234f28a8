// Random histories against the model.
#include <cstdlib>

#include "case.hpp"
#include "model_check.hpp"

namespace pharox::testkit {

namespace {

std::optional<std::uint64_t> number_from(const char* variable) {
    const char* const text =
        std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets it meanwhile
    return text == nullptr ? std::nullopt : std::optional<std::uint64_t>(std::strtoull(text, nullptr, 10));
}

/// Each seed in a store of its own. PHAROX_LONG is a number of steps, 100,000 where it is none.
void compare(Context& context, const std::vector<std::uint64_t>& seeds) {
    const auto asked = number_from("PHAROX_LONG");
    const int steps = !asked ? 2'000 : *asked < 2 ? 100'000 : static_cast<int>(*asked);
    for (const auto seed : seeds) {
        Context fresh(context.properties());
        compare_with_model(fresh, seed, steps);
    }
}

void answers_are_the_models(Context& context) {
    if (const auto seed = number_from("PHAROX_SEED")) {
        return compare(context, {*seed});
    }
    compare(context, {1, 2, 3});
}

}  // namespace

std::vector<Case> model_cases() {
    return {
        {"answers_are_the_models",
         {"W-01"},
         {.catalog = true, .lease_control = true, .injected_clock = true},
         answers_are_the_models},
    };
}

}  // namespace pharox::testkit
