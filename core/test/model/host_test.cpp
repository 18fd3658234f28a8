#include <gtest/gtest.h>

#include "pharox/model/proxy.hpp"
#include "test/thrown.hpp"

namespace {

using pharox::canonical_host;

struct Canonical {
    std::string host, canonical;
};

std::string label(std::size_t length) { return std::string().append(length, 'a'); }
/// A name of dotted labels of 63 characters and a shorter last one.
std::string name_of(std::size_t length) {
    const std::string name = label(63) + "." + label(63) + "." + label(63) + ".";
    return name + label(length - name.size());
}

TEST(Host, HasOneCanonicalForm) {
    const Canonical hosts[] = {
        {"10.0.0.1", "10.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:0db8::0001", "2001:db8::1"},
        {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
        {"::ffff:102:304", "::ffff:1.2.3.4"},
        {"fe80::1%eth0", "fe80::1%eth0"},
        {"FE80::1%Eth0.100", "fe80::1%Eth0.100"},
        {"example.com", "example.com"},
        {"EXAMPLE.Com", "example.com"},
        {"example.com.", "example.com"},
        {"localhost", "localhost"},
        {"my_proxy.internal", "my_proxy.internal"},
        {"_x", "_x"},
        {"r3---sn-abc.example", "r3---sn-abc.example"},
        {"1and1.com", "1and1.com"},
        {"1.2.3.4.example", "1.2.3.4.example"},
        {"0xff.example", "0xff.example"},
        {"0xg", "0xg"},
        {"bücher.example", "xn--bcher-kva.example"},
        {"BÜCHER.example.", "xn--bcher-kva.example"},
        {"bu\xCC\x88"
         "cher.example",
         "xn--bcher-kva.example"},
        {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
        {"faß.de", "xn--fa-hia.de"},
        {"例え。テスト", "xn--r8jz45g.xn--zckzah"},
        {"例え。テスト。", "xn--r8jz45g.xn--zckzah"},
        {"ｅｘａｍｐｌｅ.com", "example.com"},
        {label(63) + ".com", label(63) + ".com"},
        {name_of(253), name_of(253)},
        {name_of(253) + ".", name_of(253)},
    };
    for (const auto& [host, canonical] : hosts) {
        EXPECT_EQ(canonical_host(host), canonical) << host;
        EXPECT_EQ(canonical_host(canonical), canonical) << "the canonical form is its own";
    }
}

TEST(Host, RefusesNearMisses) {
    for (const std::string host : {"",
                                   " ",
                                   "010.0.0.1",
                                   "1",
                                   "1.2.3",
                                   "1.2.3.4.5",
                                   "256.1.1.1",
                                   "1.2.3.4.",
                                   "1.2.3.4..",
                                   "4294967295",
                                   "0x7f.1",
                                   "0x7f000001",
                                   "example.0x1f",
                                   "example.1",
                                   "127.0.0.0x1",
                                   "1.2.3.4/24",
                                   "1.2.3.4:80",
                                   "1.2.3.4 ",
                                   " 1.2.3.4",
                                   "1.2.3.4\n",
                                   "1.2.3.4%eth0",
                                   "[::1]",
                                   "[::1",
                                   "::1]",
                                   "::g",
                                   "1::2::3",
                                   "12345::",
                                   ":",
                                   ":::",
                                   "::1/64",
                                   "::1 ",
                                   "::ffff:1.2.3.256",
                                   "::ffff:01.2.3.4",
                                   "fe80::1%",
                                   "fe80::1%eth 0",
                                   "fe80::1%eth0%1",
                                   "fe80::1%25eth0/",
                                   "fe80::1%aaaaaaaaaabbbbbbbbbbccccccccccddd",
                                   "exa mple.com",
                                   "example..com",
                                   ".example.com",
                                   "example.com..",
                                   ".",
                                   "..",
                                   "-example.com",
                                   "example-.com",
                                   "example.com:80",
                                   "http://example.com",
                                   "user@example.com",
                                   "example.com/",
                                   "example.com?x",
                                   "exa\tmple.com",
                                   "ex*mple.com",
                                   "*.example.com",
                                   "%65xample.com",
                                   "１.２.３.４",
                                   "１２７.0.0.1",
                                   "1。2。3。4",
                                   "xn--",
                                   "xn--a",
                                   "xn--\xC3\xBC.com",
                                   "\xFF.com",
                                   "a\xE2\x80\x8B\xE2\x80\xAE.com",  // NOLINT(misc-misleading-bidirectional)
                                   "a b\xC3\xBC.com",
                                   "\xC3\xBC/.com",
                                   "\xC3\xBC@example.com"}) {
        EXPECT_THROW(static_cast<void>(canonical_host(host)), pharox::ValidationError) << '"' << host << '"';
    }
    using namespace std::string_literals;
    EXPECT_THROW(static_cast<void>(canonical_host("1.2.3.4\0"s)), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(canonical_host("example\0.com"s)), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(canonical_host("::1\0"s)), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(canonical_host(label(64) + ".com")), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(canonical_host(name_of(254))), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(canonical_host(name_of(254) + ".")), pharox::ValidationError);
    EXPECT_THROW(static_cast<void>(canonical_host(std::string(100'000, 'a'))), pharox::ValidationError);
}

TEST(Host, ErrorsNameFieldValueAndRule) {
    EXPECT_EQ(refusal_of([] { return canonical_host("010.0.0.1"); }),
              "host | 010.0.0.1 | is neither an IPv4 address nor a DNS name");
    EXPECT_EQ(refusal_of([] { return canonical_host("[::1]", "target"); }),
              "target | *** | is in brackets, which belong to URLs");
    EXPECT_EQ(refusal_of([] { return canonical_host("::g"); }), "host | *** | is not an IPv6 address");
    EXPECT_EQ(refusal_of([] { return canonical_host("xn--a"); }),
              "host | xn--a | is not a DNS name (IDNA 2008)");
    // A URL's authority, or a line of a list, in the place of a host contains a password.
    for (const char* const host : {"anna:s3cret@1.2.3.4", "anna:s3cret@1.2.3.4:80", "s3cret@x.example",
                                   "1.2.3.4:8080:anna:s3cret", "anna:s3cret:1.2.3.4:8080",
                                   "[::1]:8080:anna:s3cret", "anna:s3cret", "x.example:80:anna:s3cret\xFF"}) {
        EXPECT_EQ(refusal_of([&] { return canonical_host(host); }).substr(0, 11), "host | *** ") << host;
    }
}

}  // namespace
