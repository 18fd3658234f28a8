// add_proxies in transactions of bounded duration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "database.hpp"
#include "pharox/storage/catalog.hpp"

namespace pharox::sqlite {

struct ImportIdTag {
    static constexpr std::string_view name = "import";
};
using ImportId = Id<ImportIdTag>;

/// All or none of the proxies are added, in three steps. They are staged in a table of their own; one
/// transaction decides that they are added; then they are moved to the others, in the course of which they
/// become visible. What fails or dies before the decision is taken back, after it is completed. One import
/// runs at a time. See ADR 0015.
class ProxyImport {
  public:
    explicit ProxyImport(Database& database) : database_(database) {}

    /// Waits for another import as long as that makes progress. Throws as ICatalog::add_proxies.
    AddProxiesResult add(const std::vector<Proxy>& proxies, DuplicatePolicy policy);
    /// Completes, or takes back, the import of a process that has ended, if there is one.
    void recover();

  private:
    enum class Stage : std::uint8_t { staging, moving, taking_back };
    struct Running {
        ImportId id;
        std::string process;
        Stage stage = Stage::staging;
        std::int64_t progress = 0;
    };

    [[nodiscard]] std::optional<Running> running();
    void begin();
    AddProxiesResult stage(const std::vector<Proxy>& proxies, DuplicatePolicy policy);
    void decide();
    void move_staged(ImportId id);
    void take_back(ImportId id);
    void settle(const Running& abandoned);

    Database& database_;
    ImportId id_ = ImportId::make();
};

}  // namespace pharox::sqlite
