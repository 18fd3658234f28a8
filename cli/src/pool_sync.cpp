#include "pool_sync.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::cli {
namespace {

/// Member of the metadata of a proxy that is no longer listed and has active leases.
constexpr std::string_view retired_member = "retired";

bool is_retired(const Proxy& proxy) { return proxy.metadata.find(retired_member).has_value(); }

Json without(const Json& object, std::string_view name) {
    Json result = Json::object();
    object.for_each_member([&](const std::string& key, const Json& value) {
        if (key != name) result = result.with(key, value);
    });
    return result;
}

/// The identity without the password: a provider changes the password of one of its users.
std::string login_of(const Proxy& proxy) {
    Proxy copy = proxy;
    if (copy.credentials) copy.credentials->password.clear();
    return copy.identity();
}

/// Sets what the list has. Returns whether anything differed.
bool take_over(Proxy& stored, const Proxy& listed) {
    const Proxy before = stored;
    const auto set = [](auto& attribute, const auto& value) {
        if (value) attribute = value;
    };
    set(stored.country, listed.country);
    set(stored.city, listed.city);
    set(stored.isp, listed.isp);
    set(stored.source, listed.source);
    set(stored.asn, listed.asn);
    set(stored.latitude, listed.latitude);
    set(stored.longitude, listed.longitude);
    set(stored.max_concurrency, listed.max_concurrency);
    if (listed.weight != 1) stored.weight = listed.weight;
    stored.tags.insert(listed.tags.begin(), listed.tags.end());
    if (stored.credentials && listed.credentials) stored.credentials->password = listed.credentials->password;
    if (is_retired(stored)) {
        stored.metadata = without(stored.metadata, retired_member);
        stored.status = ProxyStatus::active;
    }
    return stored != before;
}

}  // namespace

PoolSync::PoolSync(ICatalog& catalog, std::string pool, std::vector<Proxy> listed)
    : catalog_(catalog), pool_(std::move(pool)), listed_(std::move(listed)) {
    compare();
}

void PoolSync::compare() {
    pool_exists_ = catalog_.get_pool(pool_).has_value();
    std::unordered_map<std::string, std::size_t> by_identity;
    for (std::size_t at = 0; at < listed_.size(); ++at) by_identity.emplace(listed_[at].identity(), at);

    struct Vanished {
        ProxyId id;
        std::string login;
        bool retired;
    };
    std::vector<Vanished> vanished;
    std::vector<bool> found(listed_.size(), false);
    ListProxiesRequest request{.pool = pool_, .limit = 5'000};
    do {
        const Page<Proxy> page = catalog_.list_proxies(request);
        for (const Proxy& proxy : page.items) {
            const bool retired = is_retired(proxy);
            if (!retired) ++counts_.stored;
            const auto listed = by_identity.find(proxy.identity());
            if (listed == by_identity.end()) {
                vanished.push_back({.id = proxy.id, .login = login_of(proxy), .retired = retired});
                continue;
            }
            found[listed->second] = true;
            Proxy changed = proxy;
            if (!take_over(changed, listed_[listed->second])) {
                ++counts_.unchanged;
                continue;
            }
            ++(retired ? counts_.restored : counts_.updated);
            to_change_.push_back({.stored = proxy.id, .listed = listed->second});
        }
        request.after = page.next;
    } while (!request.after.empty());

    // A login that one vanished proxy and one new one have is a changed password; of several nothing is
    // known.
    std::unordered_map<std::string, std::vector<std::size_t>> fresh;
    for (std::size_t at = 0; at < listed_.size(); ++at)
        if (!found[at]) fresh[login_of(listed_[at])].push_back(at);
    std::unordered_map<std::string, int> vanished_logins;
    for (const Vanished& one : vanished) ++vanished_logins[one.login];
    for (const Vanished& one : vanished) {
        const auto successor = fresh.find(one.login);
        if (successor != fresh.end() && successor->second.size() == 1 && vanished_logins[one.login] == 1) {
            to_change_.push_back({.stored = one.id, .listed = successor->second.front()});
            ++counts_.passwords;
            fresh.erase(successor);
            continue;
        }
        to_retire_.push_back(one.id);
        if (!one.retired) ++counts_.retired;
    }
    for (const auto& [login, entries] : fresh) to_add_.insert(to_add_.end(), entries.begin(), entries.end());
    std::ranges::sort(to_add_);
    counts_.added = static_cast<std::int64_t>(to_add_.size());
}

void PoolSync::apply() {
    std::optional<ProxyPool> pool = catalog_.get_pool(pool_);
    if (!pool) {
        try {
            pool = catalog_.add_pool({.name = pool_});
        } catch (const ConflictError&) {
            pool = catalog_.get_pool(pool_);  // another process created it meanwhile
            if (!pool) throw;
        }
    }
    for (const Change& change : to_change_) {
        std::optional<Proxy> stored = catalog_.get_proxy(change.stored);
        if (stored && take_over(*stored, listed_[change.listed]))
            static_cast<void>(catalog_.update_proxy(*stored));
    }
    AddProxiesRequest added{.on_duplicate = DuplicatePolicy::skip};
    for (const std::size_t at : to_add_) {
        added.proxies.push_back(listed_[at]);
        added.proxies.back().pool_id = pool->id;
    }
    if (!added.proxies.empty()) static_cast<void>(catalog_.add_proxies(added));
    for (const ProxyId id : to_retire_) retire(id);
}

void PoolSync::retire(ProxyId id) {
    // Inactive first, so that no lease is made between the refusal and the change.
    std::optional<Proxy> stored = catalog_.get_proxy(id);
    if (!stored) return;
    if (!is_retired(*stored)) {
        stored->status = ProxyStatus::inactive;
        stored->metadata = stored->metadata.with(retired_member, Json(true));
        static_cast<void>(catalog_.update_proxy(*stored));
    }
    try {
        static_cast<void>(catalog_.remove_proxy(id, false));
    } catch (const ConflictError&) {
        ++counts_.waiting_for_leases;
    }
}

}  // namespace pharox::cli
