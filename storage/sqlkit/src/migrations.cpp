#include "migrations.hpp"

namespace pharox::sqlkit {

int MigrationRunner::stored() {
    const int version = database_.version();
    const std::string found = database_.name() + " has schema " + std::to_string(version);
    if (version < 0) database_.refuse(found + ", which no pharox has made");
    if (version > known()) {
        database_.refuse(found + ", this pharox knows up to " + std::to_string(known()) +
                         ": upgrade pharox, or restore a backup");
    }
    return version;
}

void MigrationRunner::expect_newest(std::string_view advice) {
    const int version = stored();
    if (version == known()) return;
    database_.refuse(database_.name() + " has schema " + std::to_string(version) + ", this pharox needs " +
                     std::to_string(known()) + std::string(advice));
}

int MigrationRunner::migrate() {
    int before = stored();
    if (before == known()) return before;
    database_.transact([&] {
        before = stored();
        int version = before;
        for (const std::string_view migration : pending(before)) database_.apply(migration, ++version);
    });
    return before;
}

}  // namespace pharox::sqlkit
