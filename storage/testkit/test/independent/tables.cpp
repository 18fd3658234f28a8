#include "independent/tables.hpp"

#include <cstdio>
#include <iterator>

namespace pharox::testkit::independent {

Tables::Tables(const std::filesystem::path& file, Planted planted) : planted_(std::move(planted)) {
    if (file.empty()) return;
    read(file);
    journal_.open(file, std::ios::binary | std::ios::app);
}

const std::string* Tables::find(const std::string& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
}

std::pair<Tables::Entries::const_iterator, Tables::Entries::const_iterator> Tables::range(
    const std::string& prefix) const {
    std::string end = prefix;
    ++end.back();  // prefixes end in '/'
    return {entries_.lower_bound(prefix), entries_.lower_bound(end)};
}

std::vector<std::string> Tables::suffixes(const std::string& prefix) const {
    std::vector<std::string> found;
    for (auto [entry, last] = range(prefix); entry != last; ++entry)
        found.push_back(entry->first.substr(prefix.size()));
    return found;
}

void Tables::put(const std::string& key, std::string value) {
    const std::string* const before = find(key);
    changes_.push_back({key, before == nullptr ? std::nullopt : std::optional(*before)});
    entries_[key] = std::move(value);
}

void Tables::erase(const std::string& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    changes_.push_back({key, found->second});
    entries_.erase(found);
}

void Tables::commit() {
    if (!journal_.is_open()) return changes_.clear();
    std::string text;
    for (const Change& change : changes_) {
        if (const std::string* const value = find(change.key)) {
            text += "+" + std::to_string(change.key.size()) + " " + std::to_string(value->size()) + "\n" +
                    change.key + *value;
        } else if (!planted_("removals_are_not_persistent")) {
            text += "-" + std::to_string(change.key.size()) + " 0\n" + change.key;
        }
    }
    if (!text.empty()) journal_ << text << ".0 0\n";
    if (!planted_("commit_is_not_flushed")) journal_.flush();
    changes_.clear();
}

void Tables::roll_back() noexcept {
    if (planted_("failed_transaction_is_kept")) return changes_.clear();
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
        if (change->before) {
            entries_[change->key] = *change->before;
        } else {
            entries_.erase(change->key);
        }
    }
    changes_.clear();
}

void Tables::read(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::vector<std::pair<std::string, std::optional<std::string>>> group;
    std::size_t whole = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t line_end = text.find('\n', at);
        if (line_end == std::string::npos) break;
        std::size_t key_size = 0;
        std::size_t value_size = 0;
        if (std::sscanf(text.c_str() + at + 1, "%zu %zu", &key_size, &value_size) != 2) break;
        const std::size_t key_at = line_end + 1;
        if (key_at + key_size + value_size > text.size()) break;
        const std::string key = text.substr(key_at, key_size);
        if (text[at] == '+') group.emplace_back(key, text.substr(key_at + key_size, value_size));
        if (text[at] == '-') group.emplace_back(key, std::nullopt);
        const bool complete = text[at] == '.';
        at = key_at + key_size + value_size;
        if (!complete) continue;
        for (auto& [written, value] : group) {
            if (value) {
                entries_[written] = std::move(*value);
            } else {
                entries_.erase(written);
            }
        }
        group.clear();
        whole = at;
    }
    if (whole < text.size()) std::filesystem::resize_file(file, whole);
}

std::string in_order(std::int64_t number) {
    constexpr std::int64_t offset = std::int64_t{1} << 61;  // negative numbers too
    std::string const digits = std::to_string(number + offset);
    return std::string(19 - digits.size(), '0') + digits;
}

}  // namespace pharox::testkit::independent
