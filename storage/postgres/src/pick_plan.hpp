// How a selector and a filter become one statement.
#pragma once

#include <string>

#include "client/connection.hpp"
#include "dialect.hpp"
#include "pharox/selector.hpp"

namespace pharox::postgres {

/// Whether a look tells if one is busy: where no index serves the filter, the pool is read for it.
enum class Busy : std::uint8_t { unless_one_is_free, asked_for };

/// Which rows a picking statement may lock.
struct Reach {
    int availability = 0;  ///< a status: 0 for active proxies, 2 for slow ones
    /// Also a row that another transaction has locked: a locked row need not be taken. Then the row is chosen
    /// without a lock, and it alone is locked and checked again, so that no transaction waits for one proxy
    /// while it holds another.
    bool waits = false;
};

/// The available proxies of a pool that may match, in the selector's order. Texts are the same for the same
/// shape of filter, so that they are prepared once.
class PickPlan {
  public:
    PickPlan(Selector selector, const ProxyFilters& filters, bool allow_slow);

    /// Whether what the server finds is what matches; else the caller looks at copies.
    [[nodiscard]] bool exact() const noexcept { return exact_; }
    /// Which index serves tags, metadata and places depends on the values.
    [[nodiscard]] Plan plan() const noexcept { return plan_; }
    [[nodiscard]] bool moves_what_it_finds() const noexcept;
    /// Whether any of the first few is as good as the first, and a scan in this order discards no row: then
    /// calls keep out of each other's way (see Crowd), and go together (see Coalescer).
    [[nodiscard]] bool has_places() const;
    /// What the pool has to keep, as in orders.hpp.
    [[nodiscard]] int orders() const noexcept;
    [[nodiscard]] bool is_ready(int orders_of_pool) const noexcept {
        return (orders() & ~orders_of_pool) == 0;
    }

    // See lease_queries.hpp for parameters and columns.
    /// Of all that the request allows. With `unless_expired`, nothing while the pool has expired leases that
    /// are not collected: they still count in the sort keys.
    [[nodiscard]] std::string acquire_any(bool unless_expired = false) const;
    [[nodiscard]] std::string acquire(Reach reach) const;
    /// One more parameter than acquire's own: how many in order to leave to others.
    [[nodiscard]] std::string acquire_at_place() const;
    /// The same, with an array of lease ids: a proxy for each of them, none twice, as far as there are any.
    [[nodiscard]] std::string acquire_together() const;
    /// One more parameter than a filter's: its lease ids, whose proxies are not taken again.
    [[nodiscard]] std::string acquire_other() const;
    /// Two more parameters than acquire's own: a proxy's id and revision.
    [[nodiscard]] std::string acquire_this(Reach reach) const;
    [[nodiscard]] std::string find() const;
    [[nodiscard]] std::string find_and_mark(Reach reach) const;
    [[nodiscard]] std::string mark_this(Reach reach) const;
    [[nodiscard]] std::string candidates(int availability) const;
    [[nodiscard]] std::string candidate_ids(int availability) const;
    [[nodiscard]] std::string miss(Busy busy) const;

    /// The filter's values, after a statement's own.
    void add_filter(Parameters& parameters) const;

  private:
    [[nodiscard]] std::string where(int own_parameters) const;
    [[nodiscard]] Sole form() const noexcept;
    [[nodiscard]] std::string in_order() const;
    /// `of_pool`: what else the pool has to meet.
    [[nodiscard]] std::string pick(Reach reach, const std::string& conditions,
                                   std::string_view of_pool) const;
    [[nodiscard]] std::string choose(Reach reach, const std::string& conditions,
                                     std::string_view of_pool = {}) const;
    [[nodiscard]] std::string choose_any(const std::string& conditions, std::string_view of_pool) const;
    [[nodiscard]] std::string choose_near(std::string_view take) const;
    [[nodiscard]] std::string lease_chosen() const;
    [[nodiscard]] std::string mark_chosen() const;
    [[nodiscard]] std::string progress() const;
    [[nodiscard]] std::string draw() const;

    Selector selector_;
    const ProxyFilters& filters_;
    bool allow_slow_;
    bool exact_ = true;
    Plan plan_ = Plan::kept;
};

}  // namespace pharox::postgres
