#include "catalog.hpp"

#include "catalog_removal.hpp"
#include "pharox/rules/catalog.hpp"

namespace pharox::sqlkit {

ProxyPool Catalog::add_pool(const ProxyPool& pool) {
    ProxyPool stored = validated(pool);
    const auto transaction = store_.write({.name = "add_pool"});
    rules::check_new(stored, transaction->pool(stored.name).has_value(), transaction->has_pool(stored.id));
    transaction->insert_pool(stored);
    transaction->commit();
    return stored;
}

ProxyPool Catalog::update_pool(const ProxyPool& pool) {
    ProxyPool changed = validated(pool);
    const auto transaction = store_.write({.name = "update_pool"});
    const std::optional<ProxyPool> holder = transaction->pool(changed.name);
    rules::check_update(changed, transaction->has_pool(changed.id),
                        holder ? std::optional(holder->id) : std::nullopt);
    transaction->update_pool(changed);
    transaction->commit();
    return changed;
}

std::optional<ProxyPool> Catalog::get_pool(const std::string& name) {
    return store_.read({.name = "get_pool"})->pool(name);
}

Page<ProxyPool> Catalog::list_pools(const ListRequest& request) {
    validate(request);
    return rules::page_by_name(
        store_.read({.name = "list_pools"})->list_pools(request.after, request.limit + 1), request.limit);
}

RemoveResult Catalog::remove_pool(const std::string& name, bool force) {
    const auto transaction = store_.write({.name = "remove_pool"});
    const std::optional<ProxyPool> pool = transaction->pool(name);
    if (!pool) return {};
    return remove_with_leases(*transaction, transaction->active_leases_of_pool(pool->id), force, "pool", name,
                              [&] { transaction->remove_pool(pool->id); });
}

Consumer Catalog::add_consumer(const Consumer& consumer) {
    Consumer stored = validated(consumer);
    const auto transaction = store_.write({.name = "add_consumer"});
    rules::check_new(stored, transaction->consumer(stored.name).has_value(),
                     transaction->has_consumer(stored.id));
    transaction->insert_consumer(stored);
    transaction->commit();
    return stored;
}

ConsumerId Catalog::ensure_consumer(const std::string& name) {
    constexpr Operation ensuring{.name = "ensure_consumer"};
    if (const auto known = store_.read(ensuring)->consumer(name)) return known->id;
    const auto transaction = store_.write(ensuring);
    if (const auto known = transaction->consumer(name)) return known->id;
    const Consumer consumer{.name = name};
    transaction->insert_consumer(consumer);
    transaction->commit();
    return consumer.id;
}

std::optional<Consumer> Catalog::get_consumer(const std::string& name) {
    return store_.read({.name = "get_consumer"})->consumer(name);
}

Page<Consumer> Catalog::list_consumers(const ListRequest& request) {
    validate(request);
    return rules::page_by_name(
        store_.read({.name = "list_consumers"})->list_consumers(request.after, request.limit + 1),
        request.limit);
}

RemoveResult Catalog::remove_consumer(const std::string& name, bool force) {
    const auto transaction = store_.write({.name = "remove_consumer"});
    const std::optional<Consumer> consumer = transaction->consumer(name);
    if (!consumer) return {};
    return remove_with_leases(*transaction, transaction->active_leases_of_consumer(consumer->id), force,
                              "consumer", name, [&] { transaction->remove_consumer(consumer->id); });
}

}  // namespace pharox::sqlkit
