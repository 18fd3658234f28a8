#include "pharox/model/id.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "test/thrown.hpp"

namespace {

using pharox::LeaseId;
using pharox::ProxyId;
using pharox::UuidBytes;

std::int64_t milliseconds_of(const LeaseId& id) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < 6; ++i) value = value * 256 + id.bytes()[i];
    return value;
}

std::int64_t now_in_milliseconds() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

TEST(Id, DefaultIsNil) {
    EXPECT_TRUE(LeaseId{}.is_nil());
    EXPECT_EQ(LeaseId{}.to_string(), "00000000-0000-0000-0000-000000000000");
    EXPECT_FALSE(LeaseId::make().is_nil());
}

TEST(Id, KindsDoNotConvert) {
    EXPECT_FALSE((std::is_convertible_v<LeaseId, ProxyId>));
    EXPECT_FALSE((std::is_constructible_v<ProxyId, LeaseId>));
    EXPECT_FALSE((std::is_convertible_v<UuidBytes, ProxyId>));
}

TEST(Id, IsAUuidVersion7OfNow) {
    for (int i = 0; i < 1000; ++i) {
        const std::int64_t before = now_in_milliseconds();
        const LeaseId id = LeaseId::make();
        EXPECT_EQ(id.bytes()[6] >> 4, 7) << id;
        EXPECT_EQ(id.bytes()[8] >> 6, 2) << id;
        EXPECT_GE(milliseconds_of(id), before);
        // The counter may borrow from the next millisecond, also in an earlier test of this thread.
        EXPECT_LE(milliseconds_of(id), now_in_milliseconds() + 1000);
    }
}

TEST(Id, SortsInOrderOfGenerationWithinAThread) {
    std::vector<LeaseId> ids(20'000);
    std::generate(ids.begin(), ids.end(), LeaseId::make);
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

TEST(Id, IsUniqueOverThreads) {
    std::vector<std::vector<LeaseId>> made(8, std::vector<LeaseId>(5'000));
    {
        std::vector<std::jthread> threads;
        for (auto& ids : made)
            threads.emplace_back([&ids] { std::generate(ids.begin(), ids.end(), LeaseId::make); });
    }
    std::unordered_set<LeaseId> all;
    for (const auto& ids : made) all.insert(ids.begin(), ids.end());
    EXPECT_EQ(all.size(), 40'000U);
}

TEST(Id, ChildAndParentGenerateDifferentIds) {
    constexpr std::size_t count = 100;
    LeaseId::make();  // fills the buffer of random bytes that the child inherits
    int ends[2] = {};
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        bool written = true;
        for (std::size_t i = 0; i < count; ++i) {
            const UuidBytes bytes = LeaseId::make().bytes();
            written = written && write(ends[1], bytes.data(), bytes.size()) == ssize_t{16};
        }
        _exit(written ? 0 : 1);
    }
    close(ends[1]);
    std::set<UuidBytes> tails;  // only the random bits, because the time part differs anyway
    const auto add_tail = [&](UuidBytes bytes) {
        std::fill(bytes.begin(), bytes.begin() + 8, std::uint8_t{0});
        tails.insert(bytes);
    };
    for (std::size_t i = 0; i < count; ++i) add_tail(LeaseId::make().bytes());
    UuidBytes bytes{};
    for (std::size_t got = 0; got < count; ++got) {
        ASSERT_EQ(read(ends[0], bytes.data(), bytes.size()), 16);
        add_tail(bytes);
    }
    close(ends[0]);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(tails.size(), 2 * count);
}

TEST(Id, ReadsWhatItWrites) {
    const ProxyId id = ProxyId::parse("0190AbCd-ef01-7234-89ab-cdef01234567");
    EXPECT_EQ(id.to_string(), "0190abcd-ef01-7234-89ab-cdef01234567");
    std::ostringstream out;
    out << id;
    EXPECT_EQ(out.str(), id.to_string());
    for (int i = 0; i < 100; ++i) {
        const ProxyId made = ProxyId::make();
        EXPECT_EQ(ProxyId::parse(made.to_string()), made);
    }
}

TEST(Id, OrderIsBytewise) {
    const auto low = ProxyId::parse("00000000-0000-0000-0000-0000000000ff");
    const auto high = ProxyId::parse("00000000-0000-0000-0000-000000000100");
    EXPECT_LT(low, high);
    EXPECT_LT(high, ProxyId::parse("80000000-0000-0000-0000-000000000000"));
}

TEST(Id, RejectsInvalidUuids) {
    for (const std::string text :
         {"", "0190abcd", "0190abcdef01723489abcdef01234567", "{0190abcd-ef01-7234-89ab-cdef01234567}",
          "0190abcd-ef01-7234-89ab-cdef0123456", "0190abcd-ef01-7234-89ab-cdef012345678",
          "0190abcd-ef01-7234-89ab-cdef0123456g", "0190abcd_ef01-7234-89ab-cdef01234567",
          "0190abcd-ef01-7234-89a-bcdef01234567", " 190abcd-ef01-7234-89ab-cdef01234567"}) {
        EXPECT_EQ(refusal_of([&] { return LeaseId::parse(text); }),
                  "lease_id | " + text + " | is not a UUID");
    }
}

}  // namespace
