// An unreachable server causes an exception of pharox's types.
#include <pharox/pharox.hpp>
#include <pharox/postgres/storage.hpp>
#include <string>

int main() {
    const std::string nowhere = "host=/nonexistent dbname=pharox";
    try {
        pharox::postgres::make_storage({.connection = nowhere, .recovery_time = pharox::Duration(1)});
    } catch (const pharox::StorageError& error) {
        return error.store() == "postgres" ? 0 : 1;
    }
    return 1;
}
