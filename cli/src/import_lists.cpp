#include "import_lists.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::cli {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto transaction_time = 25ms;
constexpr std::size_t least_in_transaction = 50;
constexpr std::size_t most_in_transaction = 5'000;
constexpr std::uint32_t entries_between_reports = 1'024;

struct Hashes {
    std::uint64_t first;
    std::uint64_t second;
};
/// 128 bits: two proxies of a million have the same ones with a probability of 10^-27.
Hashes hashes_of(std::string identity) {
    const std::uint64_t first = std::hash<std::string>()(identity);
    identity += '\0';
    return {.first = first, .second = std::hash<std::string>()(identity)};
}

}  // namespace

ImportLists::ImportLists(std::vector<std::unique_ptr<lists::Input>> inputs, Options options)
    : inputs_(std::move(inputs)), options_(std::move(options)) {}

void ImportLists::read_all(const char* what, const Receive& receive,
                           const std::function<void(std::size_t, const lists::Problem&)>& problem) {
    std::uint32_t entries = 0;
    std::int64_t proxies = 0;
    const auto report = [&](std::size_t list) {
        if (++entries % entries_between_reports != 0) return;
        if (options_.stops && options_.stops()) throw Interrupted{};
        if (!options_.progress) return;
        const auto lists = static_cast<double>(inputs_.size());
        options_.progress(what, (static_cast<double>(list) + inputs_[list]->progress()) / lists, proxies);
    };
    remarks_.clear();
    counts_.blank = 0;
    counts_.located = 0;
    for (std::size_t list = 0; list < inputs_.size(); ++list) {
        const auto result =
            lists::read_list(*inputs_[list], options_.reading,
                             {.proxy =
                                  [&](std::size_t line, Proxy proxy, bool assumed) {
                                      if (options_.locations != nullptr && options_.locations->fill_in(proxy))
                                          ++counts_.located;
                                      if (options_.complete) options_.complete(proxy);
                                      ++proxies;
                                      receive(list, line, std::move(proxy), assumed);
                                      report(list);
                                  },
                              .problem =
                                  [&](const lists::Problem& one) {
                                      problem(list, one);
                                      report(list);
                                  }});
        counts_.blank += static_cast<std::int64_t>(result.blank);
        const std::string& name = inputs_[list]->name();
        if (result.format != lists::Format::lines)
            remarks_.push_back(name + ": read as " + std::string(to_string(result.format)));
        for (const std::string& remark : result.remarks)
            remarks_.push_back(std::string(name).append(": ").append(remark));
    }
}

void ImportLists::add_problem(Origin origin, std::string verdict, std::string reason) {
    if (problems_.size() < options_.most_problems) {
        problems_.push_back(
            {.origin = std::move(origin), .verdict = std::move(verdict), .reason = std::move(reason)});
    }
}

void ImportLists::read() {
    first_entry_.assign(inputs_.size(), 0);
    std::uint32_t entry = 0;
    std::size_t last_list = 0;
    read_all(
        "reading",
        [&](std::size_t list, std::size_t line, const Proxy& proxy, bool assumed) {
            for (; last_list < list; ++last_list) first_entry_[last_list + 1] = entry;
            const Hashes hashes = hashes_of(proxy.identity());
            seen_.push_back({.hash = {hashes.first, hashes.second},
                             .entry = entry++,
                             .line = static_cast<std::uint32_t>(line)});
            if (assumed) ++counts_.protocol_assumed;
        },
        [&](std::size_t list, const lists::Problem& problem) {
            if (problem.verdict == lists::Verdict::ambiguous) ++counts_.ambiguous;
            if (problem.verdict == lists::Verdict::rejected) ++counts_.rejected;
            if (problem.verdict == lists::Verdict::skipped) ++counts_.skipped;
            add_problem({.list = inputs_[list]->name(), .line = problem.line},
                        std::string(to_string(problem.verdict)), problem.reason);
        });
    for (; last_list + 1 < inputs_.size(); ++last_list) first_entry_[last_list + 1] = entry;
    find_repeats();
}

Origin ImportLists::origin_of(const Seen& seen) const {
    const auto after = std::ranges::upper_bound(first_entry_, seen.entry);
    // A list without proxies has the first entry of the next one.
    const auto list = static_cast<std::size_t>(std::distance(first_entry_.begin(), after)) - 1;
    return {.list = inputs_[list]->name(), .line = seen.line};
}

void ImportLists::find_repeats() {
    std::ranges::sort(seen_, {},
                      [](const Seen& seen) { return std::tuple(seen.hash[0], seen.hash[1], seen.entry); });
    repeated_.assign(seen_.size(), false);
    const auto same = [](const Seen& a, const Seen& b) {
        return a.hash[0] == b.hash[0] && a.hash[1] == b.hash[1];
    };
    std::vector<std::pair<const Seen*, const Seen*>> repeats;  // and the first of each
    const Seen* first = nullptr;
    for (const Seen& seen : seen_) {
        if (first == nullptr || !same(*first, seen)) {
            first = &seen;
            continue;
        }
        repeated_[seen.entry] = true;
        repeats.emplace_back(&seen, first);
    }
    repeats_ = static_cast<std::int64_t>(repeats.size());
    counts_.duplicate += repeats_;
    std::ranges::sort(repeats, {}, [](const auto& pair) { return pair.first->entry; });
    for (const auto& [repeat, earlier] : repeats) {
        if (options_.on_duplicate == DuplicatePolicy::reject) {
            throw ConflictError("list", origin_of(*repeat).text(),
                                "is the same proxy as " + origin_of(*earlier).text());
        }
        if (problems_.size() >= options_.most_problems) break;
        add_problem(origin_of(*repeat), "duplicate", "is the same proxy as " + origin_of(*earlier).text());
    }
}

