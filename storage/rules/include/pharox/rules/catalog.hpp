// What the catalog refuses, and how lists come in pages.
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

/// A new pool or consumer. Throws ConflictError("name" or "id", …) if it is taken; the name is checked first.
void check_new(const ProxyPool& pool, bool name_taken, bool id_taken);
void check_new(const Consumer& consumer, bool name_taken, bool id_taken);
/// A changed pool: whether there is one of its id, and the id of the pool that has its name now, if any.
/// Throws PoolNotFoundError, ConflictError.
void check_update(const ProxyPool& pool, bool known, std::optional<PoolId> name_holder);
/// A new proxy: whether its pool exists, and the proxy that has its identity in the pool, or else its id;
/// nothing if neither is taken. Throws PoolNotFoundError, ConflictError.
void check_new(const Proxy& proxy, bool pool_known, std::optional<ProxyId> holder);
/// A changed proxy: whether it and its pool exist, and the proxy that has its identity in the pool, if any.
/// Throws ProxyNotFoundError, PoolNotFoundError, ConflictError.
void check_update(const Proxy& proxy, bool known, bool pool_known, std::optional<ProxyId> identity_holder);
/// `holder` is the proxy that has this one's identity in its pool, or else its id. Throws ConflictError.
[[noreturn]] void refuse_duplicate(const Proxy& proxy, ProxyId holder);
/// For a removal without force: what is removed ("pool", "proxy_id", "consumer") and its name or id.
[[noreturn]] void refuse_active_leases(const char* field, std::string_view value);

/// A page out of up to `limit + 1` rows in order: the row beyond the limit tells that there are more.
template <class T, class Cursor>
Page<T> page_of(std::vector<T> rows, std::size_t limit, Cursor cursor_of) {
    Page<T> page{.items = std::move(rows)};
    if (page.items.size() > limit) {
        page.items.erase(page.items.begin() + static_cast<std::ptrdiff_t>(limit), page.items.end());
        page.next = cursor_of(page.items.back());
    }
    return page;
}
/// Pools and consumers.
template <class T>
Page<T> page_by_name(std::vector<T> rows, std::size_t limit) {
    return page_of(std::move(rows), limit, [](const T& row) { return row.name; });
}
/// Proxies and leases.
template <class T>
Page<T> page_by_id(std::vector<T> rows, std::size_t limit) {
    return page_of(std::move(rows), limit, [](const T& row) { return row.id.to_string(); });
}

}  // namespace rules
}  // namespace pharox
