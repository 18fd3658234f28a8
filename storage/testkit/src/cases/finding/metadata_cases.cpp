// Filters on a proxy's metadata.
#include <limits>

#include "cases/finding/found.hpp"
#include "runner/case.hpp"

namespace pharox::testkit {

namespace {

struct Shelf {
    Context& context;
    ProxyPool pool;

    // NOLINTNEXTLINE(modernize-use-nodiscard): mostly its being there matters
    Proxy with(const Json& metadata) const {
        return context.add_proxy(pool, [&](Proxy& it) { it.metadata = metadata; });
    }
    void expect(std::vector<std::string> path, const Json& value, const std::vector<Proxy>& wanted) const {
        expect_found(context, {.metadata = {{std::move(path), value}}}, wanted);
    }
};

void metadata_equals_by_value(Context& context) {
    const Shelf shelf{context, context.add_pool()};
    shelf.with(Json::object());
    const auto text = shelf.with(Json::object({{"v", "1"}}));
    const auto integer = shelf.with(Json::object({{"v", 1}}));
    const auto number = shelf.with(Json::object({{"v", 1.0}}));
    const auto half = shelf.with(Json::object({{"v", 1.5}}));
    const auto yes = shelf.with(Json::object({{"v", true}}));
    const auto no = shelf.with(Json::object({{"v", false}}));
    const auto zero = shelf.with(Json::object({{"v", 0}}));
    shelf.with(Json::object({{"v", Json()}}));
    shelf.with(Json::object({{"v", Json::array({1, "1", true})}}));
    shelf.with(Json::object({{"v", Json::object({{"v", 1}})}}));
    shelf.expect({"v"}, "1", {text});
    shelf.expect({"v"}, 1, {integer, number});
    shelf.expect({"v"}, 1.0, {integer, number});
    shelf.expect({"v"}, 1.5, {half});
    shelf.expect({"v"}, true, {yes});
    shelf.expect({"v"}, false, {no});
    shelf.expect({"v"}, 0, {zero});
    shelf.expect({"v"}, -0.0, {zero});
    shelf.expect({"v"}, "true", {});
    shelf.expect({"w"}, 1, {});
    const auto gold = shelf.with(Json::object({{"tier", "gold"}}));
    const auto upper = shelf.with(Json::object({{"tier", "GOLD"}}));
    const auto spaced = shelf.with(Json::object({{"tier", "gold "}}));
    const auto empty = shelf.with(Json::object({{"tier", ""}}));
    shelf.expect({"tier"}, "gold", {gold});
    shelf.expect({"tier"}, "GOLD", {upper});
    shelf.expect({"tier"}, "gold ", {spaced});
    shelf.expect({"tier"}, "", {empty});
}

void metadata_numbers_are_exact(Context& context) {
    const Shelf shelf{context, context.add_pool()};
    const auto big = std::numeric_limits<std::int64_t>::max();
    const auto last = shelf.with(Json::object({{"n", big}}));
    const auto before = shelf.with(Json::object({{"n", big - 1}}));
    const auto least = shelf.with(Json::object({{"n", std::numeric_limits<std::int64_t>::min()}}));
    const auto above_doubles = shelf.with(Json::object({{"n", std::int64_t{9'007'199'254'740'993}}}));
    const auto tenth = shelf.with(Json::object({{"n", 0.1}}));
    const auto huge = shelf.with(Json::object({{"n", 1e300}}));
    shelf.expect({"n"}, big, {last});
    shelf.expect({"n"}, big - 1, {before});
    shelf.expect({"n"}, std::numeric_limits<std::int64_t>::min(), {least});
    shelf.expect({"n"}, std::int64_t{9'007'199'254'740'992}, {});
    shelf.expect({"n"}, std::int64_t{9'007'199'254'740'993}, {above_doubles});
    shelf.expect({"n"}, 0.1, {tenth});
    shelf.expect({"n"}, 0.1000001, {});
    shelf.expect({"n"}, 1e300, {huge});
}

void metadata_paths_lead_into_objects(Context& context) {
    const Shelf shelf{context, context.add_pool()};
    const auto deep =
        shelf.with(Json::object({{"plan", Json::object({{"tier", Json::object({{"name", "gold"}})}})}}));
    const auto flat = shelf.with(Json::object({{"plan", "gold"}}));
    shelf.with(Json::object({{"plan", Json::array({Json::object({{"tier", "gold"}}), "gold"})}}));
    shelf.expect({"plan", "tier", "name"}, "gold", {deep});
    shelf.expect({"plan"}, "gold", {flat});
    shelf.expect({"plan", "tier"}, "gold", {});
    shelf.expect({"plan", "0"}, "gold", {});
    shelf.expect({"plan", "1"}, "gold", {});
    shelf.expect({"plan", "0", "tier"}, "gold", {});
    Json nested = "here";
    std::vector<std::string> path;
    for (const char* const key : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}) {
        nested = Json::object({{key, nested}});
        path.insert(path.begin(), key);
    }
    const auto ten_levels = shelf.with(nested);
    shelf.expect(path, "here", {ten_levels});
}

void metadata_keys_may_be_anything(Context& context) {
    const Shelf shelf{context, context.add_pool()};
    for (const std::string key :
         {"a/b",         "a~b",       "~1",  "~0",  "a.b",       "$",       "0",
          "a\"b",        "it's",      "[0]", "*",   " ",         "",        "\xc3\xbc",
          "back\\slash", "new\nline", "Key", "key", "e\xcc\x81", "\xc3\xa9"}) {
        SCOPED_TRACE(key);
        const auto proxy = shelf.with(Json::object({{key, "here"}}));
        const auto nested = shelf.with(Json::object({{"in", Json::object({{key, "here"}})}}));
        shelf.expect({key}, "here", {proxy});
        shelf.expect({"in", key}, "here", {nested});
    }
    shelf.expect({"a", "b"}, "here", {});
}

void metadata_conditions_all_hold(Context& context) {
    const Shelf shelf{context, context.add_pool()};
    const auto both = shelf.with(Json::object({{"a", 1}, {"b", "x"}}));
    const auto one = shelf.with(Json::object({{"a", 1}}));
    expect_found(context, {.metadata = {{{"a"}, 1}, {{"b"}, "x"}}}, {both});
    expect_found(context, {.metadata = {{{"a"}, 1}}, .none_of = {{.metadata = {{{"b"}, "x"}}}}}, {one});
    expect_found(context, {.metadata = {{{"a"}, 1}, {{"a"}, 2}}}, {});
}

void wrong_metadata_filters_are_refused(Context& context) {
    context.add_pool();
    for (const auto& wrong :
         {MetadataFilter{{}, 1}, MetadataFilter{{"a"}, Json()}, MetadataFilter{{"a"}, Json::array({1})},
          MetadataFilter{{"a"}, Json::object()}}) {
        EXPECT_TRUE(thrown<ValidationError>([&] { context.find("pool", {.metadata = {wrong}}); }))
            << wrong.equals;
    }
}

}  // namespace

std::vector<Case> metadata_cases() {
    return {
        {"metadata_equals_by_value", {"X-06"}, {}, metadata_equals_by_value},
        {"metadata_numbers_are_exact", {"X-06", "J-03"}, {}, metadata_numbers_are_exact},
        {"metadata_paths_lead_into_objects", {"X-06"}, {}, metadata_paths_lead_into_objects},
        {"metadata_keys_may_be_anything", {"X-06"}, {}, metadata_keys_may_be_anything},
        {"metadata_conditions_all_hold", {"X-06", "X-15"}, {}, metadata_conditions_all_hold},
        {"wrong_metadata_filters_are_refused", {"X-14"}, {}, wrong_metadata_filters_are_refused},
    };
}

}  // namespace pharox::testkit
