#include <map>

#include "catalog.hpp"
#include "live_proxy.hpp"
#include "pharox/errors.hpp"
#include "picking.hpp"
#include "sql_statements.hpp"
#include "statement_text.hpp"

namespace pharox::sqlite {

namespace {

[[noreturn]] void refuse_duplicate(const Proxy& proxy, ProxyId holder) {
    if (holder == proxy.id) throw ConflictError("id", proxy.id.to_string(), "is the id of another proxy");
    throw ConflictError("proxy", proxy.redacted_url(), "is in its pool already");
}

/// Writes proxies, and remembers for the length of one transaction where each pool's random orders stand.
class ProxyWriter {
  public:
    explicit ProxyWriter(WriteTransaction& transaction) : transaction_(transaction) {}

    /// False where the id or the identity is taken.
    bool insert(const Proxy& proxy) {
        const PoolKeys& keys = keys_for(proxy);
        Statement statement = transaction_.prepare(sql::insert_proxy);
        statement.bind(proxy.id);
        bind_proxy(statement, proxy);
        statement.bind(random_key(keys)).bind(weighted_key(keys, proxy.weight)).run();
        transaction_.makes_available();
        return transaction_.connection().changes() == 1;
    }

    /// Who has the proxy's identity in its pool, or else its id.
    std::optional<ProxyId> holder_of(const Proxy& proxy) {
        if (const auto holder = holder_of_identity(proxy)) return holder;
        if (transaction_.prepare(sql::proxy_by_id).bind(proxy.id).step()) return proxy.id;
        return std::nullopt;
    }

    /// Replaces what is stored under the id, but for its counter. Throws ProxyNotFoundError,
    /// PoolNotFoundError, ConflictError.
    void update(Proxy& proxy) {
        const std::optional<ProxyRow> stored = find(proxy.id);
        if (!stored) throw ProxyNotFoundError(proxy.id);
        const PoolKeys& keys = keys_for(proxy);
        const auto holder = holder_of_identity(proxy);
        if (holder && *holder != proxy.id) refuse_duplicate(proxy, *holder);
        proxy.current_leases = stored->proxy.current_leases;
        const bool moved = stored->proxy.pool_id != proxy.pool_id;
        const bool reweighed = moved || stored->proxy.weight != proxy.weight;
        Statement statement = transaction_.prepare(sql::update_proxy);
        bind_proxy(statement, proxy);
        statement.bind(moved ? random_key(keys) : stored->random_key)
            .bind(reweighed ? weighted_key(keys, proxy.weight) : stored->weighted_key)
            .bind(proxy.id)
            .run();
        transaction_.makes_available();
    }

    std::optional<ProxyRow> find(ProxyId id) {
        Statement row = transaction_.prepare(sql::proxy_by_id);
        if (!row.bind(id).step()) return std::nullopt;
        return read_proxy_row(row);
    }

  private:
    const PoolKeys& keys_for(const Proxy& proxy) {
        PoolKeys& keys = keys_of(proxy.pool_id);
        if (proxy.weight > keys.largest_weight) {
            keys.largest_weight = proxy.weight;
            transaction_.prepare(sql::set_largest_weight).bind(proxy.weight).bind(proxy.pool_id).run();
        }
        return keys;
    }

    PoolKeys& keys_of(PoolId pool) {
        const auto known = pools_.find(pool);
        if (known != pools_.end()) return known->second;
        Statement row = transaction_.prepare(sql::pool_keys);
        if (!row.bind(pool).step()) throw PoolNotFoundError(pool.to_string());
        return pools_.emplace(pool, read_pool_keys(row)).first->second;
    }

    double random_key(const PoolKeys& keys) { return keys.random_high + transaction_.draw_exponential(); }
    double weighted_key(const PoolKeys& keys, double weight) {
        return weight > 0 ? keys.weighted_high + transaction_.draw_exponential() * mean_step(keys, weight)
                          : keys.weighted_high;
    }

    std::optional<ProxyId> holder_of_identity(const Proxy& proxy) {
        Statement row = transaction_.prepare(sql::proxy_id_by_identity);
        if (!row.bind(proxy.pool_id).bind(proxy.identity()).step()) return std::nullopt;
        return row.id<ProxyId>(0);
    }

