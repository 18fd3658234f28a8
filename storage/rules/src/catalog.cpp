#include "pharox/rules/catalog.hpp"

#include "pharox/errors.hpp"

namespace pharox::rules {

namespace {

void check_free(const std::string& kind, const std::string& name, bool name_taken, const std::string& id,
                bool id_taken) {
    if (name_taken) throw ConflictError("name", name, "is the name of another " + kind);
    if (id_taken) throw ConflictError("id", id, "is the id of another " + kind);
}

}  // namespace

void check_new(const ProxyPool& pool, bool name_taken, bool id_taken) {
    check_free("pool", pool.name, name_taken, pool.id.to_string(), id_taken);
}

void check_new(const Consumer& consumer, bool name_taken, bool id_taken) {
    check_free("consumer", consumer.name, name_taken, consumer.id.to_string(), id_taken);
}

void check_update(const ProxyPool& pool, bool known, std::optional<PoolId> name_holder) {
    if (!known) throw PoolNotFoundError(pool.id.to_string());
    check_free("pool", pool.name, name_holder && *name_holder != pool.id, {}, false);
}

void check_new(const Proxy& proxy, bool pool_known, std::optional<ProxyId> holder) {
    if (!pool_known) throw PoolNotFoundError(proxy.pool_id.to_string());
    if (holder) refuse_duplicate(proxy, *holder);
}

void check_update(const Proxy& proxy, bool known, bool pool_known, std::optional<ProxyId> identity_holder) {
    if (!known) throw ProxyNotFoundError(proxy.id);
    if (!pool_known) throw PoolNotFoundError(proxy.pool_id.to_string());
    if (identity_holder && *identity_holder != proxy.id) refuse_duplicate(proxy, *identity_holder);
}

void refuse_duplicate(const Proxy& proxy, ProxyId holder) {
    if (holder == proxy.id) throw ConflictError("id", proxy.id.to_string(), "is the id of another proxy");
    throw ConflictError("proxy", proxy.redacted_url(), "is in its pool already");
}

void refuse_active_leases(const char* field, std::string_view value) {
    throw ConflictError(field, value, "has active leases");
}

}  // namespace pharox::rules
