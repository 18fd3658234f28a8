#include "proxy_environment.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace pharox::cli {
namespace {

// curl ignores HTTP_PROXY on purpose (in a CGI program a request header sets it); Python and Go read
// it.
constexpr std::array<std::string_view, 8> url_variables = {"http_proxy", "https_proxy", "ftp_proxy",
                                                           "all_proxy",  "HTTP_PROXY",  "HTTPS_PROXY",
                                                           "FTP_PROXY",  "ALL_PROXY"};
constexpr std::array<std::string_view, 4> own_variables = {"PHAROX_PROXY_URL", "PHAROX_LEASE_ID",
                                                           "PHAROX_EXPIRES_AT", "PHAROX_POOL"};
/// npm prefers these to https_proxy.
constexpr std::array<std::string_view, 4> npm_variables = {"npm_config_proxy", "npm_config_http_proxy",
                                                           "npm_config_https_proxy", "npm_config_noproxy"};
constexpr std::string_view java_variable = "JAVA_TOOL_OPTIONS";
constexpr std::string_view node_variable = "NODE_USE_ENV_PROXY";

bool holds(const auto& names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return lower;
}

/// `scheme_proxy` in any case: Python reads these for any scheme, and names in mixed case.
bool names_a_proxy(std::string_view lower_name) {
    constexpr std::string_view end = "_proxy";
    return lower_name.ends_with(end) && lower_name.find('_') == lower_name.size() - end.size();
}

bool is_replaced(std::string_view name, bool keep_no_proxy) {
    const std::string lower = in_lower_case(name);
    if (lower == "no_proxy" || lower == "npm_config_noproxy") return !keep_no_proxy;
    return names_a_proxy(lower) || holds(npm_variables, lower) || holds(own_variables, name) ||
           name == node_variable;
}

/// System properties for Java, without user and password: the JVM prints the variable on standard error.
std::string java_options(const Proxy& proxy, bool keep_no_proxy) {
    const std::string port = std::to_string(proxy.port);
    if (proxy.protocol == ProxyProtocol::socks4 || proxy.protocol == ProxyProtocol::socks5)
        return "-DsocksProxyHost=" + proxy.host + " -DsocksProxyPort=" + port +
               (proxy.protocol == ProxyProtocol::socks4 ? " -DsocksProxyVersion=4" : "") +
               (keep_no_proxy ? "" : " -Dhttp.nonProxyHosts= -DsocksNonProxyHosts=");
    std::string options;
    for (const std::string_view scheme : {"http", "https"}) {
        options.append(options.empty() ? "" : " ").append("-D").append(scheme).append(".proxyHost=");
        options.append(proxy.host).append(" -D").append(scheme).append(".proxyPort=").append(port);
    }
    // Java bypasses the proxy for this machine unless told; the property is for both schemes.
    return options + (keep_no_proxy ? "" : " -Dhttp.nonProxyHosts=");
}

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
    std::string java;
    for (const std::string& entry : inherited) {
        const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
        if (name == java_variable && entry.size() > name.size()) {
            java = entry.substr(name.size() + 1);
        } else if (!is_replaced(name, options.keep_no_proxy)) {
            environment.push_back(entry);
        }
    }
    const std::string url = client_url(leased.proxy(), options.lookup);
    for (const std::string_view name : url_variables) environment.push_back(std::string(name) + "=" + url);
    const Proxy& proxy = leased.proxy();
    // Node.js supports no SOCKS proxies.
    if (proxy.protocol == ProxyProtocol::http || proxy.protocol == ProxyProtocol::https)
        environment.push_back(std::string(node_variable) + "=1");
    if (!java.empty()) java += ' ';
    environment.push_back(std::string(java_variable) + "=" + java +
                          java_options(proxy, options.keep_no_proxy));
    environment.push_back("PHAROX_PROXY_URL=" + proxy.url());
    environment.push_back("PHAROX_LEASE_ID=" + leased.lease().id.to_string());
    environment.push_back("PHAROX_EXPIRES_AT=" + format_timestamp(leased.lease().expires_at));
    environment.push_back("PHAROX_POOL=" + leased.lease().pool_name);
    return environment;
}

}  // namespace pharox::cli
