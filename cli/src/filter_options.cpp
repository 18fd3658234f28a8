#include "filter_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>

#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox::cli {

void FilterOptions::declare(CLI::App& command) {
    const std::string group = "Filters (a proxy must satisfy all of them; a repeated one lists alternatives)";
    const auto any_of = [&](const char* name, std::vector<std::string>& values, const char* description) {
        return command.add_option(name, values, description)->group(group)->allow_extra_args(false);
    };
    any_of("--country", country_, "Country, exactly as imported");
    any_of("--city", city_, "City");
    any_of("--isp", isp_, "Internet provider");
    any_of("--source", source_, "The source of the proxy");
    any_of("--asn", asn_, "Autonomous system number")->type_name("INT");
    any_of("--protocol", protocol_, "http, https, socks4 or socks5 (also socks4a, socks5h)");
    any_of("--tag", tags_, "Tag; repeated: all of them");
    any_of("--metadata", metadata_, "POINTER=VALUE, such as /plan/tier=gold; repeated: all of them");
    command.add_option("--near", near_, "LATITUDE,LONGITUDE in degrees")->group(group);
    command.add_option("--radius-km", radius_km_, "Maximum distance from --near")
        ->group(group)
        ->type_name("FLOAT");
    any_of("--exclude", exclude_, "Id of a proxy to exclude");
}

ProxyFilters FilterOptions::filters() const {
    ProxyFilters filters{.source = source_, .country = country_, .city = city_, .isp = isp_, .tags = tags_};
    std::vector<std::int64_t> asns;
    for (const std::string& text : asn_) asns.push_back(parse_number<std::int64_t>(text, "asn"));
    filters.asn = asns;
    std::vector<ProxyProtocol> protocols;
    for (const std::string& text : protocol_) protocols.push_back(parse_protocol(text));
    filters.protocol = protocols;
    for (const std::string& text : metadata_) filters.metadata.push_back(parse_metadata_filter(text));
    for (const std::string& text : exclude_) filters.exclude.push_back(ProxyId::parse(text));
    if (near_) {
        const Place place = parse_place(*near_, "near");
        filters.latitude = place.latitude;
        filters.longitude = place.longitude;
    }
    if (radius_km_) {
        if (!near_) throw ValidationError("radius-km", *radius_km_, "needs --near");
        filters.radius_km = parse_number<double>(*radius_km_, "radius-km");
    }
    validate(filters);
    return filters;
}

}  // namespace pharox::cli
