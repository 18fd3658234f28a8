#include "sql_functions.hpp"

#include <sqlite3.h>

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/json.hpp"

namespace pharox::sqlite {

namespace {

std::string_view blob_of(sqlite3_value* value) noexcept {
    const auto* data = static_cast<const char*>(sqlite3_value_blob(value));
    const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
    return data == nullptr ? std::string_view() : std::string_view(data, size);
}

bool is_null(sqlite3_value* value) noexcept { return sqlite3_value_type(value) == SQLITE_NULL; }

/// pharox_within(latitude, longitude, around_latitude, around_longitude, radius_km)
void within(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (is_null(arguments[0]) || is_null(arguments[1])) return sqlite3_result_int(context, 0);
    const double distance =
        haversine_distance_km(sqlite3_value_double(arguments[0]), sqlite3_value_double(arguments[1]),
                              sqlite3_value_double(arguments[2]), sqlite3_value_double(arguments[3]));
    sqlite3_result_int(context, distance <= sqlite3_value_double(arguments[4]) ? 1 : 0);
}

/// pharox_at(latitude, longitude, wanted_latitude, wanted_longitude)
void at(sqlite3_context* context, int, sqlite3_value** arguments) {
    constexpr double tolerance = 1e-6;
    if (is_null(arguments[0]) || is_null(arguments[1])) return sqlite3_result_int(context, 0);
    const bool equal =
        std::abs(sqlite3_value_double(arguments[0]) - sqlite3_value_double(arguments[2])) <= tolerance &&
        std::abs(sqlite3_value_double(arguments[1]) - sqlite3_value_double(arguments[3])) <= tolerance;
    sqlite3_result_int(context, equal ? 1 : 0);
}

/// pharox_has_tag(tags, tag), tags as encode_tags() makes them
void has_tag(sqlite3_context* context, int, sqlite3_value** arguments) {
    std::string_view tags = blob_of(arguments[0]);
    const std::string_view wanted = blob_of(arguments[1]);
    bool found = false;
    while (tags.size() > 1 && !found) {
        tags.remove_prefix(1);
        const std::string_view tag = tags.substr(0, tags.find('\0'));
        found = tag == wanted;
        tags.remove_prefix(tag.size());
    }
    sqlite3_result_int(context, found ? 1 : 0);
}

struct WantedMetadata {
    std::vector<std::string> path;
    Json equals;
};

/// Parsed once per statement, not once per row.
WantedMetadata* wanted_metadata(sqlite3_context* context, sqlite3_value** arguments) {
    if (auto* kept = static_cast<WantedMetadata*>(sqlite3_get_auxdata(context, 1))) return kept;
    auto wanted = std::make_unique<WantedMetadata>();
    wanted->path = parse_pointer(blob_of(arguments[1]));
    wanted->equals = Json::parse(blob_of(arguments[2]));
    sqlite3_set_auxdata(context, 1, wanted.release(),
                        [](void* kept) { delete static_cast<WantedMetadata*>(kept); });
    return static_cast<WantedMetadata*>(sqlite3_get_auxdata(context, 1));
}

/// pharox_metadata_equals(metadata, pointer, json)
void metadata_equals(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (is_null(arguments[0])) return sqlite3_result_int(context, 0);
    try {
        const WantedMetadata* wanted = wanted_metadata(context, arguments);
        if (wanted == nullptr) return sqlite3_result_error_nomem(context);
        std::optional<Json> value = Json::parse(blob_of(arguments[0]));
        for (const std::string& key : wanted->path) {
            value = value->find(key);
            if (!value) break;
        }
        sqlite3_result_int(context, value && *value == wanted->equals ? 1 : 0);
    } catch (const std::exception& error) {
        sqlite3_result_error(context, error.what(), -1);
    }
}

}  // namespace

int register_functions(sqlite3* database) noexcept {
    struct Entry {
        const char* name;
        int arguments;
        void (*function)(sqlite3_context*, int, sqlite3_value**);
    };
    constexpr Entry entries[] = {
        {.name = "pharox_within", .arguments = 5, .function = within},
        {.name = "pharox_at", .arguments = 4, .function = at},
        {.name = "pharox_has_tag", .arguments = 2, .function = has_tag},
        {.name = "pharox_metadata_equals", .arguments = 3, .function = metadata_equals}};
    for (const Entry& entry : entries) {
        const int code = sqlite3_create_function_v2(database, entry.name, entry.arguments,
                                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
                                                    nullptr, entry.function, nullptr, nullptr, nullptr);
        if (code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

}  // namespace pharox::sqlite
