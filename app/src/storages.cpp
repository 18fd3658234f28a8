#include "pharox/app/storages.hpp"

#include "pharox/sqlite/storage.hpp"
#include "pharox/storage/in_memory.hpp"

namespace pharox::app {

void register_all_storages(StorageRegistry& registry) {
    register_memory(registry);
    sqlite::register_sqlite(registry);
}

}  // namespace pharox::app
