// The environment variables that tell a command which proxy to use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pharox/model/lease.hpp"

namespace pharox::cli {

/// Where the client of a SOCKS proxy resolves host names.
enum class NameLookup : std::uint8_t {
    at_proxy,  ///< socks5h://, socks4a://: the proxy resolves them, and no query leaves this machine
    local,     ///< socks5://, socks4://: for SOCKS4 servers that do not support 4a
};

struct ProxyEnvironmentOptions {
    NameLookup lookup = NameLookup::at_proxy;
    bool keep_no_proxy =
        false;  ///< leave no_proxy unchanged; otherwise it is unset, so that no request bypasses the proxy
};

/// The proxy's URL in the form that clients expect.
std::string client_url(const Proxy& proxy, NameLookup lookup);

/// `inherited` (NAME=value) with its proxy variables, in any case, replaced by those of this proxy:
/// http_proxy, https_proxy, ftp_proxy, all_proxy and the same in upper case, PHAROX_PROXY_URL,
/// PHAROX_LEASE_ID, PHAROX_EXPIRES_AT, PHAROX_POOL, JAVA_TOOL_OPTIONS (appended), and for HTTP proxies
/// NODE_USE_ENV_PROXY.
std::vector<std::string> proxy_environment(const std::vector<std::string>& inherited,
                                           const LeasedProxy& leased, const ProxyEnvironmentOptions& options);

}  // namespace pharox::cli
