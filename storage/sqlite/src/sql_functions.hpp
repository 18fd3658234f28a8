// SQL functions for conditions of filters that SQL cannot express; they follow the same rules as core.
#pragma once

struct sqlite3;

namespace pharox::sqlite {

/// Returns SQLite's result code.
int register_functions(sqlite3* database) noexcept;

}  // namespace pharox::sqlite
