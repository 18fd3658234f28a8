// Random orders that an index serves. Each proxy has a key, and the smallest is picked. A picked proxy gets a
// new key: the largest key that was picked so far plus a draw from an exponential distribution. So each
// proxy's picks are a Poisson process: any proxy may come next, in proportion to the rates.
#pragma once

#include "transaction.hpp"

namespace pharox::sqlkit {

/// How far a pick moves a proxy of this weight on average: 1 for the heaviest of the pool, for others in
/// inverse proportion to the weight. Weights below a millionth of the heaviest are treated alike: with larger
/// steps sums would lose the small ones.
double mean_step(const RandomKeys& keys, double weight);

/// The keys of a proxy that comes into the pool.
double first_random_key(Transaction& transaction, const RandomKeys& keys);
double first_weighted_key(Transaction& transaction, const RandomKeys& keys, double weight);

/// Moves a picked proxy on, if the selector is random. Other orders are moved by leases, or by move_to_end().
void draw_again(LeaseTransaction& transaction, Selector selector, const ProxyRow& picked);

}  // namespace pharox::sqlkit
