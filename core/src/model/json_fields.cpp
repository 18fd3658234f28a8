#include "model/json_fields.hpp"

#include "model/rules.hpp"

namespace pharox::json_fields {
namespace {

std::string text_of(const std::string& field, const Json& json, const char* rule) {
    auto text = json.as_string();
    if (!text) wrong_kind(field, json, rule);
    return *std::move(text);
}

}  // namespace

Json write(const MetadataFilter& value) {
    return Json::object({{"pointer", to_pointer(value.path)}, {"equals", value.equals}});
}

void read(const std::string& field, const Json& json, bool& value) {
    const auto read = json.as_bool();
    if (!read) wrong_kind(field, json, "is not true or false");
    value = *read;
}

void read(const std::string& field, const Json& json, std::int64_t& value) {
    const auto read = json.as_integer();
    if (!read) wrong_kind(field, json, "is not a whole number");
    value = *read;
}

void read(const std::string& field, const Json& json, int& value) {
    std::int64_t wide = 0;
    read(field, json, wide);
    if (wide > std::numeric_limits<int>::max()) wrong_kind(field, json, "is above 2147483647");
    if (wide < std::numeric_limits<int>::min()) wrong_kind(field, json, "is below -2147483648");
    value = static_cast<int>(wide);
}

void read(const std::string& field, const Json& json, double& value) {
    const auto read = json.as_number();
    if (!read) wrong_kind(field, json, "is not a number");
    value = *read;
}

void read(const std::string& field, const Json& json, std::string& value) {
    value = text_of(field, json, "is not text");
}

void read(const std::string& /*field*/, const Json& json, Json& value) { value = json; }

void read(const std::string& field, const Json& json, Timestamp& value) {
    value = parse_timestamp(field, text_of(field, json, "is not a time"));
}

void read(const std::string& field, const Json& json, Duration& value) {
    std::int64_t milliseconds = 0;
    read(field, json, milliseconds);
    value = Duration(milliseconds);
}

void read(const std::string& field, const Json& json, ProxyProtocol& value) {
    value = parse_proxy_protocol(text_of(field, json, "is not a protocol"), field);
}

void read(const std::string& field, const Json& json, ProxyStatus& value) {
    value = parse_proxy_status(text_of(field, json, "is not a status"), field);
}

void read(const std::string& field, const Json& json, LeaseStatus& value) {
    value = parse_lease_status(text_of(field, json, "is not a status"), field);
}

void read(const std::string& field, const Json& json, ReleaseReason& value) {
    value = parse_release_reason(text_of(field, json, "is not a reason"), field);
}

void read(const std::string& field, const Json& json, HealthFailure& value) {
    value = parse_health_failure(text_of(field, json, "is not a cause"), field);
}

void read(const std::string& field, const Json& json, ProxyCredentials& value) {
    // Errors never show the value, because it may be a secret.
    const auto refuse = [](const std::string& name, const char* rule) {
        throw ValidationError(name, ValidationError::hidden_value, rule);
    };
    if (!json.is_object()) refuse(field, "is not a JSON object");
    for (const char* name : {"user", "password"}) {
        const auto member = json.find(name);
        if (member && !member->is_null() && !member->is_string()) refuse(field + "." + name, "is not text");
    }
    const auto is_template = json.find("template");
    if (is_template && !is_template->is_null() && !is_template->as_bool()) {
        refuse(field + ".template", "is not true or false");
    }
    Reader reader(json, field, field + ".");
    reader.required("user", value.user);
    reader.required("password", value.password);
    reader.defaulted("template", value.template_);
    reader.finish();
}

void read(const std::string& field, const Json& json, MetadataFilter& value) {
    Reader reader(json, field, field + ".");
    std::string pointer;
    reader.required("pointer", pointer);
    reader.required("equals", value.equals);
    reader.finish();
    value.path = parse_pointer(pointer, field + ".pointer");
}

void read(const std::string& /*field*/, const Json& json, Lease& value) { value = from_json<Lease>(json); }

void read(const std::string& /*field*/, const Json& json, PoolStatsSnapshot& value) {
    value = from_json<PoolStatsSnapshot>(json);
}

void read(const std::string& field, const Json& json, Selector& value) {
    value = parse_selector(text_of(field, json, "is not a selector"), field);
}

void read(const std::string& field, const Json& json, Miss& value) {
    value = parse_miss(text_of(field, json, "is not a kind of miss"), field);
}

void read(const std::string& field, const Json& json, std::chrono::microseconds& value) {
    std::int64_t count = 0;
    read(field, json, count);
    validate_at_least(field, count, 0);
    value = std::chrono::microseconds(count);
}

void read(const std::string& field, const Json& json, std::set<std::string>& value) {
    std::vector<std::string> list;
    read(field, json, list);
    value = {list.begin(), list.end()};
}

void read(const std::string& field, const Json& json, std::map<std::string, std::string>& value) {
    // Neither the values nor other text in their place is shown, because both may be secrets.
    if (!json.is_object())
        throw ValidationError(field, ValidationError::hidden_value, "is not a JSON object");
    json.for_each_member([&](const std::string& key, const Json& member) {
        if (!member.is_string()) {
            throw ValidationError(field + "." + key, ValidationError::hidden_value, "is not text");
        }
        value[key] = *member.as_string();
    });
}

}  // namespace pharox::json_fields
