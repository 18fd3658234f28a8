#include "reading.hpp"

#include <gtest/gtest.h>

namespace pharox::lists::test {
namespace {

/// The URL of the one proxy in the line, or its report.
std::string read(std::string_view line, const ReadOptions& options = {}) {
    const WholeList list = read_text(line, options);
    if (list.proxies.size() == 1 && list.problems.empty()) return list.proxies.front().proxy.url();
    if (list.proxies.empty() && list.problems.size() == 1)
        return std::string(to_string(list.problems.front().verdict)) + ": " + list.problems.front().reason;
    return "nothing";
}

struct Case {
    std::string_view line;
    std::string_view expected;  ///< the whole text, or its beginning if it ends in …
};

void expect_reads(const Case& one, const ReadOptions& options = {}) {
    std::string_view expected = one.expected;
    constexpr std::string_view more = "…";
    if (expected.ends_with(more)) {
        expected.remove_suffix(more.size());
        EXPECT_EQ(read(one.line, options).substr(0, expected.size()), expected) << one.line;
    } else {
        EXPECT_EQ(read(one.line, options), expected) << one.line;
    }
}

TEST(ProxyListTest, ReadsTheUsualFormats) {
    const Case cases[] = {
        {"1.0.170.50:80", "http://1.0.170.50:80"},
        {"Proxy.Example.:3128", "http://proxy.example:3128"},
        {"180.113.39.34:6540:username:password123", "http://username:password123@180.113.39.34:6540"},
        {"brd-customer-abc:userpass:proxy.luminati.io:22225",
         "http://brd-customer-abc:userpass@proxy.luminati.io:22225"},
        {"login:password@proxy3.com:8031", "http://login:password@proxy3.com:8031"},
        {"login@proxy3.com:8031", "http://login:@proxy3.com:8031"},
        {"proxy3.com:8031@login:password", "http://login:password@proxy3.com:8031"},
        {"socks4://127.0.0.1:4145", "socks4://127.0.0.1:4145"},
        {"SOCKS4A://127.0.0.1:4145", "socks4://127.0.0.1:4145"},
        {"socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"},
        {"socks5h://user:word@127.0.0.1:1080", "socks5://user:word@127.0.0.1:1080"},
        {"https://user:word@46.203.28.57:6580/", "https://user:word@46.203.28.57:6580"},
        {"http://1.2.3.4:80:user:word", "http://user:word@1.2.3.4:80"},
        {"http://user:a%40b%3ac%25@1.2.3.4:80", "http://user:a%40b%3Ac%25@1.2.3.4:80"},
        {"1.2.3.4:1234@socks4", "socks4://1.2.3.4:1234"},
        {"1.2.3.4:80##user:word", "http://user:word@1.2.3.4:80"},
        {"1.2.3.4,80,user,word", "http://user:word@1.2.3.4:80"},
        {"1.2.3.4;80;user;word", "http://user:word@1.2.3.4:80"},
        {"1.2.3.4|80", "http://1.2.3.4:80"},
        {"1.2.3.4\t1080\tsocks5", "socks5://1.2.3.4:1080"},
        {"2001:db8::1 8080", "http://[2001:db8::1]:8080"},
        {"1.2.3.4:80:user:p|w;x,y", "http://user:p%7Cw%3Bx%2Cy@1.2.3.4:80"},
    };
    for (const Case& one : cases) expect_reads(one);
}

TEST(ProxyListTest, ReadsIpv6InBrackets) {
    const Case cases[] = {
        {"[2001:DB8:0::1]:8080", "http://[2001:db8::1]:8080"},
        {"[2001:db8::1]:8080:user:word", "http://user:word@[2001:db8::1]:8080"},
        {"user:word:[2001:db8::1]:8080", "http://user:word@[2001:db8::1]:8080"},
        {"user:word@[2001:db8::1]:8080", "http://user:word@[2001:db8::1]:8080"},
        {"[2001:db8::1]:8080@user:word", "http://user:word@[2001:db8::1]:8080"},
        {"socks5://[2001:db8::1]:1080/", "socks5://[2001:db8::1]:1080"},
        {"[fe80::1%eth0]:8080", "http://[fe80::1%25eth0]:8080"},
        {"http://user:word@[fe80::1%25eth0]:8080", "http://user:word@[fe80::1%25eth0]:8080"},
        {"http://[fe80::1%25eth0]:8080", "http://[fe80::1%25eth0]:8080"},
    };
    for (const Case& one : cases) expect_reads(one);
}

TEST(ProxyListTest, PasswordsMayContainColonsAtSignsAndDollars) {
    const Case cases[] = {
        {"user:p@ss@1.2.3.4:80", "http://user:p%40ss@1.2.3.4:80"},
        {"user:p:a$s@1.2.3.4:80", "http://user:p%3Aa%24s@1.2.3.4:80"},
        {"1.2.3.4:80@user:p@s:s", "http://user:p%40s%3As@1.2.3.4:80"},
        {"1.2.3.4:80:user:p%40", "http://user:p%2540@1.2.3.4:80"},
        {"1.2.3.4:80:user:99999", "http://user:99999@1.2.3.4:80"},
        {"http://user:p@ss@1.2.3.4:80", "http://user:p%40ss@1.2.3.4:80"},
        {"1.2.3.4:80:user:p@ss", "http://user:p%40ss@1.2.3.4:80"},
        {"us@er:p@ss:host.example:80", "http://us%40er:p%40ss@host.example:80"},
        {"[2001:80::1]:80:user:p@ss", "http://user:p%40ss@[2001:80::1]:80"},
        {"user:p@ss:[2001:80::1]:80", "http://user:p%40ss@[2001:80::1]:80"},
        {"1.2.3.4:80:user:0123", "http://user:0123@1.2.3.4:80"},
        {"host.example:80:user:99999", "http://user:99999@host.example:80"},
        {"1.2.3.4:80:us.er:123456", "http://us.er:123456@1.2.3.4:80"},
    };
    for (const Case& one : cases) {
        const std::string got = read(one.line);
        // RFC 3986 allows `$` in user info; both forms parse to the same proxy.
        std::string expected(one.expected);
        if (const auto dollar = expected.find("%24");
            dollar != std::string::npos && got.find('$') != std::string::npos)
            expected.replace(dollar, 3, "$");
        EXPECT_EQ(got, expected) << one.line;
    }
}

TEST(ProxyListTest, AmbiguousLinesAreReported) {
    const Case cases[] = {
        {"1.2.3.4:8080:Country", "ambiguous: three fields…"},
        {"user:word:host.example", "ambiguous: three fields…"},
        {"[2001:db8::1]:8080:user", "ambiguous: three fields…"},
        {"user:[2001:db8::1]:8080", "ambiguous: three fields…"},
        {"one.example:8080:two.example:9090", "ambiguous: both ends may be host:port…"},
        {"one.example:8080@two.example:9090", "ambiguous: both ends may be host:port…"},
        {"http://1.2.3.4:80:user:p%40", "ambiguous: a % in a user or password…"},
        // An @ in the password of one reading is the end of the user in the other.
        // A further column must not become a part of the password.
        {"1.2.3.4:80:user:p:DE", "ambiguous: more than four fields…"},
        {"1.2.3.4:80:user:p:q:r", "ambiguous: more than four fields…"},
        {"user:p:q:r:host.example:80", "ambiguous: more than four fields…"},
        {"1.2.3.4:80:user:p@s:s@", "ambiguous: more than four fields…"},
        {"1.2.3.4:80\tuser", "ambiguous: columns after host:port that are no place…"},
        {"1.2.3.4:80,user,word", "ambiguous: columns after host:port that are no place…"},
        {"1.2.3.4:80 elite", "ambiguous: columns after host:port that are no place…"},
        {"1.2.3.4,80,user", "ambiguous: three columns…"},
        {"1.2.3.4\t80\tuser\tword\tDE", "ambiguous: more than four columns…"},
        {"1.2.3.4,80,http,DE", "ambiguous: four columns…"},
        {"1.2.3.4:8080:user:p@ss:9090", "ambiguous: both ends may be host:port…"},
        {"user:8080:word@one.example:80", "ambiguous: both ends may be host:port…"},
        {"1.2.3.4:80@b:c:host.example:8080", "ambiguous: both ends may be host:port…"},
        // A mistyped port must not make the user a host, which would receive the rest.
        {"1.2.3.4:80800:user:8080", "ambiguous: both ends may be host:port…"},
        {"user:8080:1.2.3.4:80800", "ambiguous: both ends may be host:port…"},
        {"1.2.3.4:80800@user:8080", "ambiguous: both ends may be host:port…"},
        {"proxy.example.com:80800:anna:12345", "ambiguous: both ends may be host:port…"},
        {"anna:12345:proxy.example.com:80800", "ambiguous: both ends may be host:port…"},
        {"proxy.example.com:08080:anna:12345", "ambiguous: both ends may be host:port…"},
        {"proxy.example.com:80800@anna:12345", "ambiguous: both ends may be host:port…"},
        {"anna:12345@proxy.example.com:80800", "ambiguous: both ends may be host:port…"},
        {"http://proxy.example.com:80800:anna:12345", "ambiguous: both ends may be host:port…"},
    };
    for (const Case& one : cases) expect_reads(one);
}

TEST(ProxyListTest, OrderResolvesAmbiguousLines) {
    const ReadOptions host_first{.order = FieldOrder::host_first};
    const ReadOptions user_first{.order = FieldOrder::user_first};
    expect_reads({"one.example:8080:two.example:9090", "http://two.example:9090@one.example:8080"},
                 host_first);
    expect_reads({"one.example:8080:two.example:9090", "http://one.example:8080@two.example:9090"},
                 user_first);
    expect_reads({"one.example:8080@two.example:9090", "http://two.example:9090@one.example:8080"},
                 host_first);
    expect_reads({"one.example:8080@two.example:9090", "http://one.example:8080@two.example:9090"},
                 user_first);
    expect_reads({"1.2.3.4:80800:user:8080", "rejected: the port is above 65535"}, host_first);
    expect_reads({"proxy.example.com:80800:anna:12345", "rejected: the port is above 65535"}, host_first);
    expect_reads({"proxy.example.com:80800:anna:12345", "http://proxy.example.com:80800@anna:12345"},
                 user_first);
    expect_reads({"1.2.3.4:8080:user:p@ss:9090", "http://user:p%40ss%3A9090@1.2.3.4:8080"}, host_first);
    expect_reads({"user:80:word@one.example:80", "http://user:80%3Aword@one.example:80"}, user_first);
    expect_reads({"1.2.3.4:80:user:p:q:r", "http://user:p%3Aq%3Ar@1.2.3.4:80"}, host_first);
    expect_reads({"user:p:q:r:host.example:80", "http://user:p%3Aq%3Ar@host.example:80"}, user_first);
    expect_reads({"1.2.3.4:80:user:p@s:s@", "http://user:p%40s%3As%40@1.2.3.4:80"}, host_first);
    // A line with only one reading is read so, for any order.
    expect_reads({"1.2.3.4:80:user:word", "http://user:word@1.2.3.4:80"}, user_first);
    expect_reads({"user:word:1.2.3.4:80", "http://user:word@1.2.3.4:80"}, host_first);
}

TEST(ProxyListTest, RejectsWithAReason) {
    const Case cases[] = {
        {"1.2.3.4:80800", "rejected: the port is above 65535"},
        {"1.2.3.4:0", "rejected: port 0 is below 1"},
        {"1.2.3.4:080", "rejected: the port begins with a 0"},
        {"1.2.3.4:+80", "rejected: the port is not a number"},
        {"1.2.3.4: 80", "rejected: contains a space…"},
        {"user:word:1.2.3.4:080", "rejected: the port begins with a 0"},
        {"1.2.3.4:-1", "rejected: the port is not a number"},
        {"1.2.3.4:", "rejected: the port is missing"},
        {":8080", "rejected: the host is missing"},
        {"1.2.3.4", "rejected: no host:port found"},
        {"BTC:BTC", "rejected: the port is not a number"},
        {"1.2.3.4:80\x1b[31m", "rejected: contains a control character"},
        {"2001:db8::1:8080", "rejected: an IPv6 address needs brackets…"},
        {"2001:db8::1", "rejected: an IPv6 address needs brackets…"},
        {"user:word:2001:db8::beef:8080", "rejected: an IPv6 address needs brackets…"},
        {"user:word@2001:db8::1:8080", "rejected: an IPv6 address needs brackets…"},
        {"http://2001:db8::1:8080", "rejected: an IPv6 address needs brackets…"},
        {"[1.2.3.4]:80", "rejected: the text in brackets is not an IPv6 address"},
        {"[::1]", "rejected: no host:port found"},
        {"[::1", "rejected: no host:port found"},
        {"010.0.0.1:80", "rejected: the host …"},
        {"1:80", "rejected: the host …"},
        {"ftp://1.2.3.4:21", "rejected: the scheme is not one of…"},
        {"http://1.2.3.4", "rejected: no host:port found"},
        {"http://user:word@1.2.3.4", "rejected: the port is missing"},
        {"http://1.2.3.4:80/path", "rejected: a proxy's URL ends after the port…"},
        {"http://user:p%zz@1.2.3.4:80", "rejected: a % in a URL's user or password…"},
        {"http://", "rejected: no host:port found"},
        {"@1.2.3.4:80", "rejected: the user is empty"},
        {"one@two", "rejected: no host:port before or after the @"},
        {"one:two:three:four", "rejected: no port in second or last position"},
        {"1.2.3.4:80::word", "rejected: the user is empty"},
    };
    for (const Case& one : cases) expect_reads(one);
}

TEST(ProxyListTest, RejectsInvalidText) {
    using namespace std::string_view_literals;
    EXPECT_EQ(read("1.2.3.4:80:us\xFF"
                   "er:word"),
              "rejected: is not UTF-8");
    EXPECT_EQ(read("1.2.3.4:80:\xC0\xAF:word"), "rejected: is not UTF-8");
    EXPECT_EQ(read("1.2.3.4:80:\xED\xA0\x80:word"), "rejected: is not UTF-8");
    EXPECT_EQ(read("1.2.3.4:80\0"sv), "rejected: contains a NUL byte");
    EXPECT_EQ(read("http://user:a%00b@1.2.3.4:80").substr(0, 8), "rejected");
    EXPECT_EQ(read("http://user:a%ffb@1.2.3.4:80").substr(0, 8), "rejected");
    EXPECT_EQ(read(std::string(4097, 'a')), "rejected: is longer than 4096 bytes");
}

TEST(ProxyListTest, ReasonsContainNoSecrets) {
    const std::string_view secret = "s3cret77";
    for (const std::string_view line :
         {"user:s3cret77", "user:s3cret77@host", "s3cret77", "user:s3cret77:host", "user:s3cret77:host:port",
          "http://user:s3cret77", "http://user:s3cret77@host", "http://user:s3cret77/x@host:80",
          "us er:s3cret77@host:80", "s3cret77!:80", "-s3cret77-:80:user:word", "s3cret77://host:80",
          "user:s3cret77@1.2.3.4:80800", "user:s3cret77@under_score!:80"}) {
        const std::string got = read(line);
        EXPECT_NE(got, "nothing") << line;
        EXPECT_EQ(got.find(secret), std::string::npos) << line << " gives " << got;
    }
    EXPECT_EQ(read("user:8080808080"), "rejected: the port is above 65535");
}

TEST(ProxyListTest, CountsLinesAndSkipsCommentsBlanksAndWindowsEnds) {
    const WholeList list = read_text(
        "\xEF\xBB\xBF# my proxies\r\n"
        "\r\n"
        "  1.2.3.4:80  \r\n"
        "// more\r\n"
        "1.2.3.4:80800\r\n"
        "socks5://1.2.3.4:1080\r\n"
        "1.2.3.4:81:x");
    EXPECT_EQ(list.result.blank, 3U);
    ASSERT_EQ(list.proxies.size(), 2U);
    EXPECT_EQ(list.proxies[0].line, 3U);
    EXPECT_EQ(list.proxies[1].line, 6U);
    EXPECT_TRUE(list.proxies[0].protocol_assumed);
    EXPECT_FALSE(list.proxies[1].protocol_assumed);
    ASSERT_EQ(list.problems.size(), 2U);
    EXPECT_EQ(list.problems[0].line, 5U);
    EXPECT_EQ(list.problems[0].verdict, Verdict::rejected);
    EXPECT_EQ(list.problems[1].line, 7U);
    EXPECT_EQ(list.problems[1].verdict, Verdict::ambiguous);
    EXPECT_TRUE(read_text("").proxies.empty());
}

TEST(ProxyListTest, ProxiesAreActiveAndTakeTheGivenProtocol) {
    const WholeList list = read_text("1.2.3.4:1080\n", {.protocol = ProxyProtocol::socks5});
    ASSERT_EQ(list.proxies.size(), 1U);
    EXPECT_EQ(list.proxies[0].proxy.status, ProxyStatus::active);
    EXPECT_EQ(list.proxies[0].proxy.protocol, ProxyProtocol::socks5);
}

TEST(ProxyListTest, AcceptedProxiesParseFromTheirUrl) {
    for (const std::string_view line :
         {"user:p@s:s%$@1.2.3.4:80", "[fe80::1%eth0]:1:u:p", "socks5://a%2Fb:c%20d@x.example:9"}) {
        const std::string url = read(line);
        EXPECT_EQ(read(url), url) << line;
    }
}

}  // namespace
}  // namespace pharox::lists::test
