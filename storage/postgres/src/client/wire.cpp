// Values to and from PostgreSQL's binary formats.
#include <libpq-fe.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "client/connection.hpp"
#include "client/json_numbers.hpp"

namespace pharox::postgres {

namespace {

// Fixed in pg_type.dat for all versions.
constexpr Oid bool_type = 16;
constexpr Oid int8_type = 20;
constexpr Oid int2_type = 21;
constexpr Oid int4_type = 23;
constexpr Oid text_type = 25;
constexpr Oid float8_type = 701;
constexpr Oid timestamptz_type = 1184;
constexpr Oid uuid_type = 2950;
constexpr Oid jsonb_type = 3802;
constexpr Oid text_array_type = 1009;
constexpr Oid int8_array_type = 1016;
constexpr Oid uuid_array_type = 2951;

/// PostgreSQL counts from 2000-01-01.
constexpr std::int64_t epoch_difference = 946'684'800'000'000;
constexpr char jsonb_version = 1;

std::uint64_t number_in(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

}  // namespace

void Parameters::begin(unsigned type) {
    types_.push_back(type);
    offsets_.push_back(bytes_.size());
}
void Parameters::end() { lengths_.push_back(static_cast<int>(bytes_.size() - offsets_.back())); }
void Parameters::append(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
}
void Parameters::append_number(std::uint64_t value, std::size_t bytes) {
    while (bytes-- > 0) bytes_ += static_cast<char>(value >> (8 * bytes) & 0xff);
}

Parameters& Parameters::add(bool value) {
    begin(bool_type);
    append_number(value ? 1 : 0, 1);
    end();
    return *this;
}
Parameters& Parameters::add(std::int16_t value) {
    begin(int2_type);
    append_number(static_cast<std::uint16_t>(value), 2);
    end();
    return *this;
}
Parameters& Parameters::add(std::int32_t value) {
    begin(int4_type);
    append_number(static_cast<std::uint32_t>(value), 4);
    end();
    return *this;
}
Parameters& Parameters::add(std::int64_t value) {
    begin(int8_type);
    append_number(static_cast<std::uint64_t>(value), 8);
    end();
    return *this;
}
Parameters& Parameters::add(double value) {
    begin(float8_type);
    append_number(std::bit_cast<std::uint64_t>(value), 8);
    end();
    return *this;
}
Parameters& Parameters::add(std::string_view value) {
    begin(text_type);
    append(value.data(), value.size());
    end();
    return *this;
}
Parameters& Parameters::add(Timestamp value) {
    begin(timestamptz_type);
    append_number(static_cast<std::uint64_t>(value.time_since_epoch().count() - epoch_difference), 8);
    end();
    return *this;
}
Parameters& Parameters::add(const Json& value) {
    begin(jsonb_type);
    bytes_ += jsonb_version;
    bytes_ += dump_numbers_exactly(value);
    end();
    return *this;
}
Parameters& Parameters::add(const UuidBytes& value) {
    begin(uuid_type);
    append(value.data(), value.size());
    end();
    return *this;
}

// An array: dimensions, whether there are nulls, the elements' type; then length and first index of the only
// dimension; then each element after its length.
Parameters& Parameters::add(const std::set<std::string>& texts) {
    begin(text_array_type);
    append_number(texts.empty() ? 0 : 1, 4);
    append_number(0, 4);
    append_number(text_type, 4);
    if (!texts.empty()) {
        append_number(texts.size(), 4);
        append_number(1, 4);
    }
    for (const std::string& text : texts) {
        append_number(text.size(), 4);
        append(text.data(), text.size());
    }
    end();
    return *this;
}
Parameters& Parameters::add(std::span<const UuidBytes> values) {
    begin(uuid_array_type);
    append_number(values.empty() ? 0 : 1, 4);
    append_number(0, 4);
    append_number(uuid_type, 4);
    if (!values.empty()) {
        append_number(values.size(), 4);
        append_number(1, 4);
    }
    for (const UuidBytes& value : values) {
        append_number(value.size(), 4);
        append(value.data(), value.size());
    }
    end();
    return *this;
}
Parameters& Parameters::add(std::span<const std::int64_t> values) {
    begin(int8_array_type);
    append_number(values.empty() ? 0 : 1, 4);
    append_number(0, 4);
    append_number(int8_type, 4);
    if (!values.empty()) {
        append_number(values.size(), 4);
        append_number(1, 4);
    }
    for (const std::int64_t value : values) {
        append_number(8, 4);
        append_number(static_cast<std::uint64_t>(value), 8);
    }
    end();
    return *this;
}
Parameters& Parameters::add(const sqlkit::SqlValue& value) {
    if (const auto* json = std::get_if<sqlkit::JsonText>(&value)) {
        begin(jsonb_type);
        bytes_ += jsonb_version;
        bytes_ += json->text;
        end();
        return *this;
    }
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return add(*integer);
    if (const auto* real = std::get_if<double>(&value)) return add(*real);
    if (const auto* text = std::get_if<std::string>(&value)) return add(std::string_view(*text));
    return add(std::get<UuidBytes>(value));
}

void Rows::Clearer::operator()(pg_result* result) const noexcept { PQclear(result); }
int Rows::size() const noexcept { return PQntuples(result_.get()); }
bool Rows::is_null(int row, int column) const noexcept {
    return PQgetisnull(result_.get(), row, column) != 0;
}
std::int64_t Rows::changed() const {
    const std::string_view count = PQcmdTuples(result_.get());
    std::int64_t value = 0;
    std::from_chars(count.data(), count.data() + count.size(), value);
    return value;
}
std::string_view Rows::text(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}
bool Rows::flag(int row, int column) const { return text(row, column) == std::string_view("\1", 1); }
std::int64_t Rows::integer(int row, int column) const {
    const std::string_view bytes = text(row, column);
    const std::uint64_t value = number_in(bytes);
    if (bytes.size() == 2) return static_cast<std::int16_t>(value);
    if (bytes.size() == 4) return static_cast<std::int32_t>(value);
    return static_cast<std::int64_t>(value);
}
double Rows::real(int row, int column) const { return std::bit_cast<double>(number_in(text(row, column))); }
Timestamp Rows::time(int row, int column) const {
    return Timestamp(std::chrono::microseconds(integer(row, column) + epoch_difference));
}
Json Rows::json(int row, int column) const {
    static const Json empty_object = Json::object();
    const std::string_view stored = text(row, column).substr(1);
    return stored == "{}" ? empty_object : parse_stored(stored);
}
UuidBytes Rows::uuid(int row, int column) const {
    UuidBytes bytes{};
    const std::string_view stored = text(row, column);
    std::memcpy(bytes.data(), stored.data(), std::min(stored.size(), bytes.size()));
    return bytes;
}
std::set<std::string> Rows::texts(int row, int column) const {
    std::set<std::string> texts;
    std::string_view array = text(row, column);
    if (array.size() < 20) return texts;  // without dimensions: empty
    const std::uint64_t count = number_in(array.substr(12, 4));
    array.remove_prefix(20);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto size = static_cast<std::size_t>(number_in(array.substr(0, 4)));
        texts.emplace(array.substr(4, size));
        array.remove_prefix(4 + size);
    }
    return texts;
}

}  // namespace pharox::postgres
