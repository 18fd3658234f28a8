#include "predicate_cursor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pharox::sqlkit {
namespace {

/// Candidates in a list. Counts reads, and leaves out what has `gone` meanwhile.
class ListReader final : public CandidateReader {
  public:
    explicit ListReader(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) ids.push_back(ProxyId::make());
    }
    std::pair<std::vector<Proxy>, std::vector<ProxyId>> first(std::size_t limit) override {
        ++reads;
        const auto split = ids.begin() + static_cast<std::ptrdiff_t>(std::min(limit, ids.size()));
        return {proxies_of({ids.begin(), split}), {split, ids.end()}};
    }
    std::vector<Proxy> still_available(std::span<const ProxyId> wanted) override {
        ++reads;
        largest_read = std::max(largest_read, wanted.size());
        return proxies_of({wanted.begin(), wanted.end()});
    }

    std::vector<ProxyId> ids{}, gone{};
    int reads = 0;
    std::size_t largest_read = 0;

  private:
    [[nodiscard]] std::vector<Proxy> proxies_of(const std::vector<ProxyId>& wanted) const {
        std::vector<Proxy> proxies;
        for (const ProxyId& id : wanted) {
            if (std::ranges::find(gone, id) == gone.end()) proxies.push_back({.id = id});
        }
        return proxies;
    }
};

std::vector<ProxyId> all_of(PredicateCursor& cursor) {
    std::vector<ProxyId> ids;
    while (const std::optional<Proxy> proxy = cursor.next()) ids.push_back(proxy->id);
    return ids;
}

TEST(PredicateCursor, of_nothing_ends_at_once) {
    ListReader reader(0);
    PredicateCursor cursor(reader);
    EXPECT_FALSE(cursor.next());
    EXPECT_FALSE(cursor.next());
    EXPECT_EQ(reader.reads, 1);
}

TEST(PredicateCursor, goes_through_all_candidates_in_the_order_of_the_first_read) {
    for (const std::size_t count : {1U, 63U, 64U, 65U, 300U}) {
        ListReader reader(count);
        PredicateCursor cursor(reader);
        EXPECT_EQ(all_of(cursor), reader.ids) << count;
        EXPECT_LE(reader.largest_read, 64U);
    }
}

TEST(PredicateCursor, reads_no_more_than_it_is_asked_for) {
    ListReader reader(300);
    PredicateCursor cursor(reader);
    for (int i = 0; i < 64; ++i) cursor.next();
    EXPECT_EQ(reader.reads, 1);
    cursor.next();
    EXPECT_EQ(reader.reads, 2);
}

TEST(PredicateCursor, leaves_out_what_is_no_longer_available) {
    ListReader reader(200);
    PredicateCursor cursor(reader);
    // A whole read of them, and one more.
    reader.gone = {reader.ids.begin() + 64, reader.ids.begin() + 129};
    std::vector<ProxyId> expected(reader.ids.begin(), reader.ids.begin() + 64);
    expected.insert(expected.end(), reader.ids.begin() + 129, reader.ids.end());
    EXPECT_EQ(all_of(cursor), expected);
}

}  // namespace
}  // namespace pharox::sqlkit
