// One-line mistakes that authors of adapters make, for a RecordStore to have one at a time.
#pragma once

#include <vector>

#include "independent/planted.hpp"
#include "planted_bugs.hpp"

namespace pharox::testkit::independent {

std::vector<PlantedBug> record_store_bugs();

/// What is true of a RecordStore with this bug, or with none.
Properties record_store_properties(const Planted& planted);

}  // namespace pharox::testkit::independent
