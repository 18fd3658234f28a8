// Identifiers: UUIDs (RFC 9562) with a type for each kind of object.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] pharox {

using UuidBytes = std::array<std::uint8_t, 16>;

namespace detail {
/// Generates a UUID version 7 (RFC 9562 §5.7): the system clock's milliseconds, then 74 random bits, of which
/// the upper 12 count up within a millisecond, so that ids of one thread sort in the order of generation.
/// Thread-safe, and safe after fork().
UuidBytes make_uuid_v7() noexcept;
/// Parses the 36 characters 8-4-4-4-12, in either case. Throws ValidationError(field, text, …) otherwise.
UuidBytes parse_uuid(std::string_view field, std::string_view text);
std::string format_uuid(const UuidBytes& bytes);
std::ostream& print_uuid(std::ostream& out, const UuidBytes& bytes);
}  // namespace detail

/// A UUID that identifies one kind of object: a LeaseId does not convert to a ProxyId. The default is nil
/// (all zero), which identifies nothing. Ids are ordered bytewise.
template <class Tag>
class Id {
  public:
    constexpr Id() noexcept = default;
    constexpr explicit Id(const UuidBytes& bytes) noexcept : bytes_(bytes) {}

    /// Generates a new id (UUID version 7).
    static Id make() noexcept { return Id(detail::make_uuid_v7()); }
    /// Throws ValidationError with `Tag::name` as the field if the text is not a UUID.
    static Id parse(std::string_view text) { return Id(detail::parse_uuid(Tag::name, text)); }

    [[nodiscard]] constexpr bool is_nil() const noexcept { return bytes_ == UuidBytes{}; }
    [[nodiscard]] constexpr const UuidBytes& bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::string to_string() const { return detail::format_uuid(bytes_); }

    friend constexpr bool operator==(const Id&, const Id&) noexcept = default;
    friend constexpr auto operator<=>(const Id&, const Id&) noexcept = default;
    friend std::ostream& operator<<(std::ostream& out, const Id& id) {
        return detail::print_uuid(out, id.bytes_);
    }

  private:
    UuidBytes bytes_{};
};

struct ProxyIdTag {
    static constexpr std::string_view name = "proxy_id";
};
struct PoolIdTag {
    static constexpr std::string_view name = "pool_id";
};
struct ConsumerIdTag {
    static constexpr std::string_view name = "consumer_id";
};
struct LeaseIdTag {
    static constexpr std::string_view name = "lease_id";
};
struct RecordIdTag {
    static constexpr std::string_view name = "record_id";
};

using ProxyId = Id<ProxyIdTag>;
using PoolId = Id<PoolIdTag>;
using ConsumerId = Id<ConsumerIdTag>;
using LeaseId = Id<LeaseIdTag>;
using RecordId = Id<RecordIdTag>;

}  // namespace pharox

template <class Tag>
struct std::hash<pharox::Id<Tag>> {
    std::size_t operator()(const pharox::Id<Tag>& id) const noexcept {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        std::memcpy(&high, id.bytes().data(), sizeof high);
        std::memcpy(&low, id.bytes().data() + sizeof high, sizeof low);
        return static_cast<std::size_t>((high ^ (low * 0x9E3779B97F4A7C15ULL)) * 0xFF51AFD7ED558CCDULL);
    }
};
