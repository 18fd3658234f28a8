// An import of lists into a pool: what the lists contain, then storing it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pharox/geo/locations.hpp"
#include "pharox/lists/reader.hpp"
#include "pharox/storage/catalog.hpp"

namespace pharox::cli {

struct Origin {
    std::string list;
    std::size_t line = 0;
    [[nodiscard]] std::string text() const { return list + ":" + std::to_string(line); }
};
struct ListProblem {
    Origin origin;
    std::string verdict;  ///< of lists::Verdict, or `duplicate`
    std::string reason;
};

struct ImportCounts {
    std::int64_t accepted = 0, updated = 0, duplicate = 0;             ///< of proxies
    std::int64_t ambiguous = 0, rejected = 0, skipped = 0, blank = 0;  ///< of other entries
    std::int64_t protocol_assumed = 0;
    std::int64_t located = 0;  ///< proxies of which a database knew the place
};

/// The lists are read twice: once to know what they contain, once to store it. Some 30 bytes a proxy are kept
/// between, so a million proxies need 30 MB.
class ImportLists {
  public:
    struct Options {
        lists::ReadOptions reading{};
        DuplicatePolicy on_duplicate = DuplicatePolicy::skip;
        /// Sets attributes that the list does not have.
        std::function<void(Proxy&)> complete{};
        const geo::Locations* locations = nullptr;
        std::size_t most_problems = 0;  ///< how many are kept; all are counted
        /// Called after some entries, with what is done, the fraction of it, 0 to 1, and the number of
        /// proxies.
        std::function<void(const char* what, double fraction, std::int64_t proxies)> progress{};
        /// Whether to stop: the import fails with Interrupted.
        std::function<bool()> stops{};
    };
    /// Thrown after what was added has been removed again.
    struct Interrupted {};

    ImportLists(std::vector<std::unique_ptr<lists::Input>> inputs, Options options);

    /// Reads the lists. Throws ValidationError for content that is no list; ConflictError(field "list") if a
    /// proxy is listed twice and the policy is reject.
    void read();
    /// Counts what store() would do to the pool, reading all its proxies. Throws as store().
    void rehearse(ICatalog& catalog, const std::string& pool);
    /// Adds the proxies in transactions of some 25 ms, so that other writers wait no longer. If one fails, or
    /// the import is interrupted, the proxies that were added are removed again, with leases that were made
    /// of them, and the pool if it is new; what the policy `update` changed stays changed. After a crash of
    /// this process, a part remains.
    void store(ICatalog& catalog, const std::string& pool);

    /// All proxies of the lists, each once. After read().
    std::vector<Proxy> collect();

    [[nodiscard]] std::int64_t proxies() const {
        return static_cast<std::int64_t>(repeated_.size()) - repeats_;
    }
    [[nodiscard]] const ImportCounts& counts() const { return counts_; }
    [[nodiscard]] const std::vector<ListProblem>& problems() const { return problems_; }
    [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }
    [[nodiscard]] bool pool_created() const { return pool_created_; }

  private:
    struct Seen {
        std::uint64_t hash[2];
        std::uint32_t entry;  ///< number within all lists
        std::uint32_t line;
    };
    using Receive =
        std::function<void(std::size_t list, std::size_t line, Proxy proxy, bool protocol_assumed)>;

    void read_all(const char* what, const Receive& receive,
                  const std::function<void(std::size_t list, const lists::Problem&)>& problem);
    void add_problem(Origin origin, std::string verdict, std::string reason);
    void find_repeats();
    [[nodiscard]] Origin origin_of(const Seen& seen) const;
    void store_batch(ICatalog& catalog, std::vector<Proxy>& batch);
    void take_back(ICatalog& catalog, const std::string& pool);

    std::vector<std::unique_ptr<lists::Input>> inputs_;
    Options options_;
    std::vector<Seen> seen_;                  ///< by hash, then entry; until store()
    std::vector<std::uint32_t> first_entry_;  ///< of each list
    std::vector<bool> repeated_;              ///< by entry
    std::int64_t repeats_ = 0;
    ImportCounts counts_;
    std::vector<ListProblem> problems_;
    std::vector<std::string> remarks_;
    std::deque<ProxyId> sent_;  ///< not a vector, which is copied when it grows
    bool pool_created_ = false;
};

}  // namespace pharox::cli
