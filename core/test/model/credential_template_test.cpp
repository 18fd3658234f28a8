#include "src/model/credential_template.hpp"

#include <gtest/gtest.h>

#include "test/thrown.hpp"

namespace {

using pharox::CredentialTemplate;
using pharox::Json;
using pharox::Proxy;
using pharox::ProxyCredentials;
using pharox::ProxyProtocol;

Proxy templated(std::string user, std::string password = "x") {
    return {.pool_id = pharox::PoolId::make(),
            .host = "proxy.example",
            .port = 8080,
            .credentials = ProxyCredentials{std::move(user), std::move(password), true},
            .country = "AR",
            .metadata = Json::object({{"plan", Json::object({{"tier", "gold"}})},
                                      {"n", 7},
                                      {"half", 0.5},
                                      {"on", true},
                                      {"list", Json::array({1})},
                                      {"none", Json()},
                                      {"colon", "a:b"},
                                      {"empty", ""},
                                      {"line", "a\r\nb"},
                                      {"long", std::string(250, 'x')}})};
}

struct Filling {
    const char* user;
    const char* identity;
};

TEST(CredentialTemplate, FillsInProxyAttributes) {
    const Filling fillings[] = {
        {"plain", "plain"},
        {"u-{country}", "u-AR"},
        {"{country}{country}", "ARAR"},
        {"{metadata.plan.tier}-x", "gold-x"},
        {"{metadata.n}", "7"},
        {"{metadata.half}", "0.5"},
        {"{metadata.on}", "true"},
        {"{lease}", "{lease}"},
        {"u-{session}-{country}", "u-{session}-AR"},
        {"{{}}", "%7B%7D"},
        {"{{country}}", "%7Bcountry%7D"},
        {"{{{country}}}", "%7BAR%7D"},
        {"{{{{", "%7B%7B"},
        {"a b{lease}", "a%20b{lease}"},
    };
    for (const auto& [user, identity] : fillings) {
        const Proxy proxy = templated(user);
        EXPECT_EQ(validated(proxy), proxy) << user;
        EXPECT_EQ(proxy.identity(), std::string("http://") + identity + ":x@proxy.example:8080");
    }
}

TEST(CredentialTemplate, OnlyALeaseFillsInLeaseAndSession) {
    EXPECT_EQ(templated("u-{country}").url(), "http://u-AR:x@proxy.example:8080");
    for (const char* const user : {"{lease}", "u-{session}"}) {
        EXPECT_EQ(refusal_of([&] { return templated(user).url(); }),
                  "credentials.user | *** | is a template that only a lease can fill in");
        EXPECT_EQ(refusal_of([&] { return templated("u", user).url(); }),
                  "credentials.password | *** | is a template that only a lease can fill in");
        EXPECT_EQ(templated(user).redacted_url(), "http://***@proxy.example:8080");
    }
}

struct Bad {
    const char* pattern;
    const char* rule;
};

TEST(CredentialTemplate, RejectsPlaceholdersWithoutAValue) {
    const char* const unknown =
        "contains a placeholder that is not {lease}, {session}, {country}, {city} or {metadata.path}";
    const Bad bads[] = {
        {"{", "contains a { that is not closed (a literal one is doubled)"},
        {"a{lease", "contains a { that is not closed (a literal one is doubled)"},
        {"{{{", "contains a { that is not closed (a literal one is doubled)"},
        {"}", "contains a } without a matching { (a literal one is doubled)"},
        {"{lease}}", "contains a } without a matching { (a literal one is doubled)"},
        {"}}}", "contains a } without a matching { (a literal one is doubled)"},
        {"{}", unknown},
        {"{Lease}", unknown},
        {"{ lease }", unknown},
        {"{isp}", unknown},
        {"{password}", unknown},
        {"{metadata}", unknown},
        {"{lease{country}}", unknown},
        {"{metadata.}", "contains an empty key in a {metadata.path}"},
        {"{metadata.a..b}", "contains an empty key in a {metadata.path}"},
        {"{metadata.a.}", "contains an empty key in a {metadata.path}"},
        {"{city}", "needs {city}, which the proxy does not have"},
        {"{metadata.absent}", "needs {metadata.absent}, which the proxy does not have"},
        {"{metadata.plan}", "needs {metadata.plan}, which the proxy does not have"},
        {"{metadata.plan.tier.x}", "needs {metadata.plan.tier.x}, which the proxy does not have"},
        {"{metadata.list}", "needs {metadata.list}, which the proxy does not have"},
        {"{metadata.list.0}", "needs {metadata.list.0}, which the proxy does not have"},
        {"{metadata.none}", "needs {metadata.none}, which the proxy does not have"},
        {"{metadata.line}", "contains a control character"},
    };
    for (const auto& [pattern, rule] : bads) {
        EXPECT_EQ(refusal_of([&] { return validated(templated(pattern)); }),
                  std::string("credentials.user | *** | ") + rule)
            << pattern;
        EXPECT_EQ(refusal_of([&] { return validated(templated("u", pattern)); }),
                  std::string("credentials.password | *** | ") + rule)
            << pattern;
    }
}

TEST(CredentialTemplate, HttpRulesApplyAfterFilling) {
    EXPECT_EQ(refusal_of([] { return validated(templated("{metadata.colon}")); }),
              "credentials.user | *** | contains a colon, which HTTP cannot carry in a user (RFC 7617)");
    EXPECT_NO_THROW(static_cast<void>(validated(templated("u", "{metadata.colon}"))));
    Proxy socks = templated("{metadata.colon}");
    socks.protocol = ProxyProtocol::socks5;
    EXPECT_NO_THROW(static_cast<void>(validated(socks)));
    EXPECT_EQ(refusal_of([] { return validated(templated("{metadata.empty}")); }),
              "credentials.user | *** | is empty");
    EXPECT_NO_THROW(static_cast<void>(validated(templated("u", "{metadata.empty}"))));
}

TEST(CredentialTemplate, Socks5CountsTheFilledLength) {
    const auto accepted = [](std::string user, ProxyProtocol protocol) {
        Proxy proxy = templated(std::move(user));
        proxy.protocol = protocol;
        try {
            static_cast<void>(validated(proxy));
        } catch (const pharox::ValidationError& error) {
            EXPECT_EQ(error.rule(), "is longer than the 255 bytes that SOCKS5 can carry (RFC 1929)");
            return false;
        }
        return true;
    };
    EXPECT_TRUE(accepted("{metadata.long}12345", ProxyProtocol::socks5));
    EXPECT_FALSE(accepted("{metadata.long}123456", ProxyProtocol::socks5));
    EXPECT_TRUE(accepted("{metadata.long}123456", ProxyProtocol::http));
    // {lease} and {session} become 20 characters.
    EXPECT_TRUE(accepted(std::string(235, 'x') + "{lease}", ProxyProtocol::socks5));
    EXPECT_FALSE(accepted(std::string(236, 'x') + "{lease}", ProxyProtocol::socks5));
    EXPECT_FALSE(accepted("{session}" + std::string(236, 'x'), ProxyProtocol::socks5));
    EXPECT_TRUE(accepted("{{" + std::string(253, 'x'), ProxyProtocol::socks5)) << "a doubled brace is one";
}

TEST(CredentialTemplate, JoinsAdjacentLiterals) {
    const auto parts =
        CredentialTemplate::parse("f", "a{country}{{{lease}b").fill_attributes("f", templated("u"));
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[0].text, "aAR{");
    EXPECT_EQ(parts[1].kind, CredentialTemplate::Kind::lease);
    EXPECT_EQ(parts[2].text, "b");
    EXPECT_TRUE(CredentialTemplate::parse("f", "").fill_attributes("f", templated("u")).empty());
}

}  // namespace
