#include "runner/seeds.hpp"

#include <cstdlib>

namespace pharox::testkit {

namespace {

std::optional<std::uint64_t> number_from(const char* variable) {
    const char* const text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): no thread sets it
    return text == nullptr ? std::nullopt : std::optional<std::uint64_t>(std::strtoull(text, nullptr, 10));
}

}  // namespace

std::optional<std::uint64_t> asked_seed() { return number_from("PHAROX_SEED"); }

int how_many(int usual, int at_length) {
    const auto asked = number_from("PHAROX_LONG");
    if (!asked) return usual;
    return *asked < 2 ? at_length : static_cast<int>(*asked);
}

}  // namespace pharox::testkit
