// The variables that tell a command which proxy to use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pharox/model/lease.hpp"

namespace pharox::cli {

/// Where a SOCKS proxy's client looks up names.
enum class NameLookup : std::uint8_t {
    at_proxy,  ///< socks5h://, socks4a://: the proxy does it, and no query leaves this machine
    local,     ///< socks5://, socks4://: for SOCKS4 servers that do not know 4a
};

struct ProxyEnvironmentOptions {
    NameLookup lookup = NameLookup::at_proxy;
    bool keep_no_proxy =
        false;  ///< leave no_proxy as it is; else it is unset, so that nothing goes round the proxy
};

/// The proxy's URL as clients want it.
std::string client_url(const Proxy& proxy, NameLookup lookup);

/// `inherited` (of the form NAME=value) with the proxy's variables in place of those that it had: http_proxy,
/// https_proxy, ftp_proxy, all_proxy and the same in upper case, PHAROX_PROXY_URL, PHAROX_LEASE_ID,
/// PHAROX_EXPIRES_AT, PHAROX_POOL.
std::vector<std::string> proxy_environment(const std::vector<std::string>& inherited,
                                           const LeasedProxy& leased, const ProxyEnvironmentOptions& options);

}  // namespace pharox::cli
