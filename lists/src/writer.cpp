#include "pharox/lists/writer.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <utility>

#include "line.hpp"

namespace pharox::lists {
namespace {

constexpr std::array<std::pair<std::string_view, WriteFormat>, 7> formats{
    {{"lines", WriteFormat::lines},
     {"urls", WriteFormat::urls},
     {"csv", WriteFormat::csv},
     {"json", WriteFormat::json},
     {"json-lines", WriteFormat::json_lines},
     {"clash", WriteFormat::clash},
     {"base64", WriteFormat::base64}}};

constexpr std::string_view column_names =
    "protocol,host,port,username,password,country,city,isp,asn,latitude,longitude,source,max_concurrency,"
    "weight,tags";

/// A template is kept as it is; only a lease fills it in.
Proxy literal(const Proxy& proxy) {
    Proxy copy = proxy;
    if (copy.credentials) copy.credentials->template_ = false;
    return copy;
}

/// `host:port` or `host:port:user:password`, if reading that line gives the same proxy.
std::string line_of(const Proxy& proxy) {
    std::string line = proxy.host.find(':') == std::string::npos ? proxy.host : "[" + proxy.host + "]";
    line += ":" + std::to_string(proxy.port);
    if (proxy.credentials) line += ":" + proxy.credentials->user + ":" + proxy.credentials->password;
    try {
        OrderEvidence evidence;
        const Entry read = parse_line(line, {}, FieldOrder::detect, evidence);
        if (proxy.protocol == ProxyProtocol::http && finished(read.proxy).identity() == proxy.identity())
            return line;
    } catch (const Refusal&) {  // another reading, or none
    } catch (const ValidationError&) {
    }
    return proxy.url();
}

std::string csv_field(std::string_view field) {
    if (field.find_first_of(",\"\n\r;\t|") == std::string_view::npos && field == trimmed(field))
        return std::string(field);
    std::string result = "\"";
    for (const char c : field) {
        if (c == '"') result += c;
        result += c;
    }
    return result += '"';
}

Json object_of(const Proxy& proxy) {
    Json object =
        Json::object({{"protocol", to_string(proxy.protocol)}, {"host", proxy.host}, {"port", proxy.port}});
    const auto add = [&](std::string_view name, const auto& value) {
        if (value) object = object.with(name, Json(*value));
    };
    if (proxy.credentials) {
        object = object.with("username", Json(proxy.credentials->user))
                     .with("password", Json(proxy.credentials->password));
    }
    add("country", proxy.country);
    add("city", proxy.city);
    add("isp", proxy.isp);
    add("asn", proxy.asn);
    add("latitude", proxy.latitude);
    add("longitude", proxy.longitude);
    add("source", proxy.source);
    add("max_concurrency", proxy.max_concurrency);
    object = object.with("weight", Json(proxy.weight));
    if (!proxy.tags.empty()) {
        Json tags = Json::array();
        for (const std::string& tag : proxy.tags) tags = tags.with_element(Json(tag));
        object = object.with("tags", tags);
    }
    return object;
}

std::string row_of(const Proxy& proxy) {
    const Json object = object_of(proxy);
    std::string row;
    for (std::string_view rest = column_names; !rest.empty();) {
        const auto end = rest.find(',');
        const auto value = object.find(rest.substr(0, end));
        if (value && value->is_array()) {
            std::string tags;
            for (const std::string& tag : proxy.tags) tags += (tags.empty() ? "" : " ") + tag;
            row += csv_field(tags);
        } else if (value) {
            row += csv_field(value->as_string().value_or(value->dump()));
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (!rest.empty()) row += ',';
    }
    return row;
}

/// JSON is YAML too.
std::string clash_entry(const Proxy& proxy) {
    if (proxy.protocol == ProxyProtocol::socks4)
        throw ValidationError("protocol", to_string(proxy.protocol), "has no form in a Clash configuration");
    const bool socks = proxy.protocol == ProxyProtocol::socks5;
    Json entry = Json::object({{"name", proxy.redacted_url() + " " + proxy.id.to_string()},
                               {"type", socks ? "socks5" : "http"},
                               {"server", proxy.host},
                               {"port", proxy.port}});
    if (proxy.protocol == ProxyProtocol::https) entry = entry.with("tls", true);
    if (proxy.credentials) {
        entry = entry.with("username", Json(proxy.credentials->user))
                    .with("password", Json(proxy.credentials->password));
    }
    return "  - " + entry.dump();
}

constexpr std::size_t bytes_per_base64_line = 57;  // 76 characters

std::string base64_of(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
        const auto byte = [&](std::size_t at) {
            return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
        };
        const unsigned bits = (byte(0) << 16U) | (byte(1) << 8U) | byte(2);
        encoded += {digits[bits >> 18U], digits[(bits >> 12U) & 63U],
                    bytes.size() > 1 ? digits[(bits >> 6U) & 63U] : '=',
                    bytes.size() > 2 ? digits[bits & 63U] : '='};
    }
    return encoded;
}

}  // namespace

std::string_view to_string(WriteFormat format) noexcept {
    for (const auto& [name, value] : formats)
        if (value == format) return name;
    return "lines";
}

WriteFormat parse_write_format(std::string_view text, std::string_view field) {
    for (const auto& [name, value] : formats)
        if (name == text) return value;
    throw ValidationError(std::string(field), std::string(text),
                          "is not one of lines, urls, csv, json, json-lines, clash, base64");
}

Writer::Writer(std::ostream& out, WriteFormat format) : out_(out), format_(format) {
    if (format_ == WriteFormat::csv) out_ << column_names << '\n';
    if (format_ == WriteFormat::json) out_ << '[';
    if (format_ == WriteFormat::clash) out_ << "proxies:\n";
}

void Writer::add(const Proxy& stored) {
    const Proxy proxy = literal(stored);
    switch (format_) {
        case WriteFormat::lines:
            out_ << line_of(proxy) << '\n';
            break;
        case WriteFormat::urls:
            out_ << proxy.url() << '\n';
            break;
        case WriteFormat::csv:
            out_ << row_of(proxy) << '\n';
            break;
        case WriteFormat::json:
            out_ << (first_ ? "\n" : ",\n") << object_of(proxy).dump();
            break;
        case WriteFormat::json_lines:
            out_ << object_of(proxy).dump() << '\n';
            break;
        case WriteFormat::clash:
            out_ << clash_entry(proxy) << '\n';
            break;
        case WriteFormat::base64:
            unencoded_ += line_of(proxy) + '\n';
            for (; unencoded_.size() >= bytes_per_base64_line; unencoded_.erase(0, bytes_per_base64_line))
                out_ << base64_of(std::string_view(unencoded_).substr(0, bytes_per_base64_line)) << '\n';
            break;
    }
    first_ = false;
}

void Writer::finish() {
    if (format_ == WriteFormat::json) out_ << "\n]\n";
    if (!unencoded_.empty()) out_ << base64_of(std::exchange(unencoded_, {})) << '\n';
    out_.flush();
}

}  // namespace pharox::lists
