#include "catalog.hpp"
#include "catalog_queries.hpp"
#include "dialect.hpp"
#include "pharox/errors.hpp"
#include "upkeep_queries.hpp"

namespace pharox::postgres {

namespace {

constexpr std::size_t lines_at_once = 1'000;

}  // namespace

void Catalog::refuse_duplicate(const Proxy& proxy, const std::string& constraint) {
    if (constraint == "proxy_pkey") {
        throw ConflictError("id", proxy.id.to_string(), "is the id of another proxy");
    }
    throw ConflictError("proxy", proxy.redacted_url(), "is in its pool already");
}

Proxy Catalog::add_proxy(const Proxy& proxy) {
    Proxy stored = validated(proxy);
    database_.run({.name = "add_proxy"}, Repeat::unsent, [&](Connection& connection) {
        const Rows rows = connection.execute(database_.in_schema(query::insert_proxy), bind_proxy(stored));
        if (!rows.flag(0, 0)) throw PoolNotFoundError(stored.pool_id.to_string());
        if (rows.flag(0, 1)) return;
        const Rows holder =
            connection.execute(database_.in_schema(query::holder_of_proxy),
                               Parameters().add(stored.pool_id).add(stored.identity()).add(stored.id));
        const bool own = holder.size() > 0 && holder.id<ProxyId>(0, 0) == stored.id;
        refuse_duplicate(stored, own ? "proxy_pkey" : "proxy_identity");
    });
    on_available_();
    return stored;
}

AddProxiesResult Catalog::add_proxies(const AddProxiesRequest& request) {
    std::vector<Proxy> proxies;
    proxies.reserve(request.proxies.size());
    for (const Proxy& proxy : request.proxies) proxies.push_back(validated(proxy));
    if (proxies.empty()) return {};
    std::set<PoolId> in;
    for (const Proxy& proxy : proxies) in.insert(proxy.pool_id);
    std::vector<UuidBytes> pools;
    for (const PoolId pool : in) pools.push_back(pool.bytes());
    const AddProxiesResult result = database_.transact({.name = "add_proxies"}, [&](Connection& connection) {
        const AddProxiesResult added = add_staged(connection, proxies, request.on_duplicate);
        connection.execute(database_.in_schema(query::tell_of_pools),
                           Parameters().add(std::span<const UuidBytes>(pools)));
        return added;
    });
    on_available_();
    return result;
}

AddProxiesResult Catalog::add_staged(Connection& connection, const std::vector<Proxy>& proxies,
                                     DuplicatePolicy policy) {
    connection.extend_timeout();
    connection.command(query::make_staging);
    std::size_t next = 0;
    connection.copy_in(query::copy_staging, [&](std::string& lines) {
        lines.clear();
        const std::size_t end = std::min(next + lines_at_once, proxies.size());
        for (; next < end; ++next) append_copy_line(lines, static_cast<std::int64_t>(next), proxies[next]);
        return !lines.empty();
    });
    connection.command(query::analyze_staging);
    const auto run = [&](const std::string& sql) {
        return connection.execute(database_.in_schema(sql), {}, Plan::once);
    };
    run(query::lock_staged_pools);
    const Rows unknown = run(query::unknown_staged_pool);
    if (unknown.size() > 0) throw PoolNotFoundError(unknown.id<PoolId>(0, 0).to_string());
    AddProxiesResult result;
    if (policy == DuplicatePolicy::reject) {
        connection.command("SAVEPOINT before_insert");
        try {
            result.added = run(query::insert_staged).changed();
        } catch (const ServerError& error) {
            if (!error.is("23505")) throw;
            connection.command("ROLLBACK TO before_insert");
            const Rows conflict = run(query::first_conflict);
            // Whatever was in the way went meanwhile.
            if (conflict.size() == 0) throw;
            refuse_duplicate(proxies[static_cast<std::size_t>(conflict.integer(0, 0))],
                             conflict.flag(0, 1) ? "proxy_pkey" : "proxy_identity");
        }
        return result;
    }
    const auto total = static_cast<std::int64_t>(proxies.size());
    if (policy == DuplicatePolicy::skip) {
        result.added = run(query::insert_staged + std::string(query::or_leave_it)).changed();
        result.skipped = total - result.added;
        return result;
    }
    const Rows added = run(query::after_insert_with + std::string(query::insert_staged) + query::or_leave_it +
                           query::after_insert_drop);
    result.added = added.integer(0, 0);
    result.updated = total - result.added;
    if (result.updated == 0) return result;
    run(query::update_staged);
    const Rows rest = run(query::staged_places);
    for (int row = 0; row < rest.size(); ++row) {
        update(connection, proxies[static_cast<std::size_t>(rest.integer(row, 0))]);
    }
    return result;
}

Proxy Catalog::update(Connection& connection, const Proxy& proxy) {
    const Rows rows = [&] {
        try {
            return connection.execute(database_.in_schema(query::update_proxy), bind_proxy(proxy));
        } catch (const ServerError& error) {
            if (error.is("23505")) refuse_duplicate(proxy, error.constraint);
            throw;
        }
    }();
    if (rows.size() > 0) return read_proxy(rows, 0, 0);
    if (connection.execute(database_.in_schema(query::proxy_exists), Parameters().add(proxy.id)).size() ==
        0) {
        throw ProxyNotFoundError(proxy.id);
    }
    throw PoolNotFoundError(proxy.pool_id.to_string());
}

Proxy Catalog::update_proxy(const Proxy& proxy) {
    const Proxy checked = validated(proxy);
    Proxy changed = database_.run({.name = "update_proxy"}, Repeat::always,
                                  [&](Connection& connection) { return update(connection, checked); });
    on_available_();
    return changed;
}

std::optional<Proxy> Catalog::get_proxy(ProxyId id) {
    const Rows rows = database_.run({.name = "get_proxy"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::proxy_by_id), Parameters().add(id));
    });
    return rows.size() == 0 ? std::nullopt : std::optional(read_proxy(rows, 0, 0));
}

