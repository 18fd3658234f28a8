// Where addresses are, from databases in MaxMind's format.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox::geo {

/// Databases in MaxMind's format (.mmdb), version 2: a City, Country, ASN or ISP database of MaxMind or of
/// another publisher that uses the same keys. The files are mapped into memory, not read. Safe for concurrent
/// calls. A lookup takes about a microsecond for each database.
class Locations {
  public:
    /// Throws ValidationError(field "geo", path, why) for a file that cannot be opened or is no such
    /// database.
    explicit Locations(const std::vector<std::filesystem::path>& databases);
    ~Locations();
    Locations(Locations&&) noexcept;
    Locations& operator=(Locations&&) noexcept;

    /// Sets those of country, city, latitude and longitude, asn, isp and metadata.time_zone that the proxy
    /// does not have and that a database knows; the first database that knows an attribute decides. Returns
    /// whether it set any.
    ///
    /// What the proxy has is never changed. If it has a country and the database names another, the
    /// database's city, coordinates and time zone are not used: they are in that other country. The host must
    /// be an address; names are not resolved, and nothing is set for them.
    bool fill_in(Proxy& proxy) const;

  private:
    class Database;
    std::vector<Database> databases_;
};

}  // namespace pharox::geo
