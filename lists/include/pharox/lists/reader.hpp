// Reads lists of proxies in the formats that providers and tools publish.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/lists/input.hpp"
#include "pharox/model/proxy.hpp"

namespace pharox::lists {

enum class Format : std::uint8_t {
    lines,       ///< a proxy per line, in any of the orders and forms; further columns may hold the place
    csv,         ///< comma, semicolon or tab, with a line of column names
    json,        ///< objects in arrays at any depth, or an array of texts
    json_lines,  ///< an object per line
    clash,       ///< YAML with `proxies:`
    base64,      ///< lines, encoded as a whole
};
std::string_view to_string(Format format) noexcept;
/// Throws ValidationError(field, text, …).
Format parse_format(std::string_view text, std::string_view field);

/// The order of the fields in a line that has two readings.
enum class FieldOrder : std::uint8_t {
    detect,      ///< such a line is ambiguous
    host_first,  ///< host:port:user:password, host:port@user:password
    user_first,  ///< user:password:host:port, user:password@host:port
    by_others,   ///< as the other lines of the list, if they all have one order; else ambiguous
};

struct ReadOptions {
    ProxyProtocol protocol = ProxyProtocol::http;  ///< of proxies without a protocol
    FieldOrder order = FieldOrder::detect;
    std::optional<Format> format{};  ///< empty: detected from the content
    std::string json_path{};  ///< a JSON pointer (RFC 6901) to the array of proxies; empty: found by the
                              ///< names of fields
    /// Values of `{{NAME}}` in text; without it, such a placeholder is rejected.
    std::function<std::optional<std::string>(const std::string& name)> variable{};
};

enum class Verdict : std::uint8_t { skipped, ambiguous, rejected };
std::string_view to_string(Verdict verdict) noexcept;

struct Problem {
    std::size_t line = 0;  ///< from 1
    Verdict verdict = Verdict::rejected;
    std::string reason;  ///< quotes no text that may be a secret
};

/// Receives the list in its order. Called in the thread of read_list.
struct Receiver {
    /// A validated, active proxy without a pool. `protocol_assumed`: it is that of the options.
    std::function<void(std::size_t line, Proxy proxy, bool protocol_assumed)> proxy;
    /// Entries that are no proxy, or that have two readings. Blank lines and comments are counted only.
    std::function<void(const Problem& problem)> problem;
};

struct ReadResult {
    Format format = Format::lines;
    std::size_t blank = 0;               ///< blank lines, comments, lines of column names
    std::vector<std::string> remarks{};  ///< what was concluded from the whole list, one sentence each
};

/// Reads the list from its beginning to its end. Memory does not depend on the number of proxies, except for
/// the formats clash and base64 (at most 64 MiB of text). Throws ValidationError(field "list", name, why) for
/// content that is no list, such as HTML, and for JSON or YAML that is damaged; entries before the damage
/// have been received.
ReadResult read_list(Input& input, const ReadOptions& options, const Receiver& receiver);

}  // namespace pharox::lists
