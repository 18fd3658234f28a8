#include "pharox/lists/reader.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "formats.hpp"

namespace pharox::lists {
namespace {

constexpr std::array<std::pair<std::string_view, Format>, 6> formats{{{"lines", Format::lines},
                                                                      {"csv", Format::csv},
                                                                      {"json", Format::json},
                                                                      {"json-lines", Format::json_lines},
                                                                      {"clash", Format::clash},
                                                                      {"base64", Format::base64}}};

/// The order that the lines with one reading have, if they all have the same one.
FieldOrder concluded_order(const Reading& reading) {
    OrderEvidence evidence;
    ReadResult ignored;
    const Receiver nothing{.proxy = [](std::size_t, const Proxy&, bool) {}, .problem = [](const Problem&) {}};
    read_lines({.input = reading.input, .options = reading.options, .receiver = nothing, .result = ignored},
               FieldOrder::detect, evidence);
    reading.input.rewind();
    const auto& [host_first, user_first] = evidence;
    if ((host_first == 0) == (user_first == 0)) {
        reading.result.remarks.emplace_back(
            host_first == 0 ? "no line shows the order of its fields: lines with two readings stay ambiguous"
                            : "lines show both orders of fields: lines with two readings stay ambiguous");
        return FieldOrder::detect;
    }
    reading.result.remarks.push_back(
        "the order is " + std::string(host_first > 0 ? "host-first" : "user-first") + ": " +
        std::to_string(std::max(host_first, user_first)) + " lines show it, and none the other one");
    return host_first > 0 ? FieldOrder::host_first : FieldOrder::user_first;
}

void read_lines_in_order(const Reading& reading) {
    OrderEvidence evidence;
    const FieldOrder order =
        reading.options.order == FieldOrder::by_others ? concluded_order(reading) : reading.options.order;
    read_lines(reading, order, evidence);
}

/// The first 64 KiB, as lines.
std::vector<std::string> beginning(Input& input) {
    std::vector<std::string> lines;
    std::string line;
    bool too_long = false;
    std::size_t bytes = 0;
    while (bytes < std::size_t{64} * 1024 && input.next_line(line, std::size_t{64} * 1024, too_long)) {
        bytes += line.size() + 1;
        if (const auto text = trimmed(line); !text.empty()) lines.emplace_back(text);
    }
    input.rewind();
    return lines;
}

bool starts_with_word(std::string_view text, std::string_view word) {
    return text.size() >= word.size() &&
           std::ranges::equal(text.substr(0, word.size()), word, [](unsigned char a, unsigned char b) {
               return std::tolower(a) == std::tolower(b);
           });
}

}  // namespace

std::string_view to_string(Format format) noexcept {
    for (const auto& [name, value] : formats)
        if (value == format) return name;
    return "lines";
}

Format parse_format(std::string_view text, std::string_view field) {
    for (const auto& [name, value] : formats)
        if (name == text) return value;
    throw ValidationError(std::string(field), std::string(text),
                          "is not one of lines, csv, json, json-lines, clash, base64");
}

std::string_view to_string(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::skipped:
            return "skipped";
        case Verdict::ambiguous:
            return "ambiguous";
        case Verdict::rejected:
            break;
    }
    return "rejected";
}

std::string whole(Input& input) {
    std::string text;
    std::string line;
    bool too_long = false;
    while (input.next_line(line, max_whole_bytes, too_long)) {
        if (too_long || text.size() + line.size() > max_whole_bytes)
            throw ValidationError("list", input.name(),
                                  "is larger than 64 MiB in a format that is read as a whole");
        text += line;
        text += '\n';
    }
    return text;
}

bool is_blank(std::string_view line) {
    return line.empty() || line.starts_with('#') || line.starts_with("//");
}

void read_lines(const Reading& reading, FieldOrder order, OrderEvidence& evidence) {
    std::string text;
    bool too_long = false;
    for (std::size_t number = 1; reading.input.next_line(text, max_line_bytes + 2, too_long); ++number) {
        const std::string_view line = trimmed(text);
        if (is_blank(line)) {
            ++reading.result.blank;
            continue;
        }
        receive(number, reading.receiver, [&] { return parse_line(line, reading.options, order, evidence); });
    }
}

Format detected(Input& input) {
    const std::vector<std::string> lines = beginning(input);
    const auto first =
        std::ranges::find_if_not(lines, [](const std::string& line) { return is_blank(line); });
    if (first == lines.end()) return Format::lines;
    const std::string_view text = *first;
    for (const std::string_view word : {"<!doctype", "<html", "<head", "<body"})
        if (starts_with_word(text, word))
            throw ValidationError("list", input.name(), "is HTML, a page and not a list");
    if (starts_with_word(text, "<?xml"))
        throw ValidationError("list", input.name(), "is XML, which is not read");
    if (text.starts_with('{') && !text.starts_with("{{")) {
        const auto second = std::next(first);
        const bool alone = text.ends_with('}') && second != lines.end() && second->starts_with('{');
        return alone ? Format::json_lines : Format::json;
    }
    if (text.starts_with('[')) {
        const std::string_view rest = trimmed(text.substr(1));
        if (rest.empty() || std::string_view("{[\"]").find(rest.front()) != std::string_view::npos)
            return Format::json;
    }
    if (std::ranges::any_of(lines, [](const std::string& line) {
            return line == "proxies:" || line.starts_with("proxies: ");
        }))
        return Format::clash;
    if (is_header(text)) return Format::csv;
    if (is_base64(lines)) return Format::base64;
    return Format::lines;
}

ReadResult read_list(Input& input, const ReadOptions& options, const Receiver& receiver) {
    input.rewind();
    ReadResult result{.format = options.format ? *options.format : detected(input)};
    const Reading reading{.input = input, .options = options, .receiver = receiver, .result = result};
    switch (result.format) {
        case Format::lines:
            read_lines_in_order(reading);
            break;
        case Format::csv:
            read_csv(reading);
            break;
        case Format::json:
            read_json(reading);
            break;
        case Format::json_lines:
            read_json_lines(reading);
            break;
        case Format::clash:
            read_clash(reading);
            break;
        case Format::base64: {
            const auto text = decoded_base64(whole(input));
            if (!text) throw ValidationError("list", input.name(), "is not base64");
            const std::unique_ptr<Input> decoded = Input::of_memory(*text, input.name());
            result.remarks.emplace_back("the list was encoded in base64: line numbers are those of its text");
            read_lines_in_order(
                {.input = *decoded, .options = options, .receiver = receiver, .result = result});
            break;
        }
    }
    if (!input.encoding().empty()) result.remarks.push_back("the file was decoded: " + input.encoding());
    return result;
}

}  // namespace pharox::lists
