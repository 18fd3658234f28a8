// A selector and a filter as statements: the slots of acquire.sql and find.sql.
#pragma once

#include <array>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "database.hpp"
#include "dialect.hpp"
#include "pharox/selector.hpp"

namespace pharox::postgres {

/// Which proxies of a pool may be picked, in which order.
class PickPlan {
  public:
    /// Refers to nothing of its arguments afterwards.
    PickPlan(Selector selector, const ProxyFilters& filters, bool allow_slow);

    /// Whether the server alone decides what matches; otherwise its rows are candidates for a predicate.
    [[nodiscard]] bool exact() const noexcept { return filter_.sql.exact; }
    /// Plan::once if the best index depends on the values, as for tags, metadata and places.
    [[nodiscard]] Plan plan() const noexcept { return plan_; }
    [[nodiscard]] bool allow_slow() const noexcept { return allow_slow_; }
    [[nodiscard]] Selector selector() const noexcept { return selector_; }
    /// Whether a find moves the proxy to the end of the selector's order.
    [[nodiscard]] bool moves_what_it_finds() const noexcept;
    /// Whether any of the first few proxies is as good as the first, and a scan in this order discards no
    /// row: then concurrent calls start at different offsets (ContentionSpreading) and are executed in
    /// batches (LeaseBatches).
    [[nodiscard]] bool any_offset_will_do() const noexcept;
    /// What the pool must maintain, as bits of `sort_key`.
    [[nodiscard]] int sort_keys() const noexcept;
    [[nodiscard]] bool is_ready(int complete_keys) const noexcept {
        return (sort_keys() & ~complete_keys) == 0;
    }
    /// The filter's values, after a statement's own parameters.
    void add_filter(Parameters& parameters) const;

  private:
    friend class PickStatements;
    Selector selector_;
    bool allow_slow_;
    CompiledFilter filter_;
    Plan plan_ = Plan::prepared;
};

/// The statements with slots. Those named `other` leave out the proxies of the lease ids in a further
/// parameter.
enum class Pick : std::uint8_t {
    acquire_unlocked,
    acquire_unlocked_or_slow,
    acquire_other_unlocked,
    acquire_other_unlocked_or_slow,
    acquire_waiting,
    acquire_by_id,
    acquire_at_offset,
    acquire_batch,
    diagnose_miss,
    candidates,
    candidate_ids,
    find_active,
    find_active_or_slow,
    move_first_unlocked,
    move_first_waiting,
    move_by_id,
};
inline constexpr std::size_t pick_count = static_cast<std::size_t>(Pick::move_by_id) + 1;

/// The texts with their slots filled in the storage's schema: composed once for each selector and each shape
/// of filter. Thread-safe.
class PickStatements {
  public:
    explicit PickStatements(const Database& database);
    [[nodiscard]] std::shared_ptr<const std::string> text(Pick pick, const PickPlan& plan);

  private:
    static constexpr std::size_t selector_count = 6;
    static constexpr std::size_t most_cached = 1'000;
    [[nodiscard]] std::string compose(Pick pick, const PickPlan& plan) const;

    const Database& database_;
    std::array<std::array<std::string, selector_count>, pick_count> without_filter_;
    std::shared_mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const std::string>> with_filter_;
};

}  // namespace pharox::postgres
