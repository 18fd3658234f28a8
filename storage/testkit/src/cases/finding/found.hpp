// Which proxies of a pool fit a filter, by every way to ask.
#pragma once

#include <set>

#include "runner/context.hpp"

namespace pharox::testkit {

/// What fits, found by excluding one hit after the other. Where the store has a catalog, its list must agree
/// so must a first acquire, which is released again.
std::set<ProxyId> all_found(Context& context, const ProxyFilters& filters, const std::string& pool = "pool");

/// Expects that exactly these fit.
void expect_found(Context& context, const ProxyFilters& filters, const std::vector<Proxy>& wanted);

}  // namespace pharox::testkit
