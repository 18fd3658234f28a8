#include "json_numbers.hpp"

namespace pharox::postgres {

namespace {

/// Whether the text may hold a whole number that is written as a double: 2.0 or 4e+18.
bool may_need_rewriting(const std::string& text) {
    return text.find(".0") != std::string::npos || text.find("e+") != std::string::npos;
}

Json with_whole_numbers(const Json& value) {
    if (value.kind() == Json::Kind::number) {
        if (const auto whole = value.as_integer()) return *whole;
        return value;
    }
    if (value.is_array()) {
        Json array = Json::array();
        for (std::size_t i = 0; i < value.size(); ++i) {
            array = array.with_element(with_whole_numbers(value.at(i)));
        }
        return array;
    }
    if (value.is_object()) {
        Json object = Json::object();
        value.for_each_member([&](const std::string& key, const Json& member) {
            object = object.with(key, with_whole_numbers(member));
        });
        return object;
    }
    return value;
}

}  // namespace

std::string dump_numbers_exactly(const Json& value) {
    std::string text = value.dump();
    if (!may_need_rewriting(text)) return text;
    return with_whole_numbers(value).dump();
}

}  // namespace pharox::postgres
