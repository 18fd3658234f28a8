// Which proxies fit, worked out anew: the suite checks the library's evaluator with it as much as the
// reverse.
#pragma once

#include "independent/planted.hpp"
#include "pharox/filters.hpp"

namespace pharox::testkit::independent {

enum class Fit { no, unknown, yes };

/// `unknown` where it depends on a predicate, which is called only if `call_predicates`.
Fit fit(const ProxyFilters& filters, const Proxy& proxy, bool call_predicates, const Planted& planted);

}  // namespace pharox::testkit::independent
