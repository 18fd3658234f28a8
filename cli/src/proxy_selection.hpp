// The proxies that a command acts on: by id, by host, or by filters.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter_options.hpp"
#include "pharox/storage/catalog.hpp"
#include "session.hpp"

namespace pharox::cli {

/// A proxy as an argument names it: an id, `host`, `host:port` or `scheme://host:port`.
class ProxyReference {
  public:
    /// Throws ValidationError; user info is refused, because it would be visible to other users.
    static ProxyReference parse(std::string_view text);
    [[nodiscard]] const std::optional<ProxyId>& id() const noexcept { return id_; }
    [[nodiscard]] bool names(const Proxy& proxy) const;
    /// Throws ProxyNotFoundError for an id; otherwise a ValidationError that names the host.
    [[noreturn]] void throw_not_found() const;

  private:
    std::optional<ProxyId> id_{};
    std::string host_{};
    std::optional<int> port_{};
    std::optional<ProxyProtocol> protocol_{};
};

/// Calls `visit` for the proxies of the request, page by page. No page is open while `visit` runs.
void for_each_proxy(ICatalog& catalog, ListProxiesRequest request,
                    const std::function<void(const Proxy&)>& visit);

/// The options [PROXY…], --pool, --status and the filters. A proxy must satisfy all that are given.
class ProxySelection {
  public:
    /// Must outlive the parse.
    void declare(CLI::App& command);
    /// Whether only ids were given, so that the caller has named each proxy.
    [[nodiscard]] bool is_list_of_ids() const;
    /// The ids of the selected proxies, in the order of their pools' names and their ids, or of the given
    /// ids. Throws UsageError if nothing was given, PoolNotFoundError, and ProxyNotFoundError if one of the
    /// given proxies does not exist.
    [[nodiscard]] std::vector<ProxyId> ids(Session& session) const;

  private:
    std::vector<std::string> references_{};
    std::string pool_{};
    std::optional<std::string> status_{};
    FilterOptions filters_{};
};

/// The proxies, in all pools or in one, that a reference names. Throws as throw_not_found().
std::vector<Proxy> find_proxies(Session& session, const ProxyReference& reference, const std::string& pool);

}  // namespace pharox::cli
