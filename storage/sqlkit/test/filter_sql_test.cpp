#include "filter_sql.hpp"

#include <gtest/gtest.h>

namespace pharox::sqlkit {
namespace {

std::vector<SqlValue> metadata_values(const MetadataFilter& wanted) {
    return {wanted.path.back(), wanted.equals.dump()};
}

constexpr Dialect dialect{
    .yes = "YES",
    .no = "NO",
    .equals = "{column} = ?",
    .one_of = "{column} IN {values}",
    .not_ids = "id NOT IN {values}",
    .tag = "tag(?)",
    .within = "within(?, ?, ?)",
    .at = "at(?, ?)",
    .metadata = "metadata(?, ?)",
    .metadata_values = metadata_values,
};

FilterSql compiled(const ProxyFilters& filters, Attribute served = Attribute::none) {
    return compile_filter(dialect, filters, served);
}

TEST(FilterSql, of_no_filter_is_empty_and_exact) {
    const FilterSql sql = compiled({});
    EXPECT_EQ(sql.where, "");
    EXPECT_TRUE(sql.values.empty());
    EXPECT_TRUE(sql.exact);
}

TEST(FilterSql, fields_are_a_conjunction_whose_values_are_parameters) {
    const FilterSql sql = compiled({.country = "DE", .asn = 64'500, .tags = {"fast", "it's"}});
    EXPECT_EQ(sql.where, " AND asn = ? AND country = ? AND tag(?) AND tag(?)");
    ASSERT_EQ(sql.values.size(), 4U);
    EXPECT_EQ(std::get<std::int64_t>(sql.values[0]), 64'500);
    EXPECT_EQ(std::get<std::string>(sql.values[1]), "DE");
    EXPECT_EQ(std::get<std::string>(sql.values[3]), "it's");
}

TEST(FilterSql, lists_are_padded_to_a_power_of_two_with_their_last_value) {
    const FilterSql sql = compiled({.country = {"DE", "FR", "NL"}});
    EXPECT_EQ(sql.where, " AND country IN (?, ?, ?, ?)");
    ASSERT_EQ(sql.values.size(), 4U);
    EXPECT_EQ(std::get<std::string>(sql.values[3]), std::get<std::string>(sql.values[2]));
}

TEST(FilterSql, exclusions_are_ids) {
    const ProxyId one = ProxyId::make();
    const FilterSql sql = compiled({.exclude = {one}});
    EXPECT_EQ(sql.where, " AND id NOT IN (?)");
    EXPECT_EQ(std::get<UuidBytes>(sql.values.at(0)), one.bytes());
}

TEST(FilterSql, a_place_needs_both_coordinates) {
    EXPECT_EQ(compiled({.latitude = 1, .longitude = 2}).where, " AND at(?, ?)");
    EXPECT_EQ(compiled({.latitude = 1, .longitude = 2, .radius_km = 3}).where, " AND within(?, ?, ?)");
}

TEST(FilterSql, groups_nest_and_an_empty_part_is_true) {
    const FilterSql sql = compiled({.any_of = {{.country = "DE"}, {.source = "a", .country = "FR"}, {}},
                                    .none_of = {{.city = "Paris"}}});
    EXPECT_EQ(sql.where, " AND (country = ? OR ((source = ? AND country = ?) OR YES)) AND NOT city = ?");
}

TEST(FilterSql, of_a_predicate_is_a_superset) {
    ProxyFilters filters{.country = "DE"};
    filters.predicate = [](const Proxy&) { return false; };
    const FilterSql sql = compiled(filters);
    EXPECT_EQ(sql.where, " AND country = ?");
    EXPECT_FALSE(sql.exact);
}

TEST(FilterSql, under_a_negation_a_predicate_excludes_nothing_for_certain) {
    ProxyFilters part{.country = "DE"};
    part.predicate = [](const Proxy&) { return false; };
    EXPECT_EQ(compiled({.none_of = {part}}).where, " AND NOT (country = ? AND NO)");
    EXPECT_EQ(compiled({.none_of = {{.none_of = {part}}}}).where, " AND NOT NOT country = ?");
}

TEST(FilterSql, beyond_what_databases_bind_everything_is_left_to_the_evaluator) {
    ProxyFilters filters;
    for (int i = 0; i < 2'001; ++i) filters.tags.push_back("tag" + std::to_string(i));
    const FilterSql sql = compiled(filters);
    EXPECT_EQ(sql.where, "");
    EXPECT_TRUE(sql.values.empty());
    EXPECT_FALSE(sql.exact);
}

TEST(FilterSql, leaves_out_the_attribute_that_the_caller_states) {
    const ProxyFilters filters{.country = "DE", .city = "Berlin", .any_of = {{.city = "Berlin"}}};
    EXPECT_EQ(compiled(filters, Attribute::city).where, " AND country = ? AND city = ?")
        << "only the root's condition is stated";
}

TEST(IndexedEquality, is_the_most_selective_single_value) {
    EXPECT_EQ(indexed_equality({}).attribute, Attribute::none);
    EXPECT_EQ(indexed_equality({.country = {"DE", "FR"}}).attribute, Attribute::none);
    EXPECT_EQ(indexed_equality({.country = "DE", .city = "Berlin"}).attribute, Attribute::city);
    const IndexedEquality asn = indexed_equality({.country = "DE", .asn = 64'500});
    EXPECT_EQ(column_of(asn.attribute), "asn");
    EXPECT_EQ(std::get<std::int64_t>(asn.value), 64'500);
    EXPECT_EQ(indexed_equality({.any_of = {{.country = "DE"}}}).attribute, Attribute::none);
}

}  // namespace
}  // namespace pharox::sqlkit