void ImportLists::rehearse(ICatalog& catalog, const std::string& pool) {
    pool_created_ = !catalog.get_pool(pool);
    ListProxiesRequest request{.pool = pool, .limit = 5'000};
    std::int64_t stored = 0;
    do {
        const Page<Proxy> page = catalog.list_proxies(request);
        for (const Proxy& proxy : page.items) {
            const Hashes hashes = hashes_of(proxy.identity());
            const auto key = std::tuple(hashes.first, hashes.second);
            const auto found = std::ranges::lower_bound(
                seen_, key, {}, [](const Seen& seen) { return std::tuple(seen.hash[0], seen.hash[1]); });
            if (found == seen_.end() || std::tuple(found->hash[0], found->hash[1]) != key) continue;
            if (options_.on_duplicate == DuplicatePolicy::reject)
                throw ConflictError("list", origin_of(*found).text(), "is in the pool already");
            ++stored;
        }
        request.after = page.next;
    } while (!request.after.empty());
    counts_.accepted = proxies() - stored;
    (options_.on_duplicate == DuplicatePolicy::update ? counts_.updated : counts_.duplicate) += stored;
}

std::vector<Proxy> ImportLists::collect() {
    std::vector<Proxy> proxies;
    std::size_t entry = 0;
    read_all(
        "reading",
        [&](std::size_t, std::size_t, Proxy proxy, bool) {
            const std::size_t number = entry++;
            if (number >= repeated_.size() || !repeated_[number]) proxies.push_back(std::move(proxy));
        },
        [](std::size_t, const lists::Problem&) {});
    return proxies;
}

void ImportLists::store_batch(ICatalog& catalog, std::vector<Proxy>& batch) {
    if (batch.empty()) return;
    for (const Proxy& proxy : batch) sent_.push_back(proxy.id);
    const AddProxiesResult result =
        catalog.add_proxies({.proxies = std::exchange(batch, {}), .on_duplicate = options_.on_duplicate});
    counts_.accepted += result.added;
    counts_.updated += result.updated;
    counts_.duplicate += result.skipped;
}

void ImportLists::store(ICatalog& catalog, const std::string& pool) {
    // What the policy refuses is refused before anything is written, as far as it is stored already.
    if (options_.on_duplicate == DuplicatePolicy::reject) {
        rehearse(catalog, pool);
        counts_.accepted = 0;
    }
    std::exchange(seen_, {});
    std::optional<ProxyPool> stored = catalog.get_pool(pool);
    pool_created_ = false;
    if (!stored) {
        try {
            stored = catalog.add_pool({.name = pool});
            pool_created_ = true;
        } catch (const ConflictError&) {
            stored = catalog.get_pool(pool);  // another process created it meanwhile
            if (!stored) throw;
        }
    }
    std::vector<Proxy> batch;
    std::size_t batch_size = least_in_transaction;
    const auto send = [&] {
        const auto begun = steady_clock::now();
        store_batch(catalog, batch);
        const auto taken = std::max<steady_clock::duration>(steady_clock::now() - begun, 1us);
        const double wanted =
            static_cast<double>(batch_size) * (std::chrono::duration<double>(transaction_time) / taken);
        batch_size = static_cast<std::size_t>(
            std::clamp(wanted, static_cast<double>(batch_size) / 2, static_cast<double>(batch_size) * 2));
        batch_size = std::clamp(batch_size, least_in_transaction, most_in_transaction);
        if (options_.stops && options_.stops()) throw Interrupted{};
    };
    try {
        std::size_t entry = 0;
        read_all(
            "storing",
            [&](std::size_t, std::size_t, Proxy proxy, bool) {
                const std::size_t number = entry++;
                if (number < repeated_.size() && repeated_[number]) return;
                proxy.pool_id = stored->id;
                batch.push_back(std::move(proxy));
                if (batch.size() >= batch_size) send();
            },
            [](std::size_t, const lists::Problem&) {});
        send();
    } catch (...) {
        take_back(catalog, pool);
        throw;
    }
}

void ImportLists::take_back(ICatalog& catalog, const std::string& pool) {
    // An id that was skipped, or that updated another proxy, is not stored: nothing is removed.
    for (const ProxyId id : sent_) static_cast<void>(catalog.remove_proxy(id, true));
    if (pool_created_ && catalog.list_proxies({.pool = pool, .limit = 1}).items.empty()) {
        static_cast<void>(catalog.remove_pool(pool, false));
        pool_created_ = false;
    }
}

}  // namespace pharox::cli
