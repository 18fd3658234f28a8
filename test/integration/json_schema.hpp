// Checks what the program prints with --json against docs/json/pharox.schema.json.
#pragma once

#include <string>
#include <vector>

namespace pharox::test {

/// The commands that the schema describes: `pool list`.
std::vector<std::string> commands_with_schema();

/// Why the output of this call breaks the schema; empty if it does not, or if the call has no --json. A
/// command without a schema, and a member that its schema does not name, break it.
std::string schema_violation(const std::vector<std::string>& arguments, int status,
                             const std::string& output);

}  // namespace pharox::test
