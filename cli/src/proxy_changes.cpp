#include "proxy_changes.hpp"

#include <CLI/CLI.hpp>

#include "pharox/errors.hpp"
#include "session.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

/// `none` and an empty text remove the attribute.
void set_text(std::optional<std::string>& attribute, const std::optional<std::string>& value) {
    if (!value) return;
    attribute = value->empty() || *value == "none" ? std::nullopt : value;
}

}  // namespace

void ProxyChanges::declare(CLI::App& command) {
    const std::string group = "Changes (at least one)";
    const auto declare_option = [&](const char* name, auto& value, const char* description) {
        command.add_option(name, value, description)->group(group);
    };
    declare_option("--max-concurrency", max_concurrency_, "The limit of concurrent leases, or none");
    declare_option("--weight", weight_, "The weight for weighted_random; 0: never");
    declare_option("--set-country", country_, "The country, or none");
    declare_option("--set-city", city_, "The city, or none");
    declare_option("--set-isp", isp_, "The internet provider, or none");
    declare_option("--set-source", source_, "The source, or none");
    command.add_option("--add-tag", add_tags_, "A tag to add")->group(group)->allow_extra_args(false);
    command.add_option("--remove-tag", remove_tags_, "A tag to remove")
        ->group(group)
        ->allow_extra_args(false);
}

void ProxyChanges::parse() {
    const bool any = max_concurrency_ || weight_ || country_ || city_ || isp_ || source_ ||
                     !add_tags_.empty() || !remove_tags_.empty();
    if (!any) throw UsageError("no change is given, such as --max-concurrency 3");
    if (max_concurrency_ == "none") {
        new_limit_.emplace();
    } else if (max_concurrency_) {
        new_limit_ = parse_number<int>(*max_concurrency_, "max-concurrency");
    }
    if (weight_) new_weight_ = parse_number<double>(*weight_, "weight");
    // A sample checks the values, even if no proxy is selected.
    Proxy sample{.pool_id = PoolId::make(), .host = "192.0.2.1", .port = 1};
    apply(sample);
    validated(std::move(sample));
}

bool ProxyChanges::apply(Proxy& proxy) const {
    const Proxy before = proxy;
    if (new_status_) proxy.status = *new_status_;
    if (new_limit_) proxy.max_concurrency = *new_limit_;
    if (new_weight_) proxy.weight = *new_weight_;
    set_text(proxy.country, country_);
    set_text(proxy.city, city_);
    set_text(proxy.isp, isp_);
    set_text(proxy.source, source_);
    proxy.tags.insert(add_tags_.begin(), add_tags_.end());
    for (const std::string& tag : remove_tags_) proxy.tags.erase(tag);
    return proxy != before;
}

}  // namespace pharox::cli
