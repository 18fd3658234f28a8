#include "statement_text.hpp"

#include <gtest/gtest.h>

#include "sort_order.hpp"

namespace pharox::sqlkit {
namespace {

TEST(Slots, are_filled_wherever_they_stand) {
    EXPECT_EQ(fill_slots("SELECT 1", {}), "SELECT 1");
    EXPECT_EQ(fill_slots("{a}", {{"a", "x"}}), "x");
    EXPECT_EQ(fill_slots("{a} FROM {b}.t {a}", {{"a", "x"}, {"b", "y"}}), "x FROM y.t x");
    EXPECT_EQ(fill_slots("SELECT 1{filter}", {{"filter", ""}}), "SELECT 1");
}

TEST(Slots, a_text_with_braces_is_not_filled_again) {
    EXPECT_EQ(fill_slots("{a}{b}", {{"a", "{b}"}, {"b", "y"}}), "{b}y");
}

TEST(Slots, a_slot_without_a_text_is_an_error_of_the_code) {
    EXPECT_THROW(fill_slots("SELECT {columns}", {{"filter", ""}}), std::logic_error);
}

TEST(SortOrders, every_selector_has_one_that_ends_in_the_id) {
    for (int i = 0; i < selector_count; ++i) {
        const SortOrder& order = sort_order_of(static_cast<Selector>(i));
        EXPECT_EQ(order.name, to_string(static_cast<Selector>(i)));
        EXPECT_TRUE(order.columns.ends_with(", id")) << order.name << ": equal rows have a fixed order";
    }
    EXPECT_EQ(sort_order_of(Selector::weighted_random).condition, " AND weight > 0");
}

}  // namespace
}  // namespace pharox::sqlkit
