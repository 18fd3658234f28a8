#include "shelf_journal.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include <pharox/rules/retention.hpp>

namespace shelf {
namespace {

using pharox::Json;

constexpr std::size_t max_outdated_lines = 10'000;

[[noreturn]] void fail(const char* operation, const std::string& why) {
    const bool saving = std::string_view(operation) == "save";
    throw pharox::StorageError({.store = "shelf", .operation = operation, .outcome_unknown = saving}, why);
}

Json to_json(const StoredProxy& stored) {
    return Json::object({{"value", pharox::to_json(stored.proxy)},
                         {"use_sequence", stored.use_sequence},
                         {"fencing_token", stored.fencing_token}});
}

// An object with one member, whose name is the type of the record.
struct ToLine {
    std::string operator()(const pharox::ProxyPool& pool) const {
        return line("pool", pharox::to_json(pool));
    }
    std::string operator()(const pharox::Consumer& consumer) const {
        return line("consumer", pharox::to_json(consumer));
    }
    std::string operator()(const StoredProxy& stored) const { return line("proxy", to_json(stored)); }
    std::string operator()(const pharox::Lease& lease) const { return line("lease", pharox::to_json(lease)); }

    static std::string line(std::string_view kind, const Json& value) {
        return Json::object({{kind, value}}).dump() + "\n";
    }
};

std::int64_t integer(const Json& json, std::string_view key) {
    return json.find(key).value_or(Json()).as_integer().value_or(0);
}

Record from_line(const std::string& line) {
    const Json json = Json::parse(line);
    if (const auto pool = json.find("pool")) {
        return pharox::from_json<pharox::ProxyPool>(*pool);
    }
    if (const auto consumer = json.find("consumer")) {
        return pharox::from_json<pharox::Consumer>(*consumer);
    }
    if (const auto stored = json.find("proxy")) {
        return StoredProxy{.proxy = pharox::from_json<pharox::Proxy>(stored->find("value").value_or(Json())),
                           .use_sequence = integer(*stored, "use_sequence"),
                           .fencing_token = integer(*stored, "fencing_token")};
    }
    return pharox::from_json<pharox::Lease>(json.find("lease").value_or(Json()));
}

struct Take {
    State& state;

    void operator()(const pharox::ProxyPool& pool) const { state.pools[pool.name] = pool; }
    void operator()(const pharox::Consumer& consumer) const { state.consumers[consumer.name] = consumer; }
    void operator()(const StoredProxy& stored) const {
        state.proxies[stored.proxy.id] = stored;
        state.last_use_sequence = std::max(state.last_use_sequence, stored.use_sequence);
    }
    void operator()(const pharox::Lease& lease) const {
        const bool active = lease.status == pharox::LeaseStatus::active;
        (active ? state.ended : state.active).erase(lease.id);
        (active ? state.active : state.ended)[lease.id] = lease;
        state.last_now = std::max(state.last_now, lease.released_at.value_or(lease.acquired_at));
    }
};

}  // namespace

void State::apply(const Record& record) { std::visit(Take{*this}, record); }

Journal::Journal(std::filesystem::path file) : file_(std::move(file)) {
    read();
    rewrite();
}

pharox::Timestamp Journal::advance(pharox::Timestamp now) {
    state_.last_now = std::max(state_.last_now, now);
    return state_.last_now;
}

void Journal::append(const std::vector<Record>& records) {
    write(records, out_);
    for (const Record& record : records) {
        state_.apply(record);
    }
    lines_ += records.size();
    const std::size_t current = state_.pools.size() + state_.consumers.size() + state_.proxies.size() +
                                state_.active.size() + state_.ended.size();
    if (lines_ > 2 * current + max_outdated_lines) {
        rewrite();
    }
}

void Journal::read() {
    std::ifstream in(file_, std::ios::binary);
    std::string line;
    try {
        // The process died while it wrote the last line: that change was not acknowledged.
        while (std::getline(in, line) && !in.eof()) {
            state_.apply(from_line(line));
        }
    } catch (const pharox::ValidationError& error) {
        fail("open", error.what());
    }
}

void Journal::rewrite() {
    std::erase_if(state_.ended, [this](const auto& entry) {
        return pharox::rules::is_forgotten(entry.second, state_.last_now, retention);
    });
    std::vector<Record> records;
    const auto keep = [&records](const auto& things) {
        for (const auto& [key, thing] : things) {
            records.emplace_back(thing);
        }
    };
    keep(state_.pools);
    keep(state_.consumers);
    keep(state_.proxies);
    keep(state_.active);
    keep(state_.ended);
    const std::filesystem::path beside = file_.string() + ".new";
    std::ofstream fresh(beside, std::ios::binary);
    write(records, fresh);
    std::error_code error;
    std::filesystem::rename(beside, file_, error);
    if (error) {
        fail("save", "cannot replace " + file_.string() + ": " + error.message());
    }
    out_ = std::move(fresh);
    lines_ = records.size();
}

void Journal::write(const std::vector<Record>& records, std::ofstream& out) {
    std::string text;
    for (const Record& record : records) {
        text += std::visit(ToLine{}, record);
    }
    if (!(out << text << std::flush)) {
        fail("save", "cannot write " + file_.string());
    }
}

}  // namespace shelf
