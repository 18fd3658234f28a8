#include "independent/records.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace pharox::testkit::independent {

namespace {

template <class Enum>
std::string code(Enum value) {
    return std::to_string(static_cast<int>(value));
}

std::int64_t integer(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }
double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }
Timestamp time_of(const std::string& text) { return Timestamp(std::chrono::microseconds(integer(text))); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

std::string in_case(std::string text, int (*change)(int)) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x80) c = static_cast<char>(change(c));
    }
    return text;
}

/// Characters that take `bytes` bytes of UTF-8 or more become question marks.
std::string without_wide(const std::string& text, int bytes) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const int size = 1 + static_cast<int>(lead >= 0x80) + static_cast<int>(lead >= 0xE0) +
                         static_cast<int>(lead >= 0xF0);
        result += size >= bytes ? "?" : text.substr(at, static_cast<std::size_t>(size));
        at += static_cast<std::size_t>(size);
    }
    return result;
}

/// Only the outermost members, those that are no objects.
Json flat(const Json& metadata) {
    Json result = Json::object();
    metadata.for_each_member([&](const std::string& key, const Json& value) {
        if (!value.is_object()) result = result.with(key, value);
    });
    return result;
}

template <class Keep>
Json members(const Json& metadata, Keep keep) {
    Json result = Json::object();
    metadata.for_each_member([&](const std::string& key, const Json& value) {
        if (keep(value)) result = result.with(key, value);
    });
    return result;
}

}  // namespace

// ---- Texts

std::string Codec::joined(const Fields& fields) const {
    std::string text;
    for (const auto& [name, value] : fields) {
        std::string kept = value;
        if (!planted_("backslash_is_not_escaped")) kept = replaced(std::move(kept), "\\", "\\\\");
        if (!planted_("newline_is_not_escaped")) kept = replaced(std::move(kept), "\n", "\\n");
        text.append(name).append("=").append(kept).append("\n");
    }
    return text;
}

Codec::Fields Codec::split(const std::string& text) const {
    Fields fields;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = text.find('\n', at);
        if (end == std::string::npos) end = text.size();
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        const std::size_t equals =
            planted_("value_is_split_at_the_last_equals_sign") ? line.rfind('=') : line.find('=');
        if (equals == std::string::npos) continue;
        std::string value;
        for (std::size_t i = equals + 1; i < line.size(); ++i) {
            if (line[i] != '\\' || i + 1 == line.size()) {
                value += line[i];
            } else {
                ++i;
                value += line[i] == 'n' ? '\n' : line[i];
            }
        }
        if (planted_("comment_sign_ends_a_value")) value = value.substr(0, value.find('#'));
        fields.emplace(line.substr(0, equals), std::move(value));
    }
    return fields;
}

std::string Codec::attribute(std::string text) const {
    if (planted_("attribute_is_lower_cased")) return in_case(text, std::tolower);
    if (planted_("attribute_is_composed")) return replaced(text, "e\xCC\x81", "\xC3\xA9");
    if (planted_("attribute_is_decomposed")) return replaced(text, "\xC3\xA9", "e\xCC\x81");
    if (planted_("attribute_loses_trailing_spaces")) return text.substr(0, text.find_last_not_of(' ') + 1);
    if (planted_("attribute_loses_leading_spaces"))
        return text.substr(std::min(text.find_first_not_of(' '), text.size()));
    if (planted_("attribute_is_cut_at_64_bytes")) return text.substr(0, 64);
    if (planted_("attribute_is_cut_at_128_bytes")) return text.substr(0, 128);
    if (planted_("attribute_is_cut_at_254_bytes")) return text.substr(0, 254);
    if (planted_("attribute_is_latin_1")) return without_wide(text, 3);
    if (planted_("attribute_has_no_four_byte_characters")) return without_wide(text, 4);
    if (planted_("attribute_quotes_are_doubled")) return replaced(text, "'", "''");
    if (planted_("attribute_is_percent_decoded")) return replaced(text, "%20", " ");
    if (planted_("attribute_loses_control_characters")) {
        std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    }
    if (planted_("attribute_tabs_are_spaces")) return replaced(text, "\t", " ");
    if (planted_("attribute_carriage_returns_are_lost")) return replaced(text, "\r\n", "\n");
    if (planted_("attribute_loses_a_byte_order_mark") && text.starts_with("\xEF\xBB\xBF"))
        return text.substr(3);
    if (planted_("attribute_null_is_absent") && (text == "null" || text == "NULL")) return "";
    if (planted_("attribute_runs_of_spaces_are_one")) return replaced(text, "  ", " ");
    return text;
}

