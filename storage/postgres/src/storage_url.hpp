// The options of a storage URL; those that are not pharox's own are passed to libpq.
#pragma once

#include "pharox/postgres/storage.hpp"

namespace pharox::postgres {

/// Throws ValidationError if libpq cannot read it; the text is not shown, because it may contain a password.
void check_connection(const std::string& connection);

}  // namespace pharox::postgres
