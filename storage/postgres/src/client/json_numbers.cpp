#include "client/json_numbers.hpp"

#include <algorithm>

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

Json parse_stored(std::string_view text) {
    constexpr std::size_t digits_of_64_bits = 19;
    std::string rewritten;
    std::size_t copied = 0;
    bool in_text = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (in_text) {
            if (text[at] == '\\') {
                ++at;
            } else if (text[at] == '"') {
                in_text = false;
            }
            continue;
        }
        if (text[at] == '"') in_text = true;
        if (text[at] < '0' || text[at] > '9') continue;
        const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
        const std::string_view digits = text.substr(at, end - at);
        const bool negative = at > 0 && text[at - 1] == '-';
        const std::string_view most = negative ? "9223372036854775808" : "9223372036854775807";
        const bool fraction_follows = end < text.size() && text[end] == '.';
        const bool too_large =
            digits.size() > digits_of_64_bits || (digits.size() == digits_of_64_bits && digits > most);
        if (too_large && !fraction_follows) {
            rewritten.append(text.substr(copied, end - copied)).append(".0");
            copied = end;
        }
        at = end - 1;
        if (fraction_follows) at = std::min(text.find_first_not_of("0123456789", end + 1), text.size()) - 1;
    }
    if (copied == 0) return Json::parse(text);
    return Json::parse(rewritten.append(text.substr(copied)));
}

}  // namespace pharox::postgres
