// A store beside the in-memory storage: the same random history, answer by answer.
#pragma once

#include <cstdint>

#include "context.hpp"

namespace pharox::testkit {

/// Plays `steps` random calls on the context's store and on an InMemoryStorage by the same injected clock,
/// and fails at the first answer that differs, with the seed. Needs catalog() and lease_control().
void compare_with_model(Context& context, std::uint64_t seed, int steps);

}  // namespace pharox::testkit
