// Lists of proxies as people have them, one a line. Pure: text in, proxies and a report out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox::cli {

/// Which half comes first where a line can be read both ways.
enum class FieldOrder : std::uint8_t {
    detect,      ///< such a line is ambiguous
    host_first,  ///< host:port:user:password, host:port@user:password
    user_first,  ///< user:password:host:port, user:password@host:port
};

struct ProxyListOptions {
    ProxyProtocol protocol = ProxyProtocol::http;  ///< of lines that name none
    FieldOrder order = FieldOrder::detect;
};

/// Longer lines are rejected: no proxy needs them, and a file that is no list has them.
inline constexpr std::size_t max_line_bytes = 4096;

struct ListedProxy {
    std::size_t line = 0;  ///< counted from 1
    Proxy proxy;           ///< validated, of status active, of no pool yet
};

enum class LineVerdict : std::uint8_t { ambiguous, rejected };
std::string_view to_string(LineVerdict verdict) noexcept;

struct LineReport {
    std::size_t line = 0;
    LineVerdict verdict = LineVerdict::rejected;
    std::string reason;  ///< quotes nothing of the line that may be a secret
};

struct ProxyList {
    std::vector<ListedProxy> proxies{};
    std::vector<LineReport> problems{};
    std::size_t skipped = 0;           ///< blank lines and comments
    std::size_t protocol_assumed = 0;  ///< proxies whose line names no protocol
};

/// Reads every line: `host:port`, `host:port:user:password`, `user:password:host:port`,
/// `user:password@host:port`, `host:port@user:password`, and URLs of http, https, socks4, socks4a, socks5 and
/// socks5h. IPv6 goes in brackets. Blank lines and those that start with `#` or `//` are skipped. What can be
/// read in two ways, or in none, is reported and not guessed. Never throws for what the text holds.
ProxyList parse_proxy_list(std::string_view text, const ProxyListOptions& options = {});

}  // namespace pharox::cli
