#include "model/credential_template.hpp"

#include "pharox/errors.hpp"

namespace pharox {
namespace {

using Part = CredentialTemplate::Part;
using Kind = CredentialTemplate::Kind;

constexpr std::string_view metadata_prefix = "metadata.";

[[noreturn]] void refuse(std::string_view field, std::string rule) {
    throw ValidationError(std::string(field), ValidationError::hidden_value, std::move(rule));
}

std::vector<std::string> split_path(std::string_view field, std::string_view path) {
    std::vector<std::string> keys;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('.', begin), path.size());
        if (end == begin) refuse(field, "contains an empty key in a {metadata.path}");
        keys.emplace_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    return keys;
}

Part placeholder(std::string_view field, std::string_view name) {
    if (name == "lease") return {.kind = Kind::lease};
    if (name == "session") return {.kind = Kind::session};
    if (name == "country") return {.kind = Kind::country};
    if (name == "city") return {.kind = Kind::city};
    if (name.substr(0, metadata_prefix.size()) == metadata_prefix) {
        return {.kind = Kind::metadata, .path = split_path(field, name.substr(metadata_prefix.size()))};
    }
    refuse(field,
           "contains a placeholder that is not {lease}, {session}, {country}, {city} or {metadata.path}");
}

std::optional<std::string> attribute(const Part& part, const Proxy& proxy) {
    if (part.kind == Kind::country) return proxy.country;
    if (part.kind == Kind::city) return proxy.city;
    Json value = proxy.metadata;
    for (const std::string& key : part.path) {
        const auto member = value.find(key);
        if (!member) return std::nullopt;
        value = *member;
    }
    if (const auto text = value.as_string()) return text;
    if (value.is_null() || value.is_object() || value.is_array()) return std::nullopt;
    return value.dump();
}

std::string name_of(const Part& part) {
    if (part.kind == Kind::country) return "country";
    if (part.kind == Kind::city) return "city";
    std::string name = "metadata";
    for (const std::string& key : part.path) name += "." + key;
    return name;
}

void append_literal(std::vector<Part>& parts, std::string_view text) {
    if (parts.empty() || parts.back().kind != Kind::literal) parts.emplace_back();
    parts.back().text += text;
}

}  // namespace

CredentialTemplate CredentialTemplate::parse(std::string_view field, std::string_view pattern) {
    CredentialTemplate result;
    std::size_t position = 0;
    while (position < pattern.size()) {
        const char c = pattern[position];
        const bool doubled = pattern.substr(position + 1, 1) == std::string_view(&c, 1);
        if (c != '{' && c != '}') {
            const std::size_t end = std::min(pattern.find_first_of("{}", position), pattern.size());
            append_literal(result.parts_, pattern.substr(position, end - position));
            position = end;
        } else if (doubled) {
            append_literal(result.parts_, pattern.substr(position, 1));
            position += 2;
        } else if (c == '}') {
            refuse(field, "contains a } without a matching { (a literal one is doubled)");
        } else {
            const std::size_t end = pattern.find('}', position);
            if (end == std::string_view::npos)
                refuse(field, "contains a { that is not closed (a literal one is doubled)");
            result.parts_.push_back(placeholder(field, pattern.substr(position + 1, end - position - 1)));
            position = end + 1;
        }
    }
    return result;
}

std::vector<Part> CredentialTemplate::fill_attributes(std::string_view field, const Proxy& proxy) const {
    std::vector<Part> filled;
    for (const Part& part : parts_) {
        if (part.kind == Kind::lease || part.kind == Kind::session) {
            filled.push_back(part);
        } else if (part.kind == Kind::literal) {
            append_literal(filled, part.text);
        } else if (const auto value = attribute(part, proxy)) {
            append_literal(filled, *value);
        } else {
            refuse(field, "needs {" + name_of(part) + "}, which the proxy does not have");
        }
    }
    return filled;
}

}  // namespace pharox
