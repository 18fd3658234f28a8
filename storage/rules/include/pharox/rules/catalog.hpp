// Which changes of the catalog are refused, and the pages of its lists.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pharox/model/proxy.hpp"
#include "pharox/storage/page.hpp"

namespace [[gnu::visibility("default")]] pharox {
namespace rules {

// Each function gets the object that a caller adds or changes and what the store holds, and throws if the
// contract forbids the change; otherwise it returns, and the adapter stores the object.

/// For a new pool or consumer. `name_taken` and `id_taken`: another object of its kind has the name, or the
/// id. Throws ConflictError with the field "name" or, if only the id is taken, "id".
void check_new(const ProxyPool& pool, bool name_taken, bool id_taken);
void check_new(const Consumer& consumer, bool name_taken, bool id_taken);
/// For a changed pool. `known`: a pool with its id exists. `name_holder`: the pool that has its name; this
/// may be the pool itself. Throws PoolNotFoundError, ConflictError.
void check_update(const ProxyPool& pool, bool known, std::optional<PoolId> name_holder);
/// For a new proxy. `pool_known`: its pool exists. `holder`: the proxy of that pool with the same identity;
/// if there is none, the proxy with the same id. Throws PoolNotFoundError, ConflictError.
void check_new(const Proxy& proxy, bool pool_known, std::optional<ProxyId> holder);
/// For a changed proxy. `known`: a proxy with its id exists. `pool_known`: its pool exists.
/// `identity_holder`: the proxy of that pool with the same identity; this may be the proxy itself. Throws
/// ProxyNotFoundError, PoolNotFoundError, ConflictError.
void check_update(const Proxy& proxy, bool known, bool pool_known, std::optional<ProxyId> identity_holder);
/// Throws the ConflictError for a proxy whose identity or id `holder` has already.
[[noreturn]] void refuse_duplicate(const Proxy& proxy, ProxyId holder);
/// Throws the ConflictError for a removal without force of an object that has active leases. `field` and
/// `value` name the object: "pool" or "consumer" and its name, "proxy_id" and its id.
[[noreturn]] void refuse_active_leases(const char* field, std::string_view value);

/// The page made of the first `limit` rows. An adapter reads `limit + 1` rows in order; if there are that
/// many, Page::next is the cursor of the last row of the page, otherwise it is empty.
template <class T, class Cursor>
Page<T> page_of(std::vector<T> rows, std::size_t limit, Cursor cursor_of) {
    Page<T> page{.items = std::move(rows)};
    if (page.items.size() > limit) {
        page.items.erase(page.items.begin() + static_cast<std::ptrdiff_t>(limit), page.items.end());
        page.next = cursor_of(page.items.back());
    }
    return page;
}
/// The same for pools and consumers, whose cursor is the name.
template <class T>
Page<T> page_by_name(std::vector<T> rows, std::size_t limit) {
    return page_of(std::move(rows), limit, [](const T& row) { return row.name; });
}
/// The same for proxies and leases, whose cursor is the id.
template <class T>
Page<T> page_by_id(std::vector<T> rows, std::size_t limit) {
    return page_of(std::move(rows), limit, [](const T& row) { return row.id.to_string(); });
}

}  // namespace rules
}  // namespace pharox
