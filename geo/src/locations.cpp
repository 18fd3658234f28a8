#include "pharox/geo/locations.hpp"

#include <arpa/inet.h>
#include <maxminddb.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "pharox/errors.hpp"

namespace pharox::geo {
namespace {

using Path = std::array<const char*, 4>;  // ends with a null pointer

std::optional<MMDB_entry_data_s> value_at(MMDB_entry_s& entry, const Path& path, std::uint32_t type) {
    MMDB_entry_data_s data{};
    if (MMDB_aget_value(&entry, &data, path.data()) != MMDB_SUCCESS || !data.has_data || data.type != type)
        return std::nullopt;
    return data;
}

std::optional<std::string> text_at(MMDB_entry_s& entry, const Path& path) {
    const auto data = value_at(entry, path, MMDB_DATA_TYPE_UTF8_STRING);
    if (!data || data->data_size == 0) return std::nullopt;
    return std::string(data->utf8_string, data->data_size);
}

std::optional<double> number_at(MMDB_entry_s& entry, const Path& path) {
    const auto data = value_at(entry, path, MMDB_DATA_TYPE_DOUBLE);
    return data ? std::optional(data->double_value) : std::nullopt;
}

std::optional<std::int64_t> unsigned_at(MMDB_entry_s& entry, const Path& path) {
    const auto data = value_at(entry, path, MMDB_DATA_TYPE_UINT32);
    return data ? std::optional<std::int64_t>(data->uint32) : std::nullopt;
}

template <class Value>
bool set_if_absent(std::optional<Value>& attribute, std::optional<Value> value) {
    if (attribute || !value) return false;
    attribute = std::move(value);
    return true;
}

/// The binary form of an IPv4 or IPv6 address; empty for a name and for an address with a zone, which has no
/// place on the globe.
std::optional<sockaddr_storage> address_of(const std::string& host) {
    sockaddr_storage address{};
    auto* v4 =
        reinterpret_cast<sockaddr_in*>(&address);  // NOLINT(*-reinterpret-cast): the socket API's own idiom
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);  // NOLINT(*-reinterpret-cast)
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        address.ss_family = AF_INET;
        return address;
    }
    if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        address.ss_family = AF_INET6;
        return address;
    }
    return std::nullopt;
}

}  // namespace

class Locations::Database {
  public:
    explicit Database(const std::filesystem::path& file) : handle_(open(file)) {}

    [[nodiscard]] std::optional<MMDB_entry_s> find(const sockaddr_storage& address) const {
        int error = 0;
        MMDB_lookup_result_s found =
            MMDB_lookup_sockaddr(handle_.get(), reinterpret_cast<const sockaddr*>(&address),
                                 &error);  // NOLINT(*-reinterpret-cast)
        // An IPv6 address in a database of IPv4 addresses is an error of the call; there is no entry.
        if (error != MMDB_SUCCESS || !found.found_entry) return std::nullopt;
        return found.entry;
    }

  private:
    struct Close {
        void operator()(MMDB_s* database) const {
            MMDB_close(database);
            delete database;  // NOLINT(*-owning-memory): of the unique_ptr that this belongs to
        }
    };
    using Handle = std::unique_ptr<MMDB_s, Close>;

    static Handle open(const std::filesystem::path& file) {
        auto opened = std::make_unique<MMDB_s>();
        const int status = MMDB_open(file.c_str(), MMDB_MODE_MMAP, opened.get());
        const int reason = errno;
        if (status == MMDB_SUCCESS) return Handle(opened.release());
        throw ValidationError(
            "geo", file.string(),
            status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR
                ? "cannot be read: " + std::generic_category().message(reason)
                : "is not a database in MaxMind's format: " + std::string(MMDB_strerror(status)));
    }

    Handle handle_;
};

Locations::Locations(const std::vector<std::filesystem::path>& databases) {
    databases_.reserve(databases.size());
    for (const std::filesystem::path& file : databases) databases_.emplace_back(file);
}
Locations::~Locations() = default;
Locations::Locations(Locations&&) noexcept = default;
Locations& Locations::operator=(Locations&&) noexcept = default;

bool Locations::fill_in(Proxy& proxy) const {
    const auto address = address_of(proxy.host);
    if (!address) return false;
    bool any = false;
    for (const Database& database : databases_) {
        auto entry = database.find(*address);
        if (!entry) continue;
        const auto country = text_at(*entry, {"country", "iso_code"});
        const bool same_country = !proxy.country || !country || *proxy.country == *country;
        any |= set_if_absent(proxy.country, country);
        if (same_country) {
            any |= set_if_absent(proxy.city, text_at(*entry, {"city", "names", "en"}));
            const auto latitude = number_at(*entry, {"location", "latitude"});
            const auto longitude = number_at(*entry, {"location", "longitude"});
            if (!proxy.latitude && !proxy.longitude && latitude && longitude) {
                proxy.latitude = latitude;
                proxy.longitude = longitude;
                any = true;
            }
            const auto time_zone = text_at(*entry, {"location", "time_zone"});
            if (time_zone && !proxy.metadata.find("time_zone")) {
                proxy.metadata = proxy.metadata.with("time_zone", *time_zone);
                any = true;
            }
        }
        any |= set_if_absent(proxy.asn, unsigned_at(*entry, {"autonomous_system_number"}));
        auto isp = text_at(*entry, {"isp"});
        if (!isp) isp = text_at(*entry, {"autonomous_system_organization"});
        any |= set_if_absent(proxy.isp, std::move(isp));
    }
    return any;
}

}  // namespace pharox::geo
