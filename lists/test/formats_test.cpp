// Every format, as providers and tools publish it.
#include <gtest/gtest.h>

#include <sstream>

#include "pharox/errors.hpp"
#include "pharox/lists/writer.hpp"
#include "reading.hpp"

namespace pharox::lists::test {
namespace {

using Texts = std::vector<std::string>;

Proxy only(const WholeList& list) {
    EXPECT_EQ(list.proxies.size(), 1U);
    EXPECT_TRUE(list.problems.empty()) << list.problems.front().reason;

    return list.proxies.empty() ? Proxy{} : list.proxies.front().proxy;
}

std::string refusal(std::string_view text, const ReadOptions& options = {}) {
    try {
        static_cast<void>(read_text(text, options));
    } catch (const ValidationError& error) {
        EXPECT_EQ(error.field(), "list");
        return error.rule();
    }
    return "read";
}

TEST(FormatsTest, PlacesInColumns) {
    const Proxy monosans = only(read_text("54.228.159.165:3128|Ireland|Leinster|Dublin"));
    EXPECT_EQ(monosans.country, "Ireland");
    EXPECT_EQ(monosans.city, "Dublin");
    EXPECT_FALSE(only(read_text("54.228.159.165:3128|?|?|?")).country);
    const Proxy proxifly = only(read_text("socks5://98.188.47.150:4145,US,Chicago"));
    EXPECT_EQ(proxifly.country, "US");
    EXPECT_EQ(proxifly.city, "Chicago");
    const Proxy unknown = only(read_text("socks5://98.188.47.150:4145,ZZ,Unknown"));
    EXPECT_FALSE(unknown.country || unknown.city);
    EXPECT_EQ(only(read_text("188.134.169.146:44898 CZ-H-S -")).country, "CZ");
    EXPECT_EQ(only(read_text("1.2.3.4:80\tDE")).country, "DE");
    EXPECT_EQ(only(read_text("user:word@1.2.3.4:80\tDE\tBerlin")).city, "Berlin");
}

TEST(FormatsTest, CommaSeparatedValuesByTheirNames) {
    const WholeList list = read_text(
        "ip,port,user,pass,country,city,asn\r\n"
        "192.0.2.1,8080,anna,\"a,b\"\"c\",AR,\"Buenos Aires\",64500\r\n"
        "192.0.2.2,8081,,,ZZ,Unknown,\r\n"
        "192.0.2.3,80800,anna,secret,AR,,\r\n"
        "192.0.2.4,8080,anna,secret,AR,,,more\r\n");
    EXPECT_EQ(list.result.format, Format::csv);
    EXPECT_EQ(entries(list),
              (Texts{"2 http://anna:a%2Cb%22c@192.0.2.1:8080", "3 http://192.0.2.2:8081",
                     "4 rejected: the port is above 65535", "5 rejected: has more columns than names"}));
    ASSERT_FALSE(list.proxies.empty());
    EXPECT_EQ(list.proxies[0].proxy.city, "Buenos Aires");
    EXPECT_EQ(list.proxies[0].proxy.asn, 64500);
    EXPECT_FALSE(list.proxies[1].proxy.country);
}

TEST(FormatsTest, TabsAndSemicolonsSeparateColumnsToo) {
    EXPECT_EQ(entries(read_text("Host\tPort\tProtocol\n192.0.2.1\t1080\tsocks5\n")),
              Texts{"2 socks5://192.0.2.1:1080"});
    EXPECT_EQ(entries(read_text("IP Address;Port;Username;Password\n192.0.2.1;1080;anna;\"x;y\"\n")),
              Texts{"2 http://anna:x%3By@192.0.2.1:1080"});
}

TEST(FormatsTest, ColumnsOfProtocols) {
    EXPECT_EQ(
        entries(read_text(
            "http,https,socks4,socks5\n192.0.2.1:80,,192.0.2.2:1080,\n,192.0.2.3:443,,192.0.2.4:1081\n")),
        (Texts{"2 http://192.0.2.1:80", "2 socks4://192.0.2.2:1080", "3 https://192.0.2.3:443",
               "3 socks5://192.0.2.4:1081"}));
}

TEST(FormatsTest, JsonOfMonosans) {
    const Proxy proxy = only(read_text(
        R"([{"protocol":"socks5","username":null,"password":null,"host":"45.151.102.248","port":10808,"timeout":0.15,
            "exit_ip":"45.151.102.248","asn":{"autonomous_system_number":216246,"autonomous_system_organization":"Aeza"},
            "geolocation":{"country":{"iso_code":"RU","names":{"en":"Russia"}},"city":{"names":{"en":"Moscow"}},
            "location":{"latitude":55.7,"longitude":37.6,"time_zone":"Europe/Moscow"}}}])"));
    EXPECT_EQ(proxy.url(), "socks5://45.151.102.248:10808");
    EXPECT_EQ(proxy.country, "RU");
    EXPECT_EQ(proxy.city, "Moscow");
    EXPECT_EQ(proxy.asn, 216246);
    EXPECT_EQ(proxy.isp, "Aeza");
    EXPECT_EQ(proxy.latitude, 55.7);
    EXPECT_EQ(proxy.metadata.find("time_zone"), Json("Europe/Moscow"));
}

TEST(FormatsTest, JsonOfWebshare) {
    const WholeList list = read_text(
        R"({"count":3,"next":null,"results":[
{"id":"d-1","username":"anna","password":"secret","proxy_address":"89.116.78.80","port":5691,"valid":true,"country_code":"GB","city_name":"London","asn_number":210906,"asn_name":"Pitline"},
{"id":"d-2","username":"anna","password":"secret","proxy_address":"89.116.78.81","port":5691,"valid":false},
{"id":"b-3","username":"anna","password":"secret","proxy_address":null,"port":10000,"valid":true}]})");
    EXPECT_EQ(entries(list),
              (Texts{"2 http://anna:secret@89.116.78.80:5691",
                     "3 skipped: its list says that it is not valid", "4 rejected: the host is missing"}));
    ASSERT_EQ(list.proxies.size(), 1U);
    EXPECT_EQ(list.proxies[0].proxy.city, "London");
    EXPECT_EQ(list.proxies[0].proxy.isp, "Pitline");
}

