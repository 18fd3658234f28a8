// Random orders that an index serves. Each proxy has a key, and the proxy with the smallest key is picked. It
// then gets a new key: the largest key that was picked so far plus an exponentially distributed number. The
// picks of a proxy are thus a Poisson process, and each proxy is picked in proportion to its rate.
#pragma once

#include "transaction.hpp"

namespace pharox::sqlkit {

/// The mean increase of the key of a picked proxy of this weight: 1 for the largest weight of the pool, for
/// others inversely proportional to the weight. Weights below a millionth of the largest are treated alike:
/// larger steps would lose the small ones to rounding.
double mean_step(const RandomKeys& keys, double weight);

/// The keys of a proxy that is added to the pool.
double first_random_key(Transaction& transaction, const RandomKeys& keys);
double first_weighted_key(Transaction& transaction, const RandomKeys& keys, double weight);

/// Gives a picked proxy its next key, if the selector is random. For other selectors leases, or
/// move_to_end(), change the sort key.
void draw_again(LeaseTransaction& transaction, Selector selector, const ProxyRow& picked);

}  // namespace pharox::sqlkit
