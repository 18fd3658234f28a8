// What PHAROX_SEED and PHAROX_LONG say.
#pragma once

#include <cstdint>
#include <optional>

namespace pharox::testkit {

/// The seed to replay, if one is asked for.
std::optional<std::uint64_t> asked_seed();

/// How much of something random is done: `usual`, or with PHAROX_LONG `at_length`, or the number that it is.
int how_many(int usual, int at_length);

}  // namespace pharox::testkit
