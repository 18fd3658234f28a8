// Every storage that this build knows.
#pragma once

#include "pharox/storage/registry.hpp"

namespace pharox::app {

/// Adds each storage compiled into this program. Throws ConflictError where a scheme is taken already.
void register_all_storages(StorageRegistry& registry);

}  // namespace pharox::app
