#include "picking.hpp"

#include <algorithm>

#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

constexpr Operation looking{.name = "find"};
constexpr int page_size = 64;

}  // namespace

double mean_step(const PoolKeys& keys, double weight) {
    constexpr double longest = 1e6;
    return std::min(keys.largest_weight / weight, longest);
}

std::optional<ProxyRow> pick_unchanged(WriteTransaction& transaction, const PickPlan& plan, PoolId pool,
                                       const Proxy& seen) {
    Statement rows = plan.prepare(transaction, PickQuery::available_proxy_by_id);
    rows.bind(pool);
    plan.bind_filter(rows);
    rows.bind(seen.id);
    if (!rows.step()) return std::nullopt;
    ProxyRow row = read_proxy_row(rows);
    Proxy current = row.proxy;
    current.current_leases = seen.current_leases;
    if (current != seen) return std::nullopt;
    return row;
}

void draw_again(WriteTransaction& transaction, Selector selector, const ProxyRow& picked) {
    const bool weighted = selector == Selector::weighted_random;
    if (!weighted && selector != Selector::random) return;
    double highest = weighted ? picked.weighted_key : picked.random_key;
    double step = transaction.draw_exponential();
    {
        Statement row = transaction.prepare(sql::pool_keys);
        row.bind(picked.proxy.pool_id).step();
        const PoolKeys keys = read_pool_keys(row);
        highest = std::max(highest, weighted ? keys.weighted_high : keys.random_high);
        if (weighted) step *= mean_step(keys, picked.proxy.weight);
    }
    transaction.prepare(weighted ? sql::set_weighted_high : sql::set_random_high)
        .bind(highest)
        .bind(picked.proxy.pool_id)
        .run();
    transaction.prepare(weighted ? sql::set_weighted_key : sql::set_random_key)
        .bind(highest + step)
        .bind(picked.proxy.id)
        .run();
}

bool any(ReadTransaction& transaction, const PickPlan& plan, PoolId pool, bool with_room) {
    Statement rows = plan.prepare(transaction, PickQuery::miss_has_match);
    rows.bind(pool).bind(with_room);
    plan.bind_filter(rows);
    return rows.step();
}

Candidates::Candidates(Database& database, const PickPlan& plan, PoolId pool)
    : database_(database), plan_(plan), pool_(pool) {
    read_first();
}

std::optional<Proxy> Candidates::next() {
    while (ready_.empty() && !waiting_.empty()) read_more();
    if (ready_.empty()) return std::nullopt;
    Proxy proxy = std::move(ready_.back());
    ready_.pop_back();
    return proxy;
}

void Candidates::read_first() {
    ReadTransaction transaction(database_, looking);
    {
        Statement rows = plan_.prepare(transaction, PickQuery::available_proxies);
        rows.bind(pool_);
        plan_.bind_filter(rows);
        rows.bind(page_size);
        while (rows.step()) ready_.push_back(read_proxy(rows));
    }
    if (ready_.size() == page_size) {
        Statement rows = plan_.prepare(transaction, PickQuery::available_proxy_ids);
        rows.bind(pool_);
        plan_.bind_filter(rows);
        for (std::size_t row = 0; rows.step(); ++row) {
            if (row >= ready_.size()) waiting_.push_back(rows.id<ProxyId>(0));
        }
    }
    std::reverse(ready_.begin(), ready_.end());
    std::reverse(waiting_.begin(), waiting_.end());
}

void Candidates::read_more() {
    ReadTransaction transaction(database_, looking);
    Statement rows = plan_.prepare(transaction, PickQuery::available_proxy_by_id);
    for (int read = 0; read < page_size && !waiting_.empty(); ++read) {
        rows.reset();
        rows.bind(pool_);
        plan_.bind_filter(rows);
        rows.bind(waiting_.back());
        if (rows.step()) ready_.push_back(read_proxy(rows));
        waiting_.pop_back();
    }
    std::reverse(ready_.begin(), ready_.end());
}

}  // namespace pharox::sqlite
