#include "pharox/geo/locations.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "pharox/errors.hpp"

namespace pharox::geo {
namespace {

std::filesystem::path data(const std::string& name) { return std::filesystem::path(PHAROX_GEO_DATA) / name; }

Proxy at(const std::string& host) { return {.host = host, .port = 8080}; }

TEST(LocationsTest, WhatTheProxyDoesNotSayIsFilledInFromTheDatabases) {
    const Locations locations({data("city.mmdb"), data("asn.mmdb")});
    Proxy proxy = at("192.0.2.1");
    EXPECT_TRUE(locations.fill_in(proxy));
    EXPECT_EQ(proxy.country, "AR");
    EXPECT_EQ(proxy.city, "Buenos Aires");
    EXPECT_EQ(proxy.latitude, -34.6);
    EXPECT_EQ(proxy.longitude, -58.4);
    EXPECT_EQ(proxy.metadata.find("time_zone"), Json("America/Argentina/Buenos_Aires"));
    EXPECT_EQ(proxy.asn, 4200000001);
    EXPECT_EQ(proxy.isp, "Example Net");
    const Proxy complete = proxy;
    EXPECT_FALSE(locations.fill_in(proxy));
    EXPECT_EQ(proxy, complete);
}

TEST(LocationsTest, AnIPv6AddressIsFound) {
    const Locations locations(
        {data("asn.mmdb"), data("city.mmdb")});  // the first one has IPv4 addresses alone
    Proxy proxy = at("2001:db8::7");
    EXPECT_TRUE(locations.fill_in(proxy));
    EXPECT_EQ(proxy.city, "Berlin");
    EXPECT_FALSE(proxy.asn);
}

TEST(LocationsTest, WhatTheProxySaysStays) {
    const Locations locations({data("city.mmdb"), data("asn.mmdb")});
    Proxy proxy = at("192.0.2.1");
    proxy.city = "La Plata";
    proxy.latitude = -34.9;
    proxy.longitude = -57.9;
    proxy.isp = "ours";
    proxy.metadata = Json::object({{"time_zone", "UTC"}});
    EXPECT_TRUE(locations.fill_in(proxy));
    EXPECT_EQ(proxy.country, "AR");
    EXPECT_EQ(proxy.city, "La Plata");
    EXPECT_EQ(proxy.latitude, -34.9);
    EXPECT_EQ(proxy.isp, "ours");
    EXPECT_EQ(proxy.asn, 4200000001);
    EXPECT_EQ(proxy.metadata.find("time_zone"), Json("UTC"));
}

TEST(LocationsTest, ACityOfAnotherCountryIsNotTaken) {
    const Locations locations({data("city.mmdb"), data("asn.mmdb")});
    Proxy proxy = at("192.0.2.1");
    proxy.country = "CL";
    EXPECT_TRUE(locations.fill_in(proxy));
    EXPECT_EQ(proxy.country, "CL");
    EXPECT_FALSE(proxy.city);
    EXPECT_FALSE(proxy.latitude);
    EXPECT_FALSE(proxy.metadata.find("time_zone"));
    EXPECT_EQ(proxy.isp, "Example Net");
}

TEST(LocationsTest, TheFirstDatabaseThatKnowsAnAttributeDecides) {
    const Locations locations({data("isp.mmdb"), data("asn.mmdb")});
    Proxy proxy = at("192.0.2.1");
    EXPECT_TRUE(locations.fill_in(proxy));
    EXPECT_EQ(proxy.asn, 64500);
    EXPECT_EQ(proxy.isp, "Example Access");
}

TEST(LocationsTest, AnEntryMayBeIncomplete) {
    const Locations locations({data("city.mmdb")});
    Proxy proxy = at("192.0.2.200");
    EXPECT_TRUE(locations.fill_in(proxy));
    EXPECT_EQ(proxy.country, "BR");
    EXPECT_FALSE(proxy.city);
}

TEST(LocationsTest, NamesAndUnknownAddressesAreLeft) {
    const Locations locations({data("city.mmdb"), data("asn.mmdb")});
    for (const char* host : {"proxy.example", "198.51.100.1", "2001:db9::1", "fe80::1%eth0"}) {
        Proxy proxy = at(host);
        const Proxy before = proxy;
        EXPECT_FALSE(locations.fill_in(proxy)) << host;
        EXPECT_EQ(proxy, before) << host;
    }
}

TEST(LocationsTest, AFileThatIsNoDatabaseIsRefusedByName) {
    const auto refusal = [](const std::filesystem::path& file) -> std::string {
        try {
            const Locations locations({file});
        } catch (const ValidationError& error) {
            EXPECT_EQ(error.field(), "geo");
            return error.what();
        }
        return "accepted";
    };
    EXPECT_NE(refusal(data("absent.mmdb")).find("absent.mmdb"), std::string::npos);
    EXPECT_NE(refusal(data("absent.mmdb")).find("No such file"), std::string::npos);
    const std::filesystem::path text = std::filesystem::path(testing::TempDir()) / "no-database.mmdb";
    std::ofstream(text) << "1.2.3.4,AR\n";
    EXPECT_NE(refusal(text).find("not a database in MaxMind's format"), std::string::npos);
    std::filesystem::remove(text);
}

}  // namespace
}  // namespace pharox::geo
