// In a build without PostgreSQL.
#include "pharox/adopt/source.hpp"
#include "pharox/errors.hpp"

namespace pharox::adopt {

std::unique_ptr<ISource> open_source(const std::string& /*url*/) {
    throw UnsupportedError("source: this program was built without PostgreSQL");
}

}  // namespace pharox::adopt
