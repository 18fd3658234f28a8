#include "proxy_environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace pharox::cli {
namespace {

// curl ignores HTTP_PROXY on purpose (in a CGI program a request header sets it); Python and Go read
// it.
constexpr std::array<std::string_view, 8> url_variables = {"http_proxy", "https_proxy", "ftp_proxy",
                                                           "all_proxy",  "HTTP_PROXY",  "HTTPS_PROXY",
                                                           "FTP_PROXY",  "ALL_PROXY"};
constexpr std::array<std::string_view, 2> bypass_variables = {"no_proxy", "NO_PROXY"};
constexpr std::array<std::string_view, 4> own_variables = {"PHAROX_PROXY_URL", "PHAROX_LEASE_ID",
                                                           "PHAROX_EXPIRES_AT", "PHAROX_POOL"};

bool holds(const auto& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

}  // namespace

std::string client_url(const Proxy& proxy, NameLookup lookup) {
    std::string url = proxy.url();
    if (lookup == NameLookup::local) return url;
    const auto scheme_end = url.find("://");
    if (proxy.protocol == ProxyProtocol::socks5) url.insert(scheme_end, "h");
    if (proxy.protocol == ProxyProtocol::socks4) url.insert(scheme_end, "a");
    return url;
}

std::vector<std::string> proxy_environment(const std::vector<std::string>& inherited,
                                           const LeasedProxy& leased,
                                           const ProxyEnvironmentOptions& options) {
    std::vector<std::string> environment;
    for (const std::string& entry : inherited) {
        const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
        const bool replaced = holds(url_variables, name) || holds(own_variables, name) ||
                              (!options.keep_no_proxy && holds(bypass_variables, name));
        if (!replaced) environment.push_back(entry);
    }
    const std::string url = client_url(leased.proxy(), options.lookup);
    for (const std::string_view name : url_variables) environment.push_back(std::string(name) + "=" + url);
    environment.push_back("PHAROX_PROXY_URL=" + leased.proxy().url());
    environment.push_back("PHAROX_LEASE_ID=" + leased.lease().id.to_string());
    environment.push_back("PHAROX_EXPIRES_AT=" + format_timestamp(leased.lease().expires_at));
    environment.push_back("PHAROX_POOL=" + leased.lease().pool_name);
    return environment;
}

}  // namespace pharox::cli