std::string Codec::tags_text(const std::set<std::string>& tags) const {
    std::string text;
    for (const std::string& given : tags) {
        std::string tag = given;
        if (planted_("tags_are_lower_cased")) tag = in_case(tag, std::tolower);
        if (planted_("tags_lose_spaces_around_them")) {
            const std::size_t first = tag.find_first_not_of(' ');
            tag = first == std::string::npos ? tag : tag.substr(first, tag.find_last_not_of(' ') - first + 1);
        }
        if (planted_("tags_are_cut_at_64_bytes")) tag = tag.substr(0, 64);
        if (planted_("tags_are_one_text_with_commas")) {
            text += tag + ",";
        } else if (planted_("tags_are_one_text_with_spaces")) {
            text += tag + " ";
        } else if (planted_("tags_are_lines")) {
            text += tag + "\n";
        } else {
            text += std::to_string(tag.size()) + ":" + tag;
        }
        if (planted_("only_the_first_tag_is_kept")) break;
    }
    if (planted_("tags_column_of_255_bytes") && text.size() > 255) text.clear();
    return text;
}

std::set<std::string> Codec::tags(const std::string& text) const {
    std::set<std::string> result;
    for (const auto& [name, separator] : {std::pair{"tags_are_one_text_with_commas", ','},
                                          {"tags_are_one_text_with_spaces", ' '},
                                          {"tags_are_lines", '\n'}}) {
        if (!planted_(name)) continue;
        for (std::size_t at = 0, end = 0; (end = text.find(separator, at)) != std::string::npos; at = end + 1)
            result.insert(text.substr(at, end - at));
        return result;
    }
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t colon = text.find(':', at);
        const auto size = static_cast<std::size_t>(integer(text.substr(at, colon - at)));
        result.insert(text.substr(colon + 1, size));
        at = colon + 1 + size;
    }
    return result;
}

std::string Codec::number_text(double number) const {
    char buffer[400];
    if (planted_("doubles_have_six_decimals")) {
        std::snprintf(buffer, sizeof buffer, "%f", number);
    } else if (planted_("doubles_have_fifteen_digits")) {
        std::snprintf(buffer, sizeof buffer, "%.15g", number);
    } else if (planted_("doubles_are_floats")) {
        std::snprintf(buffer, sizeof buffer, "%.9g", static_cast<double>(static_cast<float>(number)));
    } else {
        std::snprintf(buffer, sizeof buffer, "%a", number);
    }
    return buffer;
}

std::string Codec::metadata_text(const Json& metadata) const {
    if (planted_("nested_metadata_are_lost")) return flat(metadata).dump();
    if (planted_("metadata_nulls_are_lost"))
        return members(metadata, [](const Json& value) { return !value.is_null(); }).dump();
    if (planted_("metadata_arrays_are_lost"))
        return members(metadata, [](const Json& value) { return !value.is_array(); }).dump();
    if (planted_("metadata_empty_objects_are_lost")) {
        return members(metadata, [](const Json& value) { return !value.is_object() || value.size() > 0; })
            .dump();
    }
    if (planted_("metadata_empty_texts_are_lost"))
        return members(metadata, [](const Json& value) { return value.as_string() != ""; }).dump();
    if (planted_("metadata_numbers_are_doubles") || planted_("metadata_bools_are_numbers") ||
        planted_("metadata_numbers_are_texts") || planted_("metadata_integers_have_32_bits")) {
        Json result = Json::object();
        metadata.for_each_member([&](const std::string& key, const Json& value) {
            const bool whole = value.kind() == Json::Kind::integer;
            Json kept = value;
            if (whole && planted_("metadata_numbers_are_doubles")) kept = Json(*value.as_number());
            if (value.as_bool() && planted_("metadata_bools_are_numbers"))
                kept = Json(*value.as_bool() ? 1 : 0);
            if (whole && planted_("metadata_numbers_are_texts")) kept = Json(value.dump());
            if (whole && planted_("metadata_integers_have_32_bits"))
                kept = Json(static_cast<int>(*value.as_integer()));
            result = result.with(key, kept);
        });
        return result.dump();
    }
    if (planted_("metadata_above_4096_bytes_are_lost") && metadata.dump().size() > 4096) return "{}";
    if (planted_("metadata_deeper_than_16_are_lost") && metadata.depth() > 16) return "{}";
    return metadata.dump();
}

