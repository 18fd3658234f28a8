#include "pharox/model/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <stdexcept>
#include <vector>

#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox {
namespace {

using Node = nlohmann::json;

[[noreturn]] void refuse(std::string_view field, std::string_view value, std::string rule) {
    throw ValidationError(std::string(field), value, std::move(rule));
}

/// The text is not shown, because it may be a password.
void check_text(std::string_view field, std::string_view text) {
    if (!is_utf8(text)) refuse(field, {}, "contains text that is not UTF-8");
    if (text.find('\0') != std::string_view::npos) refuse(field, {}, "contains text with a NUL");
}

/// Builds the tree and checks what nlohmann's own builder accepts: duplicate keys, depth, NUL, integers
/// beyond 64 bits.
class Builder final : public nlohmann::json_sax<Node> {
  public:
    Builder(std::string_view field, int max_depth) : field_(field), max_depth_(max_depth) {}

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override {
        if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
            refuse_integer();
        }
        return add(static_cast<std::int64_t>(value));
    }
    bool number_float(number_float_t value, const string_t& text) override {
        // Integers too large even for unsigned arrive here.
        if (text.find_first_of(".eE") == string_t::npos) refuse_integer();
        return add(value);
    }
    bool string(string_t& value) override {
        check_text(field_, value);
        return add(std::move(value));
    }
    bool binary(binary_t& /*value*/) override { return false; }
    bool start_object(std::size_t /*elements*/) override { return open(Node::object()); }
    bool start_array(std::size_t /*elements*/) override { return open(Node::array()); }
    bool key(string_t& value) override {
        check_text(field_, value);
        if (open_.back()->contains(value)) refuse(field_, value, "is a duplicate key");
        key_ = std::move(value);
        return true;
    }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& error) override {
        if (error.id == number_out_of_range) refuse(field_, {}, "contains a number that is not finite");
        refuse(field_, {}, "is not JSON at byte " + std::to_string(position));
    }

    Node take() { return std::move(root_); }

  private:
    static constexpr int number_out_of_range = 406;  // an error id of nlohmann/json

    /// The value is hidden: a password may consist of digits.
    [[noreturn]] void refuse_integer() const {
        refuse(field_, ValidationError::hidden_value, "contains an integer beyond 64 bits, signed");
    }
    Node* place(Node value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        Node& parent = *open_.back();
        if (parent.is_array()) return &parent.emplace_back(std::move(value));
        return &(parent[key_] = std::move(value));
    }
    bool add(Node value) {
        place(std::move(value));
        return true;
    }
    bool open(Node value) {
        if (static_cast<int>(open_.size()) >= max_depth_) {
            refuse(field_, {}, "is nested deeper than " + std::to_string(max_depth_));
        }
        open_.push_back(place(std::move(value)));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    std::string_view field_;
    int max_depth_;
    Node root_;
    std::vector<Node*> open_;  // pointers stay valid, because only the innermost array or object grows
    std::string key_;
};

/// 2^63 as a double, exactly.
constexpr double integer_limit = 9223372036854775808.0;

std::optional<std::int64_t> exact_integer(double value) noexcept {
    if (!(value >= -integer_limit && value < integer_limit) || std::trunc(value) != value)
        return std::nullopt;
    return static_cast<std::int64_t>(value);
}

// NOLINTNEXTLINE(bugprone-exception-escape): get() throws only for another kind of value, which is excluded
// here.
bool equal(const Node& left, const Node& right) noexcept {
    if (left.is_number() && right.is_number()) {
        // Numbers compare by value: a double equals an integer only if it is exactly that integer.
        if (left.is_number_float() && right.is_number_float())
            return left.get<double>() == right.get<double>();
        if (left.is_number_float()) return exact_integer(left.get<double>()) == right.get<std::int64_t>();
        if (right.is_number_float()) return exact_integer(right.get<double>()) == left.get<std::int64_t>();
        return left.get<std::int64_t>() == right.get<std::int64_t>();
    }
    if (left.type() != right.type() || left.size() != right.size()) return false;
    if (left.is_array()) return std::equal(left.begin(), left.end(), right.begin(), equal);
    if (left.is_object()) {
        auto other = right.begin();
        for (auto mine = left.begin(); mine != left.end(); ++mine, ++other) {
            if (mine.key() != other.key() || !equal(*mine, *other)) return false;
        }
        return true;
    }
    return left == right;
}

int depth_of(const Node& node) {
    int deepest = 0;
    if (!node.is_structured()) return 0;
    for (const Node& child : node) deepest = std::max(deepest, depth_of(child));
    return deepest + 1;
}

const Node& node_of(const std::shared_ptr<const void>& pointer) noexcept {
    static const Node null_node;
    return pointer == nullptr ? null_node : *static_cast<const Node*>(pointer.get());
}

std::shared_ptr<const void> share(Node node) { return std::make_shared<const Node>(std::move(node)); }

double finite(double value) {
    if (!std::isfinite(value)) refuse("json", std::to_string(value), "is not a finite number");
    return value;
}

