// JSON: objects are received while the text is read, so that a list of any length needs little memory.
#include <algorithm>
#include <istream>

#include "fields.hpp"
#include "formats.hpp"

namespace pharox::lists {
namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_values = 4096;  // of an object that may be a proxy

/// Builds the objects that may be proxies: those in arrays, and the outermost one. What contains them is not
/// kept.
class Handler : public nlohmann::json_sax<json> {
  public:
    /// `outermost_is_a_proxy`: in JSON lines, where the outermost arrays belong to the proxy.
    Handler(const Reading& reading, std::size_t line, bool outermost_is_a_proxy)
        : reading_(reading), fixed_line_(line), outermost_is_a_proxy_(outermost_is_a_proxy) {}

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
    bool string(string_t& value) override { return add(value); }
    bool binary(binary_t& /*value*/) override { return false; }
    bool key(string_t& value) override {
        frames_.back().key = value;
        return true;
    }
    bool start_object(std::size_t /*count*/) override { return start(json::object()); }
    bool start_array(std::size_t /*count*/) override { return start(json::array()); }
    bool end_array() override { return end(); }
    bool end_object() override {
        Frame& frame = frames_.back();
        if (!may_be_a_proxy(frames_.size() - 1)) return end();
        const std::size_t line = frame.line;
        const bool contains_proxies = frame.contains_proxies;
        const bool is_proxy = names_a_proxy(frame.value);
        const bool in_array = frames_.size() > 1;
        const json object = std::move(frame.value);
        frames_.pop_back();
        const bool is_entry = is_proxy || (in_array ? !contains_proxies : outermost_is_a_proxy_);
        if (is_entry) receive_object(line, object);
        return true;
    }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        error_at = position;
        return false;
    }

    std::optional<std::size_t> error_at;
    bool too_deep = false;

  private:
    struct Frame {
        json value;
        std::string key{};
        std::size_t line = 0;
        bool contains_proxies = false;
    };

    [[nodiscard]] std::size_t line() const { return fixed_line_ > 0 ? fixed_line_ : reading_.input.line(); }

    /// The JSON pointer of the array at the frame.
    [[nodiscard]] std::string path_of(std::size_t frame) const {
        json::json_pointer path;
        for (std::size_t at = 0; at < frame; ++at)
            path /= frames_[at].value.is_array() ? std::string("-") : frames_[at].key;
        return path.to_string();
    }
    /// Whether the elements of the array are entries of the list, not part of an entry.
    [[nodiscard]] bool is_list(std::size_t frame) const {
        if (!frames_[frame].value.is_array()) return false;
        if (!reading_.options.json_path.empty()) return path_of(frame) == reading_.options.json_path;
        return frame == 0 || (frame == 1 && !outermost_is_a_proxy_);
    }
    [[nodiscard]] bool may_be_a_proxy(std::size_t frame) const {
        if (!frames_[frame].value.is_object()) return false;
        if (frame == 0) return reading_.options.json_path.empty();
        if (!frames_[frame - 1].value.is_array()) return false;
        return reading_.options.json_path.empty() || is_list(frame - 1);
    }

    bool start(json value) {
        if (frames_.size() >= max_depth) {
            too_deep = true;
            return false;
        }
        frames_.push_back({.value = std::move(value), .line = line()});
        if (may_be_a_proxy(frames_.size() - 1)) values_ = 0;
        return true;
    }
    /// The end of what is no entry: it becomes a part of what contains it.
    bool end() {
        json value = std::move(frames_.back().value);
        const bool contains_proxies = frames_.back().contains_proxies;
        frames_.pop_back();
        if (frames_.empty()) return true;
        if (contains_proxies) {
            frames_.back().contains_proxies = true;
            return true;
        }
        return store(std::move(value));
    }
    bool add(json value) {
        if (frames_.empty()) return true;
        if (value.is_string() && is_list(frames_.size() - 1)) {
            const std::string text = value.get<std::string>();
            mark();
            receive(line(), reading_.receiver, [&] {
                OrderEvidence evidence;
                const std::string_view entry = trimmed(text);
                if (entry.empty()) reject("is empty");
                return parse_line(entry, reading_.options, reading_.options.order, evidence);
            });
            return true;
        }
        return store(std::move(value));
    }
    bool store(json value) {
        Frame& frame = frames_.back();
        if (++values_ > max_values ||
            (value.is_string() && value.get_ref<const std::string&>().size() > max_line_bytes))
            return true;
        if (frame.value.is_array()) {
            frame.value.push_back(std::move(value));
        } else {
            frame.value[frame.key] = std::move(value);
        }
        return true;
    }
    void mark() {
        for (Frame& frame : frames_) frame.contains_proxies = true;
    }
    void receive_object(std::size_t line, const json& object) {
        mark();
        std::vector<Entry> entries;
        receive(line, reading_.receiver, [&] {
            if (!names_a_proxy(object)) reject("is an object without host and port");
            entries = from_fields(object, reading_.options);
            return entries.front();
        });
        for (std::size_t next = 1; next < entries.size(); ++next)
            receive(line, reading_.receiver, [&] { return entries[next]; });
    }

    const Reading& reading_;
    std::size_t fixed_line_;
    bool outermost_is_a_proxy_;
    std::vector<Frame> frames_;
    std::size_t values_ = 0;
};

}  // namespace

void read_json(const Reading& reading) {
    std::istream stream(&reading.input);
    Handler handler(reading, 0, false);
    json::sax_parse(stream, &handler);
    const std::string where = " in line " + std::to_string(reading.input.line());
    if (handler.too_deep)
        throw ValidationError("list", reading.input.name(), "is JSON that is nested too deeply" + where);
    if (handler.error_at) throw ValidationError("list", reading.input.name(), "is damaged JSON" + where);
}

void read_json_lines(const Reading& reading) {
    std::string line;
    bool too_long = false;
    constexpr std::size_t max_object_bytes = std::size_t{64} * 1024;
    for (std::size_t number = 1; reading.input.next_line(line, max_object_bytes, too_long); ++number) {
        const std::string_view text = trimmed(line);
        if (is_blank(text)) {
            ++reading.result.blank;
            continue;
        }
        Handler handler(reading, number, true);
        if (too_long) {
            reading.receiver.problem({.line = number, .reason = "is longer than 64 KiB"});
        } else if (!text.starts_with('{') || !is_utf8(text) || !json::accept(text)) {
            reading.receiver.problem({.line = number, .reason = "is not a JSON object"});
        } else if (!json::sax_parse(text, &handler)) {
            reading.receiver.problem({.line = number, .reason = "is JSON that is nested too deeply"});
        }
    }
}

}  // namespace pharox::lists
