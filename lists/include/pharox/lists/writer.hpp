// Writes lists of proxies in formats that read_list reads.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "pharox/model/proxy.hpp"

namespace pharox::lists {

enum class WriteFormat : std::uint8_t {
    lines,  ///< host:port or host:port:user:password; the URL where that form has no or another reading, or
            ///< the protocol is not http
    urls,   ///< protocol://user:password@host:port
    csv,    ///< with a line of column names, all attributes
    json,   ///< an array of objects, all attributes
    json_lines,  ///< an object per line, all attributes
    clash,       ///< YAML with `proxies:`; it has no form for socks4
    base64,      ///< the lines, encoded as a whole (RFC 4648 §4)
};
std::string_view to_string(WriteFormat format) noexcept;
/// Throws ValidationError(field, text, …).
WriteFormat parse_write_format(std::string_view text, std::string_view field);

/// Reading what was written gives proxies with equal identity and, from csv and the JSON formats, equal
/// attributes: country, city, isp, asn, coordinates, tags, limit and weight. Contains passwords.
class Writer {
  public:
    Writer(std::ostream& out, WriteFormat format);
    /// Throws ValidationError for a proxy that the format has no form for.
    void add(const Proxy& proxy);
    /// Call once, after the last proxy.
    void finish();

  private:
    std::ostream& out_;
    WriteFormat format_;
    bool first_ = true;
    std::string unencoded_{};  ///< of base64, less than a line
};

}  // namespace pharox::lists
