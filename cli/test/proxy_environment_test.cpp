#include "proxy_environment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace pharox::cli {
namespace {

LeasedProxy leased(ProxyProtocol protocol) {
    Proxy proxy{.host = "192.0.2.1",
                .port = 1080,
                .protocol = protocol,
                .credentials = ProxyCredentials{.user = "user", .password = "p@ss"}};
    Lease lease{.id = LeaseId::make(),
                .pool_name = "latam",
                .expires_at = Timestamp(std::chrono::seconds(1'700'000'000))};
    return {std::move(proxy), std::move(lease)};
}

std::optional<std::string> value(const std::vector<std::string>& environment, const std::string& name) {
    const auto matches = [&](const std::string& entry) { return entry.starts_with(name + "="); };
    EXPECT_LE(std::ranges::count_if(environment, matches), 1) << name;
    const auto found = std::ranges::find_if(environment, matches);
    if (found == environment.end()) return std::nullopt;
    return found->substr(name.size() + 1);
}

TEST(ProxyEnvironmentTest, SetsTheUsualVariablesInBothCases) {
    const auto environment = proxy_environment({}, leased(ProxyProtocol::http), {});
    for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "HTTP_PROXY",
                             "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "PHAROX_PROXY_URL"})
        EXPECT_EQ(value(environment, name), "http://user:p%40ss@192.0.2.1:1080") << name;
    EXPECT_EQ(value(environment, "PHAROX_POOL"), "latam");
    EXPECT_EQ(value(environment, "PHAROX_EXPIRES_AT"), "2023-11-14T22:13:20.000000Z");
    EXPECT_TRUE(value(environment, "PHAROX_LEASE_ID"));
}

TEST(ProxyEnvironmentTest, SocksProxyResolvesNamesByDefault) {
    const auto url_of = [](ProxyProtocol protocol, NameLookup lookup) {
        return client_url(leased(protocol).proxy(), lookup).substr(0, 10);
    };
    EXPECT_EQ(url_of(ProxyProtocol::socks5, NameLookup::at_proxy), "socks5h://");
    EXPECT_EQ(url_of(ProxyProtocol::socks4, NameLookup::at_proxy), "socks4a://");
    EXPECT_EQ(url_of(ProxyProtocol::socks5, NameLookup::local), "socks5://u");
    EXPECT_EQ(url_of(ProxyProtocol::https, NameLookup::at_proxy), "https://us");
}

TEST(ProxyEnvironmentTest, ReplacesProxyVariablesAndKeepsTheRest) {
    const std::vector<std::string> inherited = {
        "PATH=/bin",  "http_proxy=http://other:1", "ALL_PROXY=http://other:1",
        "no_proxy=*", "NO_PROXY=localhost",        "PHAROX_STORAGE=sqlite:a.db",
        "odd"};
    const auto environment = proxy_environment(inherited, leased(ProxyProtocol::http), {});
    EXPECT_EQ(value(environment, "PATH"), "/bin");
    EXPECT_EQ(value(environment, "PHAROX_STORAGE"), "sqlite:a.db");
    EXPECT_EQ(value(environment, "ALL_PROXY"), "http://user:p%40ss@192.0.2.1:1080");
    EXPECT_EQ(value(environment, "http_proxy"), "http://user:p%40ss@192.0.2.1:1080");
    EXPECT_FALSE(value(environment, "no_proxy"));
    EXPECT_FALSE(value(environment, "NO_PROXY"));
    EXPECT_NE(std::ranges::find(environment, "odd"), environment.end());

    const auto kept = proxy_environment(inherited, leased(ProxyProtocol::http), {.keep_no_proxy = true});
    EXPECT_EQ(value(kept, "no_proxy"), "*");
}

TEST(ProxyEnvironmentTest, NamesAreMatchedInAnyCase) {
    const std::vector<std::string> inherited = {
        "No_Proxy=*",           "hTTp_pRoxy=http://other:1",
        "Socks_Proxy=other:1",  "NPM_CONFIG_HTTPS_PROXY=http://other:1",
        "npm_config_noproxy=*", "PIP_PROXY=other:1",
        "MY_OWN_PROXY=kept"};
    const auto environment = proxy_environment(inherited, leased(ProxyProtocol::http), {});
    for (const char* name : {"No_Proxy", "hTTp_pRoxy", "Socks_Proxy", "NPM_CONFIG_HTTPS_PROXY",
                             "npm_config_noproxy", "PIP_PROXY"})
        EXPECT_FALSE(value(environment, name)) << name;
    EXPECT_EQ(value(environment, "MY_OWN_PROXY"), "kept");

    const auto kept = proxy_environment(inherited, leased(ProxyProtocol::http), {.keep_no_proxy = true});
    EXPECT_EQ(value(kept, "No_Proxy"), "*");
    EXPECT_EQ(value(kept, "npm_config_noproxy"), "*");
    EXPECT_FALSE(value(kept, "hTTp_pRoxy"));
}

TEST(ProxyEnvironmentTest, JavaAndNodeAreToldWithoutThePassword) {
    const auto http = proxy_environment({"JAVA_TOOL_OPTIONS=-Xmx1g"}, leased(ProxyProtocol::http), {});
    EXPECT_EQ(value(http, "JAVA_TOOL_OPTIONS"),
              "-Xmx1g -Dhttp.proxyHost=192.0.2.1 -Dhttp.proxyPort=1080 -Dhttps.proxyHost=192.0.2.1 "
              "-Dhttps.proxyPort=1080 -Dhttp.nonProxyHosts=");
    EXPECT_EQ(value(http, "NODE_USE_ENV_PROXY"), "1");
    const auto socks =
        proxy_environment({"NODE_USE_ENV_PROXY=1"}, leased(ProxyProtocol::socks4), {.keep_no_proxy = true});
    EXPECT_EQ(value(socks, "JAVA_TOOL_OPTIONS"),
              "-DsocksProxyHost=192.0.2.1 -DsocksProxyPort=1080 -DsocksProxyVersion=4");
    const auto all_hosts = proxy_environment({}, leased(ProxyProtocol::socks5), {});
    EXPECT_EQ(value(all_hosts, "JAVA_TOOL_OPTIONS"),
              "-DsocksProxyHost=192.0.2.1 -DsocksProxyPort=1080 -Dhttp.nonProxyHosts= -DsocksNonProxyHosts=");
    EXPECT_FALSE(value(socks, "NODE_USE_ENV_PROXY"));
}

}  // namespace
}  // namespace pharox::cli