std::string Codec::time_text(Timestamp time) const {
    std::int64_t count = time.time_since_epoch().count();
    if (planted_("times_are_milliseconds")) count = count / 1'000 * 1'000;
    if (planted_("times_are_seconds")) count = count / 1'000'000 * 1'000'000;
    if (planted_("times_are_double_seconds_in_float")) {
        count = static_cast<std::int64_t>(
            static_cast<double>(static_cast<float>(static_cast<double>(count) / 1e6)) * 1e6);
    }
    if (planted_("times_before_1970_are_1970")) count = std::max<std::int64_t>(count, 0);
    if (planted_("times_after_2038_are_2038")) count = std::min<std::int64_t>(count, 2'147'483'647'000'000);
    return std::to_string(count);
}

// ---- Proxies, pools, consumers

std::string Codec::encode(const ProxyRecord& record) const {
    const Proxy& proxy = record.proxy;
    Fields fields{
        {"id", proxy.id.to_string()},
        {"pool", proxy.pool_id.to_string()},
        {"host",
         planted_("zone_of_an_address_is_lost") ? proxy.host.substr(0, proxy.host.find('%')) : proxy.host},
        {"port",
         std::to_string(planted_("port_is_a_signed_short") ? static_cast<short>(proxy.port) : proxy.port)},
        {"protocol", code(proxy.protocol)},
        {"status", code(proxy.status)},
        {"checked", time_text(proxy.checked_at)},
        {"weight", number_text(planted_("weights_are_integers") ? std::floor(proxy.weight) : proxy.weight)},
        {"tags", tags_text(proxy.tags)},
        {"metadata", metadata_text(proxy.metadata)},
        {"leases", std::to_string(proxy.current_leases)},
        {"mark", std::to_string(record.use_mark)},
        {"token", std::to_string(record.token)}};
    if (proxy.credentials) {
        fields["user"] = planted_("user_is_cut_at_64_bytes") ? proxy.credentials->user.substr(0, 64)
                                                             : proxy.credentials->user;
        fields["password"] =
            planted_("password_is_trimmed")
                ? proxy.credentials->password.substr(0, proxy.credentials->password.find_last_not_of(' ') + 1)
                : proxy.credentials->password;
        fields["template"] = proxy.credentials->template_ && !planted_("template_flag_is_lost") ? "1" : "0";
    }
    const auto text = [&](const char* name, const std::optional<std::string>& value) {
        if (value) fields[name] = attribute(*value);
    };
    text("source", proxy.source);
    text("country", planted_("country_is_upper_cased") && proxy.country
                        ? std::optional(in_case(*proxy.country, std::toupper))
                        : proxy.country);
    if (planted_("country_has_two_letters") && proxy.country) fields["country"] = proxy.country->substr(0, 2);
    text("city", proxy.city);
    text("isp", planted_("isp_is_not_stored") ? std::nullopt : proxy.isp);
    if (proxy.asn && !(planted_("asn_zero_is_absent") && *proxy.asn == 0)) {
        fields["asn"] =
            std::to_string(planted_("asn_has_32_bits") ? static_cast<std::int32_t>(*proxy.asn) : *proxy.asn);
    }
    if (proxy.latitude && proxy.longitude &&
        !(planted_("place_zero_is_absent") && *proxy.latitude == 0.0 && *proxy.longitude == 0.0)) {
        fields["latitude"] = number_text(*proxy.latitude);
        fields["longitude"] = number_text(
            planted_("longitude_of_180_is_minus_180") && *proxy.longitude == 180.0 ? -180.0
                                                                                   : *proxy.longitude);
    }
    if (proxy.latency_ms && !(planted_("latency_zero_is_absent") && *proxy.latency_ms == 0.0)) {
        fields["latency"] = number_text(
            planted_("latency_is_whole_milliseconds") ? std::round(*proxy.latency_ms) : *proxy.latency_ms);
    }
    if (proxy.max_concurrency || planted_("unlimited_is_1000") || planted_("unlimited_is_1")) {
        fields["max"] =
            std::to_string(proxy.max_concurrency.value_or(planted_("unlimited_is_1") ? 1 : 1'000));
    }
    if (proxy.max_concurrency && planted_("limit_has_16_bits"))
        fields["max"] = std::to_string(static_cast<short>(*proxy.max_concurrency));
    if (proxy.max_concurrency && planted_("limit_is_at_most_1000"))
        fields["max"] = std::to_string(std::min(*proxy.max_concurrency, 1'000));
    return joined(fields);
}

ProxyRecord Codec::proxy(const std::string& text) const {
    const Fields fields = split(text);
    const auto optional = [&](const char* name) -> std::optional<std::string> {
        const auto found = fields.find(name);
        return found == fields.end() ? std::nullopt : std::optional(found->second);
    };
    const auto at = [&](const char* name) { return optional(name).value_or(""); };
    ProxyRecord record;
    Proxy& proxy = record.proxy;
    proxy.id = ProxyId::parse(at("id"));
    proxy.pool_id = PoolId::parse(at("pool"));
    proxy.host = at("host");
    proxy.port = static_cast<int>(integer(at("port")));
    proxy.protocol = static_cast<ProxyProtocol>(integer(at("protocol")));
    proxy.status = static_cast<ProxyStatus>(integer(at("status")));
    proxy.checked_at = time_of(at("checked"));
    proxy.weight = number(at("weight"));
    proxy.tags = tags(at("tags"));
    proxy.metadata = Json::parse(at("metadata"));
    proxy.current_leases = static_cast<int>(integer(at("leases")));
    if (optional("user")) {
        proxy.credentials = ProxyCredentials{
            .user = at("user"), .password = at("password"), .template_ = at("template") == "1"};
    }
    if (planted_("empty_password_loses_the_user") && at("password").empty()) proxy.credentials.reset();
    const auto attribute = [&](const char* name) {
        auto value = optional(name);
        return planted_("attribute_null_is_absent") && value == "" ? std::nullopt : value;
    };
    proxy.source = attribute("source");
    proxy.country = attribute("country");
    proxy.city = attribute("city");
    proxy.isp = attribute("isp");
    if (const auto asn = optional("asn")) proxy.asn = integer(*asn);
    if (const auto latitude = optional("latitude")) proxy.latitude = number(*latitude);
    if (const auto longitude = optional("longitude")) proxy.longitude = number(*longitude);
    if (const auto latency = optional("latency")) proxy.latency_ms = number(*latency);
    if (const auto most = optional("max")) proxy.max_concurrency = static_cast<int>(integer(*most));
    record.use_mark = integer(at("mark"));
    record.token = integer(at("token"));
    return record;
}

std::string Codec::encode(const ProxyPool& pool) const {
    Fields fields{{"id", pool.id.to_string()},
                  {"name", pool.name},
                  {"metadata", planted_("metadata_of_pools_are_lost") ? "{}" : metadata_text(pool.metadata)}};
    if (pool.description) {
        fields["description"] = planted_("description_is_cut_at_128_bytes") ? pool.description->substr(0, 128)
                                                                            : *pool.description;
    }
    return joined(fields);
}

ProxyPool Codec::pool(const std::string& text) const {
    const Fields fields = split(text);
    ProxyPool pool{.id = PoolId::parse(fields.at("id")),
                   .name = fields.at("name"),
                   .metadata = Json::parse(fields.at("metadata"))};
    if (fields.contains("description")) pool.description = fields.at("description");
    return pool;
}

std::string Codec::encode(const Consumer& consumer) const {
    return joined({{"id", consumer.id.to_string()}, {"name", consumer.name}});
}

Consumer Codec::consumer(const std::string& text) const {
    const Fields fields = split(text);
    return {.id = ConsumerId::parse(fields.at("id")), .name = fields.at("name")};
}

// ---- Leases

std::string Codec::encode(const Lease& lease) const {
    Fields fields{
        {"id", lease.id.to_string()},
        {"proxy", lease.proxy_id.to_string()},
        {"consumer", lease.consumer_id.to_string()},
        {"pool", lease.pool_id.to_string()},
        {"pool_name", lease.pool_name},
        {"status", code(lease.status)},
        {"acquired", time_text(lease.acquired_at)},
        {"expires", time_text(lease.expires_at)},
        {"token",
         std::to_string(planted_("token_is_a_double") ? static_cast<std::int64_t>(static_cast<double>(
                                                            lease.fencing_token - lease.fencing_token % 10))
                                                      : lease.fencing_token)},
        {"metadata", planted_("metadata_of_leases_are_lost") ? "{}" : metadata_text(lease.metadata)}};
    if (lease.released_at) fields["released"] = time_text(*lease.released_at);
    if (lease.release_reason) fields["reason"] = code(*lease.release_reason);
    if (lease.tenure_ends_at) fields["tenure"] = time_text(*lease.tenure_ends_at);
    return joined(fields);
}

Lease Codec::lease(const std::string& text) const {
    const Fields fields = split(text);
    Lease lease{.id = LeaseId::parse(fields.at("id")),
                .proxy_id = ProxyId::parse(fields.at("proxy")),
                .consumer_id = ConsumerId::parse(fields.at("consumer")),
                .pool_id = PoolId::parse(fields.at("pool")),
                .pool_name = fields.at("pool_name"),
                .status = static_cast<LeaseStatus>(integer(fields.at("status"))),
                .acquired_at = time_of(fields.at("acquired")),
                .expires_at = time_of(fields.at("expires")),
                .fencing_token = integer(fields.at("token")),
                .metadata = Json::parse(fields.at("metadata"))};
    if (fields.contains("released")) lease.released_at = time_of(fields.at("released"));
    if (fields.contains("reason"))
        lease.release_reason = static_cast<ReleaseReason>(integer(fields.at("reason")));
    if (fields.contains("tenure")) lease.tenure_ends_at = time_of(fields.at("tenure"));
    return lease;
}

// ---- Health

std::string Codec::encode(const HealthCheckResult& result) const {
    Fields fields{{"proxy", result.proxy_id.to_string()},
                  {"status", code(result.status)},
                  {"protocol", planted_("result_loses_the_protocol") ? "0" : code(result.protocol)},
                  {"attempts", planted_("result_loses_the_attempts") ? "1" : std::to_string(result.attempts)},
                  {"checked", time_text(result.checked_at)}};
    if (result.latency_ms) fields["latency"] = number_text(*result.latency_ms);
    if (result.status_code && !planted_("result_loses_the_status_code"))
        fields["code"] = std::to_string(*result.status_code);
    if (result.failure) fields["failure"] = code(*result.failure);
    if (result.error_message) {
        fields["error"] = planted_("error_is_cut_at_255_bytes") ? result.error_message->substr(0, 255)
                                                                : *result.error_message;
    }
    return joined(fields);
}

HealthCheckResult Codec::result(const std::string& text) const {
    const Fields fields = split(text);
    HealthCheckResult result{.proxy_id = ProxyId::parse(fields.at("proxy")),
                             .status = static_cast<ProxyStatus>(integer(fields.at("status"))),
                             .protocol = static_cast<ProxyProtocol>(integer(fields.at("protocol"))),
                             .attempts = static_cast<int>(integer(fields.at("attempts"))),
                             .checked_at = time_of(fields.at("checked"))};
    if (fields.contains("latency")) result.latency_ms = number(fields.at("latency"));
    if (fields.contains("code")) result.status_code = static_cast<int>(integer(fields.at("code")));
    if (fields.contains("failure"))
        result.failure = static_cast<HealthFailure>(integer(fields.at("failure")));
    if (fields.contains("error")) result.error_message = fields.at("error");
    return result;
}

std::string Codec::encode(const ProxyHealthRecord& record) const {
    Fields fields{{"id", record.id.to_string()},
                  {"proxy", record.proxy_id.to_string()},
                  {"checked", time_text(record.checked_at)},
                  {"reachable", record.reachable ? "1" : "0"},
                  {"protocol", code(record.protocol)},
                  {"after", code(record.status_after)}};
    if (record.latency_ms) fields["latency"] = number_text(*record.latency_ms);
    if (record.status_before && !planted_("record_loses_the_status_before"))
        fields["before"] = code(*record.status_before);
    if (record.failure && !planted_("record_loses_the_failure")) fields["failure"] = code(*record.failure);
    if (record.error) {
        fields["error"] =
            planted_("record_error_is_cut_at_255_bytes") ? record.error->substr(0, 255) : *record.error;
    }
    return joined(fields);
}

ProxyHealthRecord Codec::record(const std::string& text) const {
    const Fields fields = split(text);
    ProxyHealthRecord record{.id = RecordId::parse(fields.at("id")),
                             .proxy_id = ProxyId::parse(fields.at("proxy")),
                             .checked_at = time_of(fields.at("checked")),
                             .reachable = fields.at("reachable") == "1",
                             .protocol = static_cast<ProxyProtocol>(integer(fields.at("protocol"))),
                             .status_after = static_cast<ProxyStatus>(integer(fields.at("after")))};
    if (fields.contains("latency")) record.latency_ms = number(fields.at("latency"));
    if (fields.contains("before"))
        record.status_before = static_cast<ProxyStatus>(integer(fields.at("before")));
    if (fields.contains("failure"))
        record.failure = static_cast<HealthFailure>(integer(fields.at("failure")));
    if (fields.contains("error")) record.error = fields.at("error");
    return record;
}

}  // namespace pharox::testkit::independent
