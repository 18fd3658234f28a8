// Removal of what has leases.
#pragma once

#include <utility>

#include "catalog.hpp"
#include "lease_ends.hpp"

namespace pharox::sqlkit {

template <class Remove>
RemoveResult Catalog::remove_with_leases(CatalogTransaction& transaction, std::vector<Lease> active,
                                         bool force, const char* field, std::string_view value,
                                         Remove remove) {
    std::vector<Lease> expired;
    const std::int64_t revoked = revoke_all(transaction, std::move(active), force, expired, field, value);
    remove();
    transaction.commit();
    reports_.put(std::move(expired));
    return {.removed = true, .revoked_leases = revoked};
}

}  // namespace pharox::sqlkit
