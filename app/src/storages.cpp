#include "pharox/app/storages.hpp"

#include "pharox/sqlite/storage.hpp"
#include "pharox/storage/in_memory.hpp"
#ifdef PHAROX_WITH_POSTGRES
#include "pharox/postgres/storage.hpp"
#endif

namespace pharox::app {

void register_all_storages(StorageRegistry& registry) {
    register_memory(registry);
    sqlite::register_sqlite(registry);
#ifdef PHAROX_WITH_POSTGRES
    postgres::register_postgres(registry);
#endif
}

}  // namespace pharox::app
