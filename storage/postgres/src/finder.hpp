// find_available_proxy.
#pragma once

#include <optional>

#include "candidates.hpp"
#include "expiry_collector.hpp"
#include "sort_keys.hpp"

namespace pharox::postgres {

/// Reads only, unless the selector moves what it finds or the pool has expired leases. Thread-safe.
class Finder {
  public:
    Finder(Database& database, ExpiryReports& reports, PickStatements& statements, SortKeyBackfill& sort_keys,
           ExpiryCollector& collector)
        : database_(database),
          reports_(reports),
          statements_(statements),
          sort_keys_(sort_keys),
          collector_(collector) {}

    FindResult find(const FindRequest& request);

  private:
    /// Whether the answer is certain: not if other calls leased the accepted candidates meanwhile.
    bool find_by_predicate(const FindRequest& request, const PickPlan& plan, PoolId pool,
                           std::optional<Proxy>& found);
    /// `own` are the statement's parameters.
    std::optional<Proxy> move(Pick pick, const PickPlan& plan, Parameters own);

    Database& database_;
    ExpiryReports& reports_;
    PickStatements& statements_;
    SortKeyBackfill& sort_keys_;
    ExpiryCollector& collector_;
};

}  // namespace pharox::postgres
