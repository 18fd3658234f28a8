// From a storage URL to options: ours are taken out, libpq's are left to libpq.
#pragma once

#include "pharox/postgres/storage.hpp"

namespace pharox::postgres {

/// Throws ValidationError, without showing what may be a password, where libpq cannot read it.
void check_connection(const std::string& connection);

}  // namespace pharox::postgres
