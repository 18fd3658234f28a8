#include "random_order.hpp"

#include <algorithm>

namespace pharox::sqlkit {

double mean_step(const RandomKeys& keys, double weight) {
    constexpr double longest = 1e6;
    return std::min(keys.largest_weight / weight, longest);
}

double first_random_key(Transaction& transaction, const RandomKeys& keys) {
    return keys.random_high + transaction.draw_exponential();
}

double first_weighted_key(Transaction& transaction, const RandomKeys& keys, double weight) {
    if (weight <= 0) return keys.weighted_high;
    return keys.weighted_high + transaction.draw_exponential() * mean_step(keys, weight);
}

void draw_again(LeaseTransaction& transaction, Selector selector, const ProxyRow& picked) {
    const bool weighted = selector == Selector::weighted_random;
    if (!weighted && selector != Selector::random) return;
    const RandomKeys keys = transaction.random_keys(picked.proxy.pool_id).value_or(RandomKeys{});
    double step = transaction.draw_exponential();
    if (weighted) step *= mean_step(keys, picked.proxy.weight);
    const double high = weighted ? std::max(picked.weighted_key, keys.weighted_high)
                                 : std::max(picked.random_key, keys.random_high);
    transaction.set_random_keys(selector, picked.proxy, high, high + step);
}

}  // namespace pharox::sqlkit