    WriteTransaction& transaction_;
    std::map<PoolId, PoolKeys> pools_;
};

}  // namespace

Proxy Catalog::add_proxy(const Proxy& proxy) {
    Proxy stored = validated(proxy);
    WriteTransaction transaction(database_, {.name = "add_proxy"}, Durability::power);
    ProxyWriter writer(transaction);
    if (!writer.insert(stored)) refuse_duplicate(stored, writer.holder_of(stored).value_or(stored.id));
    transaction.commit();
    return stored;
}

AddProxiesResult Catalog::add_proxies(const AddProxiesRequest& request) {
    std::vector<Proxy> proxies;
    proxies.reserve(request.proxies.size());
    for (const Proxy& proxy : request.proxies) proxies.push_back(validated(proxy));

    WriteTransaction transaction(database_, {.name = "add_proxies"}, Durability::power);
    ProxyWriter writer(transaction);
    AddProxiesResult result;
    for (Proxy& proxy : proxies) {
        if (writer.insert(proxy)) {
            ++result.added;
        } else if (request.on_duplicate == DuplicatePolicy::skip) {
            ++result.skipped;
        } else {
            const ProxyId holder = writer.holder_of(proxy).value_or(proxy.id);
            if (request.on_duplicate == DuplicatePolicy::reject) refuse_duplicate(proxy, holder);
            proxy.id = holder;
            writer.update(proxy);
            ++result.updated;
        }
    }
    transaction.commit();
    return result;
}

Proxy Catalog::update_proxy(const Proxy& proxy) {
    Proxy changed = validated(proxy);
    WriteTransaction transaction(database_, {.name = "update_proxy"}, Durability::power);
    transaction.read_state();
    ProxyWriter(transaction).update(changed);
    changed = find_live_proxy(transaction, transaction.now(), changed.id).value();
    transaction.commit();
    return changed;
}

std::optional<Proxy> Catalog::get_proxy(ProxyId id) {
    ReadTransaction transaction(database_, {.name = "get_proxy"});
    return find_live_proxy(transaction, transaction.now(), id);
}

Page<Proxy> Catalog::list_proxies(const ListProxiesRequest& request) {
    validate(request);
    const FilterSql filter = compile_filter(request.filters);
    const std::string key = "list_proxies" + filter.where;
    const std::size_t wanted = request.limit + 1;  // the last tells that there is more
    ProxyId after = request.after.empty() ? ProxyId() : ProxyId::parse(request.after);
    Page<Proxy> page;
    for (bool more = true; more && page.items.size() < wanted;) {
        std::vector<Proxy> read;
        {
            ReadTransaction transaction(database_, {.name = "list_proxies"});
            const Timestamp now = transaction.now();
            PoolId pool;
            {
                Statement row = transaction.prepare(sql::pool_id_by_name);
                if (!row.bind(request.pool).step()) return {};
                pool = row.id<PoolId>(0);
            }
            Statement rows = transaction.prepare(
                key, [&] { return sqlkit::fill_slots(sql::list_proxies, {{"filter", filter.where}}); });
            rows.bind(now).bind(pool).bind(after);
            rows.bind(code_of(request.status));
            for (const SqlValue& value : filter.values) rows.bind(value);
            rows.bind(static_cast<std::int64_t>(wanted));
            while (rows.step()) read.push_back(read_proxy(rows));
        }
        more = read.size() == wanted;
        if (!read.empty()) after = read.back().id;
        for (Proxy& proxy : read) {  // predicates run here, outside the transaction
            if (page.items.size() == wanted) break;
            if (filter.exact || matches(request.filters, proxy)) page.items.push_back(std::move(proxy));
        }
    }
    if (page.items.size() == wanted) {
        page.items.pop_back();
        page.next = page.items.back().id.to_string();
    }
    return page;
}

RemoveResult Catalog::remove_proxy(ProxyId id, bool force) {
    WriteTransaction transaction(database_, {.name = "remove_proxy"}, Durability::power);
    transaction.read_state();
    const auto stored = ProxyWriter(transaction).find(id);
    if (!stored) return {};
    std::vector<Lease> active;
    if (stored->proxy.current_leases > 0) {
        Statement rows = transaction.prepare(sql::active_leases_of_proxy);
        rows.bind(id);
        while (rows.step()) active.push_back(read_lease(rows));
    }
    std::vector<Lease> expired;
    const std::int64_t revoked = revoke_all(transaction, std::move(active), force, expired, [&] {
        return ConflictError("proxy_id", id.to_string(), "has active leases");
    });
    transaction.prepare(sql::delete_health_result).bind(id).run();
    transaction.prepare(sql::delete_health_records).bind(id).run();
    transaction.prepare(sql::delete_proxy).bind(id).run();
    transaction.commit();
    reports_.put(std::move(expired));
    return {.removed = true, .revoked_leases = revoked};
}

}  // namespace pharox::sqlite
