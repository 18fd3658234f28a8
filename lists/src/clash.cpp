// The proxies of a Clash configuration that are HTTP or SOCKS5 servers.
#include <yaml-cpp/yaml.h>

#include "fields.hpp"
#include "formats.hpp"

namespace pharox::lists {
namespace {

/// The texts of a mapping; nested values, such as TLS options, are left out.
nlohmann::json object_of(const YAML::Node& node) {
    nlohmann::json object = nlohmann::json::object();
    if (!node.IsMap()) reject("is no mapping");
    for (const auto& member : node) {
        if (member.first.IsScalar() && member.second.IsScalar() && is_utf8(member.first.Scalar()) &&
            is_utf8(member.second.Scalar()))
            object[member.first.Scalar()] = member.second.Scalar();
    }
    return object;
}

}  // namespace

void read_clash(const Reading& reading) {
    YAML::Node proxies;
    try {
        proxies = YAML::Load(whole(reading.input))["proxies"];
    } catch (const YAML::Exception& error) {
        throw ValidationError("list", reading.input.name(),
                              "is damaged YAML in line " + std::to_string(error.mark.line + 1));
    }
    if (!proxies || !proxies.IsSequence())
        throw ValidationError("list", reading.input.name(), "is YAML without a list `proxies`");
    for (const YAML::Node& node : proxies) {
        receive(static_cast<std::size_t>(node.Mark().line + 1), reading.receiver,
                [&] { return from_fields(object_of(node), reading.options).front(); });
    }
}

}  // namespace pharox::lists
