// Lists of proxies in common formats, one per line. Pure: text in, proxies and a report out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox::cli {

/// The order of the fields in a line that has two readings.
enum class FieldOrder : std::uint8_t {
    detect,      ///< such a line is ambiguous
    host_first,  ///< host:port:user:password, host:port@user:password
    user_first,  ///< user:password:host:port, user:password@host:port
};

struct ProxyListOptions {
    ProxyProtocol protocol = ProxyProtocol::http;  ///< of lines without a protocol
    FieldOrder order = FieldOrder::detect;
};

/// Longer lines are rejected: no proxy needs them, and only files that are not lists contain them.
inline constexpr std::size_t max_line_bytes = 4096;

struct ListedProxy {
    std::size_t line = 0;  ///< counted from 1
    Proxy proxy;           ///< validated, active, not in a pool yet
};

enum class LineVerdict : std::uint8_t { ambiguous, rejected };
std::string_view to_string(LineVerdict verdict) noexcept;

struct LineReport {
    std::size_t line = 0;
    LineVerdict verdict = LineVerdict::rejected;
    std::string reason;  ///< does not quote any text that may be a secret
};

struct ProxyList {
    std::vector<ListedProxy> proxies{};
    std::vector<LineReport> problems{};
    std::size_t skipped = 0;           ///< blank lines and comments
    std::size_t protocol_assumed = 0;  ///< proxies whose line has no protocol
};

/// Parses every line: `host:port`, `host:port:user:password`, `user:password:host:port`,
/// `user:password@host:port`, `host:port@user:password`, and URLs of http, https, socks4, socks4a, socks5 and
/// socks5h. IPv6 addresses are in brackets. Blank lines and lines that start with `#` or `//` are skipped. A
/// line with two readings, or none, is reported. Does not throw for invalid text.
ProxyList parse_proxy_list(std::string_view text, const ProxyListOptions& options = {});

}  // namespace pharox::cli
