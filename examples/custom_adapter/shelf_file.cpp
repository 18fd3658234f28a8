#include "shelf_file.hpp"

#include <fstream>
#include <string_view>
#include <system_error>

namespace shelf {
namespace {

using pharox::Json;

void put(std::ostream& out, std::string_view kind, const Json& value) {
    out << Json::object({{kind, value}}).dump() << '\n';
}

std::int64_t integer(const Json& json, std::string_view key) {
    return json.find(key).value_or(Json()).as_integer().value_or(0);
}

void take(State& state, const Json& line) {
    if (const auto shelf = line.find("shelf")) {
        state.last_mark = integer(*shelf, "last_mark");
        state.last_now = pharox::Timestamp(std::chrono::microseconds(integer(*shelf, "last_now")));
    } else if (const auto pool = line.find("pool")) {
        const auto value = pharox::from_json<pharox::ProxyPool>(*pool);
        state.pools.emplace(value.name, value);
    } else if (const auto consumer = line.find("consumer")) {
        const auto value = pharox::from_json<pharox::Consumer>(*consumer);
        state.consumers.emplace(value.name, value);
    } else if (const auto stored = line.find("proxy")) {
        const auto value = pharox::from_json<pharox::Proxy>(stored->find("value").value_or(Json()));
        state.proxies.emplace(
            value.id, StoredProxy{value, integer(*stored, "use_mark"), integer(*stored, "fencing_token")});
    } else {
        const auto value = pharox::from_json<pharox::Lease>(line.find("lease").value_or(Json()));
        state.leases.emplace(value.id, value);
    }
}

}  // namespace

State read_shelf(const std::filesystem::path& file) {
    State state;
    std::ifstream in(file);
    try {
        for (std::string line; std::getline(in, line);) {
            take(state, Json::parse(line));
        }
    } catch (const pharox::ValidationError& error) {
        throw pharox::StorageError({.store = "shelf", .operation = "open"}, error.what());
    }
    return state;
}

void write_shelf(const std::filesystem::path& file, const State& state) {
    const std::filesystem::path beside = file.string() + ".new";
    std::ofstream out(beside);
    put(out, "shelf",
        Json::object(
            {{"last_mark", state.last_mark}, {"last_now", state.last_now.time_since_epoch().count()}}));
    for (const auto& [name, pool] : state.pools) {
        put(out, "pool", pharox::to_json(pool));
    }
    for (const auto& [name, consumer] : state.consumers) {
        put(out, "consumer", pharox::to_json(consumer));
    }
    for (const auto& [id, stored] : state.proxies) {
        put(out, "proxy",
            Json::object({{"value", pharox::to_json(stored.proxy)},
                          {"use_mark", stored.use_mark},
                          {"fencing_token", stored.fencing_token}}));
    }
    for (const auto& [id, lease] : state.leases) {
        put(out, "lease", pharox::to_json(lease));
    }
    out.close();
    std::error_code error;
    if (out) {
        std::filesystem::rename(beside, file, error);
    }
    if (!out || error) {
        throw pharox::StorageError({.store = "shelf", .operation = "save", .retryable = true},
                                   "cannot write " + file.string());
    }
}

}  // namespace shelf
