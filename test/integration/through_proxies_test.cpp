// Lists, pharox run and curl through real proxies, to a web server that records its clients.
#include <map>
#include <memory>

#include "origin_server.hpp"
#include "pharox_test.hpp"
#include "proxies.hpp"

namespace pharox::test {
namespace {

class ThroughProxiesTest : public PharoxTest {
  protected:
    ThroughProxiesTest() {
        secrets_ = {tiny_user_.password, micro_user_.password, "h@rd:to/quote", squid_user_.password, wrong_};
        find_program("curl", "curl");
    }

    [[nodiscard]] std::string origin_url(const std::string& host = "127.0.0.1") const {
        return "http://" + host + ":" + std::to_string(origin_.port()) + "/";
    }
    Finished curl(std::vector<std::string> options, std::vector<std::string> arguments = {}) {
        options.insert(options.begin(), {"run", "--pool", "all"});
        options.insert(options.end(), {"--", "curl", "-sS", "--fail", "--max-time", "60"});
        options.insert(options.end(), arguments.begin(), arguments.end());
        return pharox(std::move(options));
    }
    void expect_the_origin(const Finished& done) {
        EXPECT_EQ(done.status, 0) << done.errors;
        EXPECT_EQ(done.output, OriginServer::body);
    }

    const ProxyUser tiny_user_{.name = "tina", .password = "t1ny-s3cret"};
    const ProxyUser micro_user_{.name = "mi@ra", .password = "m1cro:s3cret@h@rd:to/quote%"};
    const ProxyUser squid_user_{.name = "sven", .password = "squ1d s3cret&?"};
    const std::string wrong_ = "wr0ng-s3cret";
    OriginServer origin_;
};

TEST_F(ThroughProxiesTest, HttpWithAPassword) {
    const Tinyproxy proxy(tiny_user_);
    import("all",
           tiny_user_.name + ":" + tiny_user_.password + "@127.0.0.1:" + std::to_string(proxy.port()) + "\n");
    expect_the_origin(curl({}, {origin_url()}));
    ASSERT_EQ(origin_.requests().size(), 1U);
    EXPECT_NE(origin_.requests()[0].find("tinyproxy-under-test"), std::string::npos) << origin_.requests()[0];

    expect_the_origin(curl({}, {"--proxytunnel", origin_url()}));
    ASSERT_EQ(origin_.requests().size(), 2U);
    EXPECT_NE(proxy.log().find("CONNECT 127.0.0.1:" + std::to_string(origin_.port())), std::string::npos)
        << proxy.log();
}

TEST_F(ThroughProxiesTest, HttpWithAWrongPasswordFails) {
    const Tinyproxy proxy(tiny_user_);
    import("all", "127.0.0.1:" + std::to_string(proxy.port()) + ":" + tiny_user_.name + ":" + wrong_ + "\n");
    EXPECT_EQ(curl({}, {origin_url()}).status, 22) << "the status of curl --fail for 407";
    EXPECT_TRUE(origin_.requests().empty());
}

TEST_F(ThroughProxiesTest, Socks5WithAPasswordAndNamesResolvedAtTheProxy) {
    const Microsocks proxy(micro_user_);
    // user:password in the list, not encoded, with @ and : in both.
    import("all", "socks5://mi%40ra:m1cro%3As3cret%40h%40rd%3Ato%2Fquote%25@127.0.0.1:" +
                      std::to_string(proxy.port()) + "\n");
    expect_the_origin(curl({}, {origin_url("localhost")}));
    EXPECT_EQ(origin_.requests().size(), 1U);
    EXPECT_NE(proxy.log().find("connected to localhost:" + std::to_string(origin_.port())), std::string::npos)
        << proxy.log();
}

TEST_F(ThroughProxiesTest, Socks5WithAWrongPasswordFails) {
    const Microsocks proxy(micro_user_);
    import("all", "127.0.0.1:" + std::to_string(proxy.port()) + ":mira:" + wrong_ + "\n",
           {"--protocol", "socks5"});
    EXPECT_NE(curl({}, {origin_url()}).status, 0);
    EXPECT_TRUE(origin_.requests().empty());
}

TEST_F(ThroughProxiesTest, Socks4AndSocks5WithoutAPassword) {
    const Dante proxy;
    const std::string address = "127.0.0.1:" + std::to_string(proxy.port());
    import("all", "socks4://" + address + "\nsocks5h://" + address + "\n");
    // Dante 1.4.2 does not support SOCKS4a, so this machine must resolve names for it.
    expect_the_origin(curl({"--protocol", "socks4", "--local-names"}, {origin_url("localhost")}));
    expect_the_origin(curl({"--protocol", "socks5"}, {origin_url("localhost")}));
    EXPECT_EQ(origin_.requests().size(), 2U);
    const std::string connected = "tcp/connect";
    EXPECT_TRUE(eventually([&] {
        return proxy.log().find(connected, proxy.log().find(connected) + 1) != std::string::npos;
    })) << proxy.log();
}

TEST_F(ThroughProxiesTest, HttpsProxyWithAPassword) {
    const Squid proxy(squid_user_);
    import("all", "https://sven:squ1d%20s3cret%26%3F@127.0.0.1:" + std::to_string(proxy.port()) + "/\n");
    expect_the_origin(curl({}, {"--proxy-cacert", proxy.certificate(), origin_url()}));
    ASSERT_EQ(origin_.requests().size(), 1U);
    EXPECT_NE(origin_.requests()[0].find("squid-under-test"), std::string::npos) << origin_.requests()[0];
}

TEST_F(ThroughProxiesTest, MixedListWorks) {
    const Tinyproxy tiny(tiny_user_);
    const Microsocks micro(tiny_user_);
    const Dante dante;
    const auto port = [](const RunningProxy& proxy) { return std::to_string(proxy.port()); };
    const std::string list =
        "# mixed\r\n"
        "127.0.0.1:" +
        port(tiny) + ":" + tiny_user_.name + ":" + tiny_user_.password + "\r\n" + "socks5://" +
        tiny_user_.name + ":" + tiny_user_.password + "@127.0.0.1:" + port(micro) + "\r\n" +
        "socks4://127.0.0.1:" + port(dante) +
        "/\r\n"
        "127.0.0.1:99999\r\n";
    const Finished imported = pharox({"import", "--pool", "all", "--max-concurrency", "1", "-"}, list);
    EXPECT_EQ(imported.status, 0);
    EXPECT_NE(imported.output.find("accepted 3 (active, unchecked)"), std::string::npos) << imported.output;
    // Round robin: three runs, three proxies.
    for (int run = 0; run < 3; ++run) expect_the_origin(curl({"--local-names"}, {origin_url()}));
    EXPECT_NE(tiny.log().find("GET http://127.0.0.1"), std::string::npos) << tiny.log();
    EXPECT_NE(micro.log().find("connected to 127.0.0.1"), std::string::npos) << micro.log();
    EXPECT_TRUE(eventually([&] { return dante.log().find("tcp/connect") != std::string::npos; }))
        << dante.log();
    EXPECT_EQ(leases_of("all"), 0);
}

/// The programs of docs/how-to/run.md that Debian packages, each with a request to `url`.
std::map<std::string, std::vector<std::string>> programs(const std::string& url) {
    return {{"curl", {"curl", "-sS", "--fail", "--max-time", "60", url}},
            {"git", {"git", "ls-remote", url + "repository"}},
            {"wget", {"wget", "-q", "--tries=1", "--timeout=60", "-O-", url}},
            {"perl", {"perl", "-MHTTP::Tiny", "-e", "exit !HTTP::Tiny->new->get($ARGV[0])->{success}", url}},
            {"urllib",
             {"/usr/bin/python3", "-c", "import sys, urllib.request as r; r.urlopen(sys.argv[1])", url}},
            {"requests", {"/usr/bin/python3", "-c", "import sys, requests; requests.get(sys.argv[1])", url}}};
}

TEST_F(ThroughProxiesTest, ProgramsHeedTheVariables) {
    const Tinyproxy proxy(tiny_user_);
    import("all",
           tiny_user_.name + ":" + tiny_user_.password + "@127.0.0.1:" + std::to_string(proxy.port()) + "\n");
    environment_["No_Proxy"] = "*";
    for (const auto& [name, arguments] : programs(origin_url())) {
        const std::size_t before = origin_.requests().size();
        std::vector<std::string> line{"run", "--pool", "all", "--"};
        line.insert(line.end(), arguments.begin(), arguments.end());
        const Finished done = pharox(std::move(line));
        // git asks for a repository, which the server does not have.
        EXPECT_EQ(done.status == 0, name != "git") << name << done.errors;
        const auto requests = origin_.requests();
        ASSERT_GT(requests.size(), before) << name << done.errors;
        for (std::size_t at = before; at < requests.size(); ++at)
            EXPECT_NE(requests[at].find("tinyproxy-under-test"), std::string::npos) << name << requests[at];
    }
}

TEST_F(ThroughProxiesTest, ProgramsWithoutSocksFailAndDoNotGoDirect) {
    const Microsocks proxy(tiny_user_);
    import("all", "socks5://" + tiny_user_.name + ":" + tiny_user_.password +
                      "@127.0.0.1:" + std::to_string(proxy.port()) + "\n");
    for (const auto& [name, arguments] : programs(origin_url())) {
        const std::size_t before = origin_.requests().size();
        std::vector<std::string> line{"run", "--pool", "all", "--"};
        line.insert(line.end(), arguments.begin(), arguments.end());
        const Finished done = pharox_unwatched(std::move(line));  // wget prints the proxy's URL
        const bool has_socks = name == "curl" || name == "git";
        EXPECT_EQ(done.status == 0, name == "curl") << name << done.errors;
        EXPECT_EQ(origin_.requests().size() > before, has_socks) << name << done.errors;
    }
    EXPECT_NE(proxy.log().find("connected to"), std::string::npos);
}

TEST_F(ThroughProxiesTest, MissingServerFailsWithThePackageName) {
    try {
        find_program("no-such-proxy-server", "some-package");
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "no-such-proxy-server is not installed: apt-get install some-package");
    }
}

}  // namespace
}  // namespace pharox::test