std::string checked(std::string_view text) {
    check_text("json", text);
    return std::string(text);
}

}  // namespace

Json::Json() noexcept = default;
Json::Json(bool value) : node_(share(value)) {}
Json::Json(std::int64_t value) : node_(share(value)) {}
Json::Json(double value) : node_(share(finite(value))) {}
Json::Json(std::string_view value) : node_(share(checked(value))) {}

Json Json::object(std::initializer_list<Member> members) {
    if (members.size() == 0) {
        static const Json empty(share(Node::object()));  // shared by all proxies without metadata
        return empty;
    }
    Node node = Node::object();
    for (const auto& [key, value] : members) {
        std::string name = checked(key);
        if (node.contains(name)) refuse("json", name, "is a duplicate key");
        node[std::move(name)] = node_of(value.node_);
    }
    return Json(share(std::move(node)));
}

Json Json::array(std::initializer_list<Json> elements) {
    Node node = Node::array();
    for (const Json& element : elements) node.push_back(node_of(element.node_));
    return Json(share(std::move(node)));
}

Json Json::parse(std::string_view text, Limits limits, std::string_view field) {
    if (text.size() > limits.bytes) {
        refuse(field, std::to_string(text.size()),
               "bytes of JSON are more than " + std::to_string(limits.bytes));
    }
    Builder builder(field, limits.depth);
    Node::sax_parse(text, &builder);
    return Json(share(builder.take()));
}

std::string Json::dump() const { return node_of(node_).dump(); }
std::string Json::dump_pretty() const { return node_of(node_).dump(2); }

Json::Kind Json::kind() const noexcept {
    switch (node_of(node_).type()) {
        case Node::value_t::boolean:
            return Kind::boolean;
        case Node::value_t::number_integer:
        case Node::value_t::number_unsigned:
            return Kind::integer;
        case Node::value_t::number_float:
            return Kind::number;
        case Node::value_t::string:
            return Kind::string;
        case Node::value_t::array:
            return Kind::array;
        case Node::value_t::object:
            return Kind::object;
        case Node::value_t::null:
        case Node::value_t::binary:
        case Node::value_t::discarded:
            break;
    }
    return Kind::null;
}

std::optional<bool> Json::as_bool() const noexcept {
    const Node& node = node_of(node_);
    return node.is_boolean() ? std::optional(node.get<bool>()) : std::nullopt;
}

std::optional<std::int64_t> Json::as_integer() const noexcept {
    const Node& node = node_of(node_);
    if (node.is_number_integer()) return node.get<std::int64_t>();
    return node.is_number_float() ? exact_integer(node.get<double>()) : std::nullopt;
}

std::optional<double> Json::as_number() const noexcept {
    const Node& node = node_of(node_);
    return node.is_number() ? std::optional(node.get<double>()) : std::nullopt;
}

std::optional<std::string> Json::as_string() const {
    const Node& node = node_of(node_);
    return node.is_string() ? std::optional(node.get<std::string>()) : std::nullopt;
}

std::size_t Json::size() const noexcept {
    const Node& node = node_of(node_);
    return node.is_structured() ? node.size() : 0;
}

int Json::depth() const { return depth_of(node_of(node_)); }

std::optional<Json> Json::find(std::string_view key) const {
    const Node& node = node_of(node_);
    if (!node.is_object()) return std::nullopt;
    const auto found = node.find(key);
    if (found == node.end()) return std::nullopt;
    return Json(std::shared_ptr<const void>(node_, &*found));  // aliasing: shares the whole document
}

Json Json::at(std::size_t index) const {
    const Node& node = node_of(node_);
    if (!node.is_array() || index >= node.size()) throw std::out_of_range("no such element in a JSON array");
    return Json(std::shared_ptr<const void>(node_, &node[index]));
}

void Json::for_each_member(const std::function<void(const std::string&, const Json&)>& visit) const {
    const Node& node = node_of(node_);
    if (!node.is_object()) return;
    for (auto member = node.begin(); member != node.end(); ++member) {
        visit(member.key(), Json(std::shared_ptr<const void>(node_, &*member)));
    }
}

Json Json::with(std::string_view key, const Json& value) const {
    Node node = is_null() ? Node::object() : node_of(node_);
    if (!node.is_object()) throw std::logic_error("only a JSON object takes members");
    node[checked(key)] = node_of(value.node_);
    return Json(share(std::move(node)));
}

Json Json::with_element(const Json& value) const {
    Node node = is_null() ? Node::array() : node_of(node_);
    if (!node.is_array()) throw std::logic_error("only a JSON array takes elements");
    node.push_back(node_of(value.node_));
    return Json(share(std::move(node)));
}

// A friend that is declared only in its class does not get the visibility of the header's
// namespace.
[[gnu::visibility("default")]] bool operator==(const Json& left, const Json& right) noexcept {
    return left.node_ == right.node_ || equal(node_of(left.node_), node_of(right.node_));
}

[[gnu::visibility("default")]] std::ostream& operator<<(std::ostream& out, const Json& value) {
    return out << value.dump();
}

}  // namespace pharox
