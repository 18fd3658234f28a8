// A new lease on a proxy that is known to be available.
#pragma once

#include <utility>

#include "pharox/rules/leases.hpp"
#include "transaction.hpp"

namespace pharox::sqlkit {

template <class Request>
LeasedProxy grant(LeaseTransaction& transaction, ProxyRow row, const Request& request, LeaseId id,
                  ConsumerId consumer, std::string_view pool_name) {
    const Timestamp now = transaction.now();
    Lease lease =
        rules::make_lease(request, {.proxy = row.proxy,
                                    .consumer_id = consumer,
                                    .pool_name = pool_name,
                                    .fencing_token = rules::next_fencing_token(row.fencing_token, now),
                                    .now = now});
    lease.id = id;
    ++row.proxy.current_leases;
    transaction.insert_lease(lease, row.proxy);
    return {std::move(row.proxy), std::move(lease)};
}

}  // namespace pharox::sqlkit
