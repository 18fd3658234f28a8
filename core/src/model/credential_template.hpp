// Credentials whose user and password are patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox {

/// A parsed pattern: literal text, the proxy's own attributes, and what only a lease knows.
class CredentialTemplate {
  public:
    enum class Kind { literal, lease, session, country, city, metadata };
    struct Part {
        Kind kind = Kind::literal;
        std::string text{};               ///< of a literal
        std::vector<std::string> path{};  ///< of metadata
    };

    /// Throws ValidationError(field, hidden, …).
    static CredentialTemplate parse(std::string_view field, std::string_view pattern);

    /// Adjacent parts with all attributes filled in; only literals, leases and sessions remain. Throws
    /// ValidationError(field, …) where the proxy lacks an attribute.
    [[nodiscard]] std::vector<Part> fill_attributes(std::string_view field, const Proxy& proxy) const;

  private:
    std::vector<Part> parts_;
};

}  // namespace pharox
