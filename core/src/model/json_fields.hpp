// Conversion between C++ values and JSON.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/errors.hpp"
#include "pharox/filters.hpp"
#include "pharox/model/serialization.hpp"
#include "pharox/selector.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::json_fields {

// ---- to JSON

inline Json write(bool value) { return value; }
inline Json write(int value) { return value; }
inline Json write(std::int64_t value) { return value; }
inline Json write(double value) { return value; }
inline Json write(const std::string& value) { return value; }
inline Json write(const Json& value) { return value; }
inline Json write(Timestamp value) { return format_timestamp(value); }
inline Json write(Duration value) { return std::int64_t{value.count()}; }
inline Json write(ProxyProtocol value) { return to_string(value); }
inline Json write(ProxyStatus value) { return to_string(value); }
inline Json write(LeaseStatus value) { return to_string(value); }
inline Json write(ReleaseReason value) { return to_string(value); }
inline Json write(HealthFailure value) { return to_string(value); }
inline Json write(const ProxyCredentials& value) { return to_json(value); }
inline Json write(const ProxyFilters& value) { return to_json(value); }
inline Json write(const Lease& value) { return to_json(value); }
inline Json write(const PoolStatsSnapshot& value) { return to_json(value); }
inline Json write(Selector value) { return to_string(value); }
inline Json write(Miss value) { return to_string(value); }
inline Json write(std::chrono::microseconds value) { return std::int64_t{value.count()}; }
Json write(const MetadataFilter& value);
template <class Tag>
Json write(const Id<Tag>& value) {
    return value.to_string();
}
template <class T>
Json write_list(const T& values) {
    Json list = Json::array();
    for (const auto& value : values) list = list.with_element(write(value));
    return list;
}
template <class T>
Json write(const std::vector<T>& values) {
    return write_list(values);
}
inline Json write(const std::set<std::string>& values) { return write_list(values); }
inline Json write(const std::map<std::string, std::string>& values) {
    Json object = Json::object();
    for (const auto& [key, value] : values) object = object.with(key, value);
    return object;
}
template <class T>
Json write(const OneOf<T>& values) {
    return values.values().size() == 1 ? write(values.values().front()) : write_list(values.values());
}

/// Collects the members of an object. Absent optionals produce no key.
class Writer {
  public:
    template <class T>
    void required(std::string_view name, const T& value) {
        json_ = json_.with(name, write(value));
    }
    template <class T>
    void defaulted(std::string_view name, const T& value) {
        required(name, value);
    }
    template <class T>
    void optional(std::string_view name, const std::optional<T>& value) {
        if (value) required(name, *value);
    }
    /// A list that is omitted if it is empty.
    template <class T>
    void constraint(std::string_view name, const T& value) {
        if (!value.empty()) required(name, value);
    }
    [[nodiscard]] Json take() const { return json_; }

  private:
    Json json_ = Json::object();
};

// ---- from JSON

[[noreturn]] inline void wrong_kind(const std::string& field, const Json& json, const char* rule) {
    throw ValidationError(field, json.is_string() ? *json.as_string() : json.dump(), rule);
}

void read(const std::string& field, const Json& json, bool& value);
void read(const std::string& field, const Json& json, int& value);
void read(const std::string& field, const Json& json, std::int64_t& value);
void read(const std::string& field, const Json& json, double& value);
void read(const std::string& field, const Json& json, std::string& value);
void read(const std::string& field, const Json& json, Json& value);
void read(const std::string& field, const Json& json, Timestamp& value);
void read(const std::string& field, const Json& json, Duration& value);
void read(const std::string& field, const Json& json, ProxyProtocol& value);
void read(const std::string& field, const Json& json, ProxyStatus& value);
void read(const std::string& field, const Json& json, LeaseStatus& value);
void read(const std::string& field, const Json& json, ReleaseReason& value);
void read(const std::string& field, const Json& json, HealthFailure& value);
void read(const std::string& field, const Json& json, ProxyCredentials& value);
void read(const std::string& field, const Json& json, ProxyFilters& value);
void read(const std::string& field, const Json& json, MetadataFilter& value);
void read(const std::string& field, const Json& json, Lease& value);
void read(const std::string& field, const Json& json, PoolStatsSnapshot& value);
void read(const std::string& field, const Json& json, Selector& value);
void read(const std::string& field, const Json& json, Miss& value);
void read(const std::string& field, const Json& json, std::chrono::microseconds& value);
void read(const std::string& field, const Json& json, std::set<std::string>& value);
void read(const std::string& field, const Json& json, std::map<std::string, std::string>& value);
template <class Tag>
void read(const std::string& field, const Json& json, Id<Tag>& value) {
    const auto text = json.as_string();
    if (!text) wrong_kind(field, json, "is not a UUID");
    value = Id<Tag>(detail::parse_uuid(field, *text));
}
template <class T>
void read(const std::string& field, const Json& json, std::vector<T>& values) {
    if (!json.is_array()) wrong_kind(field, json, "is not a list");
    values.clear();
    for (std::size_t i = 0; i < json.size(); ++i) {
        read(field + "[" + std::to_string(i) + "]", json.at(i), values.emplace_back());
    }
}
template <class T>
void read(const std::string& field, const Json& json, OneOf<T>& values) {
    std::vector<T> list;
    if (json.is_array()) {
        read(field, json, list);
    } else {
        read(field, json, list.emplace_back());
    }
    values = OneOf<T>(std::move(list));
}

/// Reads the members of an object and refuses unknown ones. Null is treated as absent.
class Reader {
  public:
    /// `prefix` precedes every field's name in errors.
    Reader(const Json& json, std::string_view what, std::string prefix = "")
        : json_(json), prefix_(std::move(prefix)) {
        if (!json.is_object()) wrong_kind(std::string(what), json, "is not a JSON object");
    }

    template <class T>
    void required(std::string_view name, T& value) {
        if (!take(name, value)) throw ValidationError(prefix_ + std::string(name), {}, "is missing");
    }
    template <class T>
    void defaulted(std::string_view name, T& value) {
        take(name, value);
    }
    template <class T>
    void optional(std::string_view name, std::optional<T>& value) {
        T present{};
        if (take(name, present)) value = std::move(present);
    }
    template <class T>
    void constraint(std::string_view name, T& value) {
        take(name, value);
    }
    /// Throws ValidationError for a member that was not read.
    void finish() const {
        json_.for_each_member([this](const std::string& name, const Json&) {
            if (!known_.contains(name)) throw ValidationError(prefix_ + name, {}, "is not a known field");
        });
    }

  private:
    template <class T>
    bool take(std::string_view name, T& value) {
        known_.insert(std::string(name));
        const auto member = json_.find(name);
        if (!member || member->is_null()) return false;
        read(prefix_ + std::string(name), *member, value);
        return true;
    }
    Json json_;
    std::string prefix_;
    std::set<std::string> known_;
};

}  // namespace pharox::json_fields
