#include "proxy_import.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "long_write.hpp"
#include "pharox/rules/catalog.hpp"
#include "process_identity.hpp"

namespace pharox::sqlite {

namespace {

using Steady = std::chrono::steady_clock;

constexpr Operation adding{.name = "add_proxies"};
constexpr int rows_between_looks = 16;
constexpr std::int64_t deleted_at_once = 500;
constexpr std::chrono::milliseconds look_at_other_import(20);
// Another import that has made no progress for so long is settled by the one that waits for it.
constexpr std::chrono::seconds longest_pause(60);

void stage_row(CatalogTransaction& transaction, const Proxy& proxy) {
    Statement insert = transaction.prepare(sql::stage_proxy);
    insert.bind(proxy.id);
    bind_proxy(insert, proxy);
    insert.run();
}

void stage_one(CatalogTransaction& transaction, const Proxy& proxy, DuplicatePolicy policy,
               AddProxiesResult& result) {
    const bool pool_known = transaction.knows_pool(proxy.pool_id);
    std::optional<ProxyId> holder;
    if (pool_known) {
        holder = transaction.holder(proxy);
        if (!holder && (transaction.exists(proxy.id) || transaction.is_staged(proxy.id))) holder = proxy.id;
    }
    if (!holder || policy == DuplicatePolicy::reject) {
        rules::check_new(proxy, pool_known, holder);
        stage_row(transaction, proxy);
        ++result.added;
    } else if (policy == DuplicatePolicy::skip) {
        ++result.skipped;
    } else {
        Proxy changed = proxy;
        changed.id = *holder;
        stage_row(transaction, changed);
        ++result.updated;
    }
}

void move_one(CatalogTransaction& transaction, Proxy proxy) {
    const sqlkit::ProxyInsert insert = transaction.insert_proxy(proxy);
    if (!insert.holder) return;  // inserted; or its pool has been removed, and it with it
    proxy.id = *insert.holder;
    transaction.update_proxy(proxy);
}

}  // namespace

AddProxiesResult ProxyImport::add(const std::vector<Proxy>& proxies, DuplicatePolicy policy) {
    begin();
    AddProxiesResult result;
    try {
        result = stage(proxies, policy);
        decide();
    } catch (...) {
        try {
            take_back(id_);
        } catch (const StorageError&) {
            // The next import, or opening, takes it back.
            static_cast<void>(id_);
        }
        throw;
    }
    move_staged(id_);
    return result;
}

void ProxyImport::recover() {
    const auto other = running();
    if (other && has_ended(other->process)) settle(*other);
}

std::optional<ProxyImport::Running> ProxyImport::running() {
    ReadTransaction transaction(database_, adding);
    Statement row = transaction.prepare(sql::running_import);
    if (!row.step()) return std::nullopt;
    return Running{.id = row.id<ImportId>(0),
                   .process = std::string(row.text(1)),
                   .stage = static_cast<Stage>(row.integer(2)),
                   .progress = row.integer(3)};
}

void ProxyImport::begin() {
    std::optional<Running> seen;
    auto seen_at = Steady::now();
    for (;;) {
        const auto other = running();
        if (!other) {
            Step step(database_, adding);
            if (!step->import_runs()) {
                step->prepare(sql::insert_import).bind(id_).bind(this_process()).run();
                step.commit();
                return;
            }
            continue;
        }
        if (!seen || seen->id != other->id || seen->progress != other->progress) {
            seen = other;
            seen_at = Steady::now();
        }
        if (has_ended(other->process) || Steady::now() - seen_at >= longest_pause) {
            settle(*other);
        } else {
            std::this_thread::sleep_for(look_at_other_import);
        }
    }
}

AddProxiesResult ProxyImport::stage(const std::vector<Proxy>& proxies, DuplicatePolicy policy) {
    AddProxiesResult result;
    for (std::size_t next = 0; next < proxies.size();) {
        Step step(database_, adding);
        step->prepare(sql::import_progress).bind(id_).bind(static_cast<int>(Stage::staging)).run();
        if (step->changes() != 1)
            fail(adding, "another process took the import back, because it paused", true);
        do {
            const std::size_t end = std::min(next + rows_between_looks, proxies.size());
            for (; next < end; ++next) stage_one(*step, proxies[next], policy, result);
        } while (next < proxies.size() && step.has_time());
        step.commit();
    }
    return result;
}

void ProxyImport::decide() {
    database_.checkpoint(true);
    Step step(database_, adding, Durability::power);
    step->prepare(sql::import_progress).bind(id_).bind(static_cast<int>(Stage::staging)).run();
    if (step->changes() != 1) fail(adding, "another process took the import back, because it paused", true);
    step->prepare(sql::set_import_stage)
        .bind(static_cast<int>(Stage::moving))
        .bind(this_process())
        .bind(id_)
        .run();
    step.commit();
}

void ProxyImport::move_staged(ImportId id) {
    bool more = true;
    while (more) {
        Step step(database_, adding);
        step->prepare(sql::import_progress).bind(id).bind(static_cast<int>(Stage::moving)).run();
        if (step->changes() != 1) return;  // another process has completed it
        step->move_staged_rows();
        do {
            std::vector<Proxy> proxies;
            std::int64_t last = 0;
            {
                Statement rows = step->prepare(sql::staged_proxies);
                rows.bind(rows_between_looks);
                while (rows.step()) {
                    proxies.push_back(read_proxy(rows));
                    last = rows.integer(proxy_column_count);
                }
            }
            more = !proxies.empty();
            step->prepare(sql::delete_staged_until).bind(last).run();
            for (Proxy& proxy : proxies) move_one(*step, std::move(proxy));
        } while (more && step.has_time());
        step.commit();
    }
    database_.checkpoint(true);
    Step step(database_, adding, Durability::power);
    step->prepare(sql::delete_import).bind(id).run();
    step.commit();
}

void ProxyImport::take_back(ImportId id) {
    {
        Step step(database_, adding);
        step->prepare(sql::set_import_stage)
            .bind(static_cast<int>(Stage::taking_back))
            .bind(this_process())
            .bind(id)
            .run();
        step.commit();
    }
    for (bool more = true; more;) {
        Step step(database_, adding);
        step->prepare(sql::import_progress).bind(id).bind(static_cast<int>(Stage::taking_back)).run();
        if (step->changes() != 1) return;  // another process has done it
        do {
            step->prepare(sql::delete_staged).bind(deleted_at_once).run();
            more = step->changes() == deleted_at_once;
        } while (more && step.has_time());
        if (!more) step->prepare(sql::delete_import).bind(id).run();
        step.commit();
    }
}

void ProxyImport::settle(const Running& abandoned) {
    if (abandoned.stage == Stage::moving) {
        move_staged(abandoned.id);
        return;
    }
    {
        // It may have been decided meanwhile.
        Step step(database_, adding);
        step->prepare(sql::import_progress).bind(abandoned.id).bind(static_cast<int>(abandoned.stage)).run();
        if (step->changes() != 1) return;
        step->prepare(sql::set_import_stage)
            .bind(static_cast<int>(Stage::taking_back))
            .bind(this_process())
            .bind(abandoned.id)
            .run();
        step.commit();
    }
    take_back(abandoned.id);
}

}  // namespace pharox::sqlite
