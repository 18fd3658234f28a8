// What filters ask of a row that SQL has no words for: evaluated by the same rules as in core.
#pragma once

struct sqlite3;

namespace pharox::sqlite {

/// Returns SQLite's result code.
int register_functions(sqlite3* database) noexcept;

}  // namespace pharox::sqlite
