// JSON values, opaque and immutable, for metadata and for serialised models.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace [[gnu::visibility("default")]] pharox {

/// One JSON value (RFC 8259). It is immutable and hence thread-safe; copies share it and are cheap. Integers
/// are 64-bit signed, other numbers finite doubles, and 1 equals 1.0. Objects have no duplicate keys, and are
/// written in key order. Text is UTF-8 without NUL.
class Json {
  public:
    enum class Kind : std::uint8_t { null, boolean, integer, number, string, array, object };
    using Member = std::pair<std::string_view, Json>;

    Json() noexcept;                                                   ///< null
    Json(bool value);                                                  // NOLINT(google-explicit-constructor)
    Json(int value) : Json(std::int64_t{value}) {}                     // NOLINT(google-explicit-constructor)
    Json(std::int64_t value);                                          // NOLINT(google-explicit-constructor)
    Json(double value);                                                // NOLINT(google-explicit-constructor)
    Json(const char* value) : Json(std::string_view(value)) {}         // NOLINT(google-explicit-constructor)
    Json(const std::string& value) : Json(std::string_view(value)) {}  // NOLINT(google-explicit-constructor)
    Json(std::string_view value);                                      // NOLINT(google-explicit-constructor)
    template <class T>
    Json(T*) = delete;  // otherwise a pointer would convert to bool

    /// Throws ValidationError for a duplicate key, a non-finite number, NUL or invalid UTF-8.
    static Json object(std::initializer_list<Member> members = {});
    static Json array(std::initializer_list<Json> elements = {});

    struct Limits {
        std::size_t bytes = 16 * 1024 * 1024;  ///< of the text
        int depth = 64;  ///< of nested arrays and objects; allows metadata of depth 32 within a model
    };
    /// Throws ValidationError(field, …) with the position of the first error.
    static Json parse(std::string_view text, Limits limits, std::string_view field = "json");
    static Json parse(std::string_view text) { return parse(text, Limits{}); }

    /// Compact, keys sorted, doubles in the shortest form that parses to the same value.
    [[nodiscard]] std::string dump() const;
    [[nodiscard]] std::string dump_pretty() const;

    [[nodiscard]] Kind kind() const noexcept;
    [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
    [[nodiscard]] bool is_object() const noexcept { return kind() == Kind::object; }
    [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::array; }
    [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::string; }
    /// Empty if the value is of another kind. `as_integer` accepts 2.0 as 2; `as_number` accepts integers.
    [[nodiscard]] std::optional<bool> as_bool() const noexcept;
    [[nodiscard]] std::optional<std::int64_t> as_integer() const noexcept;
    [[nodiscard]] std::optional<double> as_number() const noexcept;
    [[nodiscard]] std::optional<std::string> as_string() const;

    [[nodiscard]] std::size_t size() const noexcept;  ///< of an array or object, else 0
    [[nodiscard]] int depth() const;                  ///< 0 for a scalar, 1 for a flat array or object
    /// The member of an object; empty if it is absent or this is not an object.
    [[nodiscard]] std::optional<Json> find(std::string_view key) const;
    /// The element of an array. Throws std::out_of_range.
    [[nodiscard]] Json at(std::size_t index) const;
    void for_each_member(const std::function<void(const std::string& key, const Json& value)>& visit) const;

    /// This object with the member added or replaced; null is treated as an empty object.
    [[nodiscard]] Json with(std::string_view key, const Json& value) const;
    /// This array with one more element; null is treated as an empty array.
    [[nodiscard]] Json with_element(const Json& value) const;

    friend bool operator==(const Json& left, const Json& right) noexcept;
    friend std::ostream& operator<<(std::ostream& out, const Json& value);

  private:
    explicit Json(std::shared_ptr<const void> node) noexcept : node_(std::move(node)) {}
    std::shared_ptr<const void> node_;  // null pointer: JSON null
};

}  // namespace pharox