Page<Proxy> Catalog::list_proxies(const ListProxiesRequest& request) {
    validate(request);
    const CompiledFilter compiled = compile_filter(request.filters);
    const FilterSql& filter = compiled.sql;
    const std::string sql = database_.in_schema(query::list_proxies +
                                                conditions_of(compiled, query::list_proxies_parameters + 1) +
                                                query::list_proxies_end);
    const std::size_t wanted = request.limit + 1;  // the last tells that there is more
    ProxyId after = request.after.empty() ? ProxyId() : ProxyId::parse(request.after);
    std::optional<std::int16_t> status;
    if (request.status) status = static_cast<std::int16_t>(*request.status);
    Page<Proxy> page;
    for (bool more = true; more && page.items.size() < wanted;) {
        Parameters parameters;
        parameters.add(request.pool).add(after).add(static_cast<std::int64_t>(wanted)).add(status);
        for (const SqlValue& value : filter.values) parameters.add(value);
        const Rows rows = database_.run(
            {.name = "list_proxies"}, Repeat::always,
            [&](Connection& connection) { return connection.execute(sql, parameters, Plan::once); });
        more = static_cast<std::size_t>(rows.size()) == wanted;
        for (int row = 0; row < rows.size() && page.items.size() < wanted; ++row) {
            Proxy proxy = read_proxy(rows, row, 0);
            after = proxy.id;
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
    std::vector<Lease> expired;
    const RemoveResult result =
        database_.transact({.name = "remove_proxy"}, [&](Connection& connection) -> RemoveResult {
            expired.clear();
            const Parameters parameters = Parameters().add(id);
            if (connection.execute(database_.in_schema(query::lock_proxy), parameters).size() == 0) return {};
            const std::int64_t revoked =
                end_leases(connection, query::active_of_proxy, id.bytes(), force, expired,
                           [&] { return ConflictError("proxy_id", id.to_string(), "has active leases"); });
            connection.execute(database_.in_schema(query::delete_health_of_proxy), parameters);
            connection.execute(database_.in_schema(query::delete_proxy), parameters);
            return {.removed = true, .revoked_leases = revoked};
        });
    reports_.put(std::move(expired));
    return result;
}

}  // namespace pharox::postgres
