// A store beside the in-memory storage: the same random history, answer by answer.
#pragma once

#include <cstdint>

#include "runner/context.hpp"

namespace pharox::testkit {

/// Plays `steps` random calls on a store made by the properties, and on an InMemoryStorage by the same
/// injected clock. The first answer that differs fails the case, with the seed and the fewest steps that
/// still show it; so does a long history that leaves too much untried. Whether all was well.
bool compare_with_model(const Properties& properties, std::uint64_t seed, int steps);

}  // namespace pharox::testkit
