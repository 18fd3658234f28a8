// Expired leases that a call ended and could not tell of.
#pragma once

#include "../../sqlkit/src/expiry_reports.hpp"

namespace pharox::postgres {

using sqlkit::Expired;
using sqlkit::ExpiryReports;

}  // namespace pharox::postgres
