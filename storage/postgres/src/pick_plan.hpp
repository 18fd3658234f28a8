// How a selector and a filter become one statement.
#pragma once

#include <string>

#include "connection.hpp"
#include "dialect.hpp"
#include "pharox/selector.hpp"

namespace pharox::postgres {

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

    // See query::picked, query::found, query::candidates and query::miss_ask for parameters and columns.
    [[nodiscard]] std::string acquire() const;
    [[nodiscard]] std::string acquire_this() const;
    [[nodiscard]] std::string find() const;
    [[nodiscard]] std::string find_and_mark() const;
    [[nodiscard]] std::string mark_this() const;
    [[nodiscard]] std::string candidates(int room) const;
    [[nodiscard]] std::string candidate_ids(int room) const;
    [[nodiscard]] std::string miss() const;

    /// The filter's values, after a statement's own.
    void add_filter(Parameters& parameters) const;

  private:
    [[nodiscard]] std::string where(int own_parameters) const;
    [[nodiscard]] std::string locked_steps(const std::string& conditions) const;
    [[nodiscard]] std::string take(bool lease) const;

    Selector selector_;
    const ProxyFilters& filters_;
    bool allow_slow_;
    bool exact_ = true;
    Plan plan_ = Plan::kept;
    FilterSql filter_{};
};

/// Columns of the order's index after (pool_id, room).
std::string_view order_of(Selector selector) noexcept;

}  // namespace pharox::postgres
