// Comma-separated values (RFC 4180), also with semicolons or tabs.
#include <algorithm>
#include <array>

#include "fields.hpp"
#include "formats.hpp"

namespace pharox::lists {
namespace {

constexpr std::size_t max_record_bytes = std::size_t{64} * 1024;

/// The fields of a record; nothing if it ends within quotes.
std::optional<std::vector<std::string>> fields_of(std::string_view record, char separator) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t at = 0; at < record.size(); ++at) {
        const char c = record[at];
        if (quoted && c == '"' && at + 1 < record.size() && record[at + 1] == '"') {
            fields.back() += record[++at];
        } else if (c == '"' && (quoted || trimmed(fields.back()).empty())) {
            quoted = !quoted;
        } else if (c == separator && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    if (quoted) return std::nullopt;
    return fields;
}

char separator_of(std::string_view header) {
    constexpr std::array<char, 4> separators = {',', ';', '\t', '|'};
    return *std::ranges::max_element(separators, {}, [&](char c) { return std::ranges::count(header, c); });
}

std::vector<std::string> column_names(std::string_view header) {
    auto names = fields_of(header, separator_of(header)).value_or(std::vector<std::string>{});
    for (std::string& name : names) name = std::string(trimmed(name));
    return names;
}

/// `http,https,socks4,socks5`: each column has the proxies of one protocol.
bool are_protocols(const std::vector<std::string>& names) {
    return names.size() > 1 && std::ranges::all_of(names, [](const std::string& name) {
               return known_protocol(name).has_value();
           });
}

class Table {
  public:
    Table(std::string_view header, const Reading& reading)
        : names_(column_names(header)),
          separator_(separator_of(header)),
          by_protocol_(are_protocols(names_)),
          reading_(reading) {}

    void read(std::size_t line, std::string_view record) const {
        const auto fields = fields_of(record, separator_);
        if (by_protocol_ && fields) {
            for (std::size_t column = 0; column < std::min(fields->size(), names_.size()); ++column)
                if (const auto text = trimmed((*fields)[column]); !text.empty())
                    read_cell(line, column, text);
            return;
        }
        // A record of several protocols gives several proxies; a record is refused as a whole.
        std::vector<Entry> entries;
        receive_first(line, entries, fields);
        for (std::size_t next = 1; next < entries.size(); ++next)
            receive(line, reading_.receiver, [&] { return entries[next]; });
    }

  private:
    void receive_first(std::size_t line, std::vector<Entry>& entries,
                       const std::optional<std::vector<std::string>>& fields) const {
        receive(line, reading_.receiver, [&] {
            if (!fields) reject("ends within quotes");
            if (fields->size() > names_.size()) reject("has more columns than names");
            nlohmann::json object = nlohmann::json::object();
            for (std::size_t column = 0; column < fields->size(); ++column) {
                if (!is_utf8((*fields)[column])) reject("is not UTF-8");
                if (!names_[column].empty()) object[names_[column]] = (*fields)[column];
            }
            entries = from_fields(object, reading_.options);
            return entries.front();
        });
    }
    void read_cell(std::size_t line, std::size_t column, std::string_view text) const {
        receive(line, reading_.receiver, [&] {
            OrderEvidence evidence;
            Entry entry = parse_line(text, reading_.options, reading_.options.order, evidence);
            entry.proxy.protocol = known_protocol(names_[column]).value();
            entry.protocol_named = true;
            return entry;
        });
    }

    std::vector<std::string> names_;
    char separator_;
    bool by_protocol_;
    const Reading& reading_;
};

}  // namespace

bool is_header(std::string_view line) {
    const std::vector<std::string> names = column_names(line);
    if (names.size() < 2) return false;
    if (are_protocols(names)) return true;
    nlohmann::json object = nlohmann::json::object();
    for (const std::string& name : names)
        if (is_utf8(name)) object[name] = nullptr;
    return names_a_proxy(object);
}

void read_csv(const Reading& reading) {
    std::optional<Table> table;
    std::string line;
    std::string record;
    std::size_t first_line = 1;
    bool too_long = false;
    for (std::size_t number = 1; reading.input.next_line(line, max_record_bytes, too_long); ++number) {
        if (line.ends_with('\r')) line.pop_back();
        if (record.empty() && is_blank(trimmed(line))) {
            ++reading.result.blank;
            continue;
        }
        if (!table) {
            if (!is_header(line))
                throw ValidationError("list", reading.input.name(),
                                      "has no line of column names that names host and port");
            table.emplace(line, reading);
            ++reading.result.blank;
            continue;
        }
        if (record.empty()) first_line = number;
        record += record.empty() ? line : '\n' + line;
        // A field within quotes may contain ends of lines.
        if (std::ranges::count(record, '"') % 2 == 1 && record.size() < max_record_bytes) continue;
        table->read(first_line, record);
        record.clear();
    }
    if (!record.empty()) table->read(first_line, record);
    if (!table) throw ValidationError("list", reading.input.name(), "has no line of column names");
}

}  // namespace pharox::lists