TEST(FormatsTest, JsonOfTextsAndOfSeveralProtocols) {
    EXPECT_EQ(
        entries(read_text("[\"192.0.2.1:80\",\n\"socks5://u:p@192.0.2.2:1080\", \"x\"]")),
        (Texts{"1 http://192.0.2.1:80", "2 socks5://u:p@192.0.2.2:1080", "2 rejected: no host:port found"}));
    EXPECT_EQ(
        entries(read_text(
            R"({"data":[{"ip":"192.0.2.1","port":"1080","protocols":["socks4","socks5"],"asn":"AS64500"}]})")),
        (Texts{"1 socks4://192.0.2.1:1080", "1 socks5://192.0.2.1:1080"}));
    EXPECT_EQ(entries(read_text(R"([{"url":"https://u:p@192.0.2.1:443"}])")),
              Texts{"1 https://u:p@192.0.2.1:443"});
    EXPECT_EQ(
        entries(read_text(
            R"({"outbounds":[{"type":"socks","server":"192.0.2.1","server_port":1080},{"type":"vmess","server":"192.0.2.2","server_port":1}]})")),
        (Texts{"1 socks5://192.0.2.1:1080", "1 skipped: is none of http, https, socks4, socks5"}));
}

TEST(FormatsTest, AJsonPathChoosesOneOfSeveralArrays) {
    constexpr auto text =
        R"({"eu":{"proxies":["192.0.2.1:80"]},"us":{"proxies":[{"ip":"192.0.2.2","port":80}]}})";
    EXPECT_EQ(entries(read_text(text, {.json_path = "/us/proxies"})), Texts{"1 http://192.0.2.2:80"});
    EXPECT_EQ(entries(read_text(text, {.json_path = "/eu/proxies"})), Texts{"1 http://192.0.2.1:80"});
}

TEST(FormatsTest, JsonLines) {
    const WholeList list = read_text(
        "{\"ip\":\"192.0.2.1\",\"port\":80,\"tags\":[\"a\",\"b\"]}\n\n{\"ip\":\"192.0.2.2\"}\n{\"ip\":\n");
    EXPECT_EQ(list.result.format, Format::json_lines);
    EXPECT_EQ(entries(list), (Texts{"1 http://192.0.2.1:80", "3 rejected: is an object without host and port",
                                    "4 rejected: is not a JSON object"}));
    EXPECT_EQ(list.proxies.at(0).proxy.tags, (std::set<std::string>{"a", "b"}));
}

TEST(FormatsTest, DamagedJsonIsRefusedWithItsLine) {
    EXPECT_EQ(refusal("[\n{\"ip\":\"192.0.2.1\",\"port\":80},\n{\"password\":\"s3cret\" oops}]"),
              "is damaged JSON in line 3");
    const std::string deep(1000, '[');
    EXPECT_EQ(refusal(deep), "is JSON that is nested too deeply in line 1");
}

TEST(FormatsTest, ClashSubscriptions) {
    const WholeList list = read_text(
        "port: 7890\n"
        "proxies:\n"
        "  - {name: one, type: http, server: 192.0.2.1, port: 8080, username: anna, password: secret, tls: "
        "true}\n"
        "  - name: two\n"
        "    type: socks5\n"
        "    server: 192.0.2.2\n"
        "    port: 1080\n"
        "  - {name: three, type: vmess, server: 192.0.2.3, port: 443, uuid: x}\n"
        "rules: [\"MATCH,one\"]\n");
    EXPECT_EQ(list.result.format, Format::clash);
    EXPECT_EQ(entries(list), (Texts{"3 https://anna:secret@192.0.2.1:8080", "4 socks5://192.0.2.2:1080",
                                    "8 skipped: is none of http, https, socks4, socks5"}));
    EXPECT_EQ(refusal("proxies:\n  - {name: one\n"), "is damaged YAML in line 3");
}

TEST(FormatsTest, Base64Subscriptions) {
    // socks5://anna:secret@192.0.2.1:1080\nvmess://abc\nhttp://192.0.2.2:80\n
    const WholeList list = read_text(
        "c29ja3M1Oi8vYW5uYTpzZWNyZXRAMTkyLjAuMi4xOjEwODAKdm1lc3M6Ly9hYmMKaHR0cDovLzE5\nMi4wLjIuMjo4MAo=\n");
    EXPECT_EQ(list.result.format, Format::base64);
    EXPECT_EQ(entries(list),
              (Texts{"1 socks5://anna:secret@192.0.2.1:1080",
                     "2 skipped: is a server of vmess, which is none of the protocols of a proxy",
                     "3 http://192.0.2.2:80"}));
}

TEST(FormatsTest, WhatIsNoListIsNamed) {
    EXPECT_EQ(refusal("<!DOCTYPE html>\n<html>"), "is HTML, a page and not a list");
    EXPECT_EQ(refusal("\n<?xml version=\"1.0\"?><a/>"), "is XML, which is not read");
    EXPECT_EQ(refusal("%PDF-1.4\n"), "is a PDF document");
    EXPECT_EQ(
        entries(read_text("1.2.3.4:80\n\xEF\xBB\xBF"
                          "1.2.3.4:81\n{\"a\":1}\n")),
        (Texts{"1 http://1.2.3.4:80",
               "2 rejected: begins with a byte order mark in the middle of the list: files were joined here",
               "3 rejected: is JSON, not a line of this list"}));
}

TEST(FormatsTest, PlaceholdersAreFilledInOnRequestOnly) {
    constexpr auto text = "http://{{USER}}:{{PASSWORD}}@192.0.2.1:31337";
    EXPECT_EQ(entries(read_text(text)),
              Texts{"1 rejected: the user or the password is an unfilled placeholder"});
    const ReadOptions filling{.variable = [](const std::string& name) -> std::optional<std::string> {
        if (name == "USER") return "anna";
        if (name == "PASSWORD") return "s3cret";
        return std::nullopt;
    }};
    EXPECT_EQ(entries(read_text(text, filling)), Texts{"1 http://anna:s3cret@192.0.2.1:31337"});
    EXPECT_EQ(entries(read_text("{{NAME}}:x@192.0.2.1:1", filling)),
              Texts{"1 rejected: contains a placeholder for a variable that is not set"});
    for (const char* line :
         {"192.0.2.1:80:${USER}:word", "192.0.2.1:80:<user>:<password>", "192.0.2.1:80:%USER%:%PASS%",
          "http://%USER%:%PASS%@192.0.2.1:80", "<user>:<password>@192.0.2.1:80"}) {
        EXPECT_EQ(entries(read_text(line)),
                  Texts{"1 rejected: the user or the password is an unfilled placeholder"})
            << line;
    }
    EXPECT_EQ(entries(read_text(R"([{"ip":"192.0.2.1","port":1,"user":"{{USER}}","pass":"{{PASSWORD}}"}])",
                                filling)),
              Texts{"1 http://anna:s3cret@192.0.2.1:1"});
}

TEST(FormatsTest, TheOrderOfOtherLinesDecidesOnRequest) {
    const std::string text = "one.example:8080:user:9090\n1.2.3.4:80:user:word\n1.2.3.5:80:user:word\n";
    EXPECT_EQ(entries(read_text(text)).front(),
              "1 ambiguous: both ends may be host:port: the order host-first or user-first decides");
    const WholeList decided = read_text(text, {.order = FieldOrder::by_others});
    EXPECT_EQ(entries(decided).front(), "1 http://user:9090@one.example:8080");
    EXPECT_EQ(decided.result.remarks,
              Texts{"the order is host-first: 2 lines show it, and none the other one"});
    const WholeList mixed = read_text(text + "user:word:1.2.3.4:80\n", {.order = FieldOrder::by_others});
    EXPECT_TRUE(entries(mixed).front().starts_with("1 ambiguous")) << entries(mixed).front();
    EXPECT_EQ(mixed.result.remarks,
              Texts{"lines show both orders of fields: lines with two readings stay ambiguous"});
    // What others decide does not make a further column a part of the password.
    EXPECT_TRUE(entries(read_text(text + "1.2.3.4:80:user:word:DE\n", {.order = FieldOrder::by_others}))
                    .back()
                    .starts_with("4 ambiguous"));
}

TEST(FormatsTest, WhatIsWrittenReadsTheSame) {
    std::vector<Proxy> proxies;
    proxies.push_back({.host = "192.0.2.1", .port = 80});
    proxies.push_back({.host = "192.0.2.1",
                       .port = 81,
                       .credentials = ProxyCredentials{.user = "anna", .password = "p:w,\"x\"|;@ %$"}});
    proxies.push_back({.host = "proxy.example",
                       .port = 82,
                       .credentials = ProxyCredentials{.user = "9000", .password = "9000"}});
    proxies.push_back({.host = "2001:db8::1",
                       .port = 83,
                       .protocol = ProxyProtocol::socks5,
                       .credentials = ProxyCredentials{.user = "u", .password = ""}});
    Proxy full{.host = "192.0.2.9", .port = 84, .protocol = ProxyProtocol::https};
    full.country = "AR";
    full.city = "Buenos Aires, centro";
    full.isp = "Example \"Net\"";
    full.asn = 64500;
    full.latitude = -34.6;
    full.longitude = -58.4;
    full.source = "provider";
    full.max_concurrency = 3;
    full.weight = 2.5;
    full.tags = {"fast", "ours"};
    proxies.push_back(full);
    for (const WriteFormat format :
         {WriteFormat::lines, WriteFormat::urls, WriteFormat::csv, WriteFormat::json, WriteFormat::json_lines,
          WriteFormat::clash, WriteFormat::base64}) {
        std::ostringstream out;
        Writer writer(out, format);
        for (const Proxy& proxy : proxies) writer.add(proxy);
        writer.finish();
        const WholeList read = read_text(out.str());
        ASSERT_EQ(read.proxies.size(), proxies.size()) << to_string(format) << '\n' << out.str();
        for (std::size_t at = 0; at < proxies.size(); ++at) {
            const Proxy& back = read.proxies[at].proxy;
            EXPECT_EQ(back.identity(), proxies[at].identity()) << to_string(format);
            const bool has_attributes = format == WriteFormat::csv || format == WriteFormat::json ||
                                        format == WriteFormat::json_lines;
            if (!has_attributes) continue;
            EXPECT_EQ(back.country, proxies[at].country);
            EXPECT_EQ(back.city, proxies[at].city);
            EXPECT_EQ(back.isp, proxies[at].isp);
            EXPECT_EQ(back.asn, proxies[at].asn);
            EXPECT_EQ(back.latitude, proxies[at].latitude);
            EXPECT_EQ(back.max_concurrency, proxies[at].max_concurrency);
            EXPECT_EQ(back.weight, proxies[at].weight);
            EXPECT_EQ(back.tags, proxies[at].tags);
            EXPECT_EQ(back.source, proxies[at].source);
        }
    }
}

}  // namespace
}  // namespace pharox::lists::test
