// Running cases: under GoogleTest's registration, or by hand on a store that should fail.
#pragma once

#include <string>
#include <vector>

#include "pharox/testkit/contract.hpp"
#include "runner/case.hpp"

namespace pharox::testkit {

/// The cases that these properties, and the capabilities of a store made by them, call for. Opens one store.
/// Throws ValidationError for properties that make no sense, and whatever the factory throws.
std::vector<Case> cases_for(const Properties& properties);

/// Runs one case; its failures are GoogleTest's.
void run_case(const Case& test, const Properties& properties);

/// Runs one case and returns its failures' texts, unseen by GoogleTest: for stores that are wrong on purpose.
std::vector<std::string> failures_of(const Case& test, const Properties& properties);

}  // namespace pharox::testkit
