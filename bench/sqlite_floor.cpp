// The speed of SQLite itself: one row read, one row updated, and the adapter's statements in a bare loop.
#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "order_index.hpp"
#include "pharox/sqlite/storage.hpp"
#include "sql_statements.hpp"
#include "workload.hpp"

namespace {

using namespace pharox;

/// The adapter's file, opened without the adapter, with the same settings.
class Bare {
  public:
    explicit Bare(std::int64_t proxies) {
        const std::filesystem::path file = folder_.path() / "pools.db";
        bench::fill(*sqlite::make_storage({.path = file}), proxies);
        if (sqlite3_open(file.c_str(), &database_) != SQLITE_OK)
            throw std::runtime_error("cannot open the file");
        run("PRAGMA synchronous = NORMAL");
        run("PRAGMA wal_autocheckpoint = 20000");
        run("PRAGMA cache_size = -65536");
        run("PRAGMA temp_store = MEMORY");
    }
    Bare(const Bare&) = delete;
    Bare& operator=(const Bare&) = delete;
    ~Bare() {
        for (sqlite3_stmt* const statement : statements_) sqlite3_finalize(statement);
        sqlite3_close(database_);
    }

    void run(const char* sql) {
        if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
    }
    sqlite3_stmt* prepare(std::string_view sql) {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                               &statement, nullptr) != SQLITE_OK) {
            fail();
        }
        statements_.push_back(statement);
        return statement;
    }
    void step(sqlite3_stmt* statement) {
        const int code = sqlite3_step(statement);
        if (code != SQLITE_ROW && code != SQLITE_DONE) fail();
        if (code == SQLITE_DONE) sqlite3_reset(statement);
    }

  private:
    [[noreturn]] void fail() { throw std::runtime_error(sqlite3_errmsg(database_)); }

    bench::TemporaryFolder folder_;
    sqlite3* database_ = nullptr;
    std::vector<sqlite3_stmt*> statements_;
};

template <class Id>
void bind_id(sqlite3_stmt* statement, int index, const Id& id) {
    sqlite3_bind_blob(statement, index, id.bytes().data(), 16, SQLITE_TRANSIENT);
}
void bind_text(sqlite3_stmt* statement, int index, const char* text) {
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}
void copy_id(sqlite3_stmt* from, int column, sqlite3_stmt* to, int index) {
    sqlite3_bind_blob(to, index, sqlite3_column_blob(from, column), 16, SQLITE_TRANSIENT);
}

void sqlite_select_one(benchmark::State& state) {
    Bare bare(state.range(0));
    sqlite3_stmt* const select =
        bare.prepare("SELECT current_leases, use_sequence FROM proxy WHERE number = ?");
    std::int64_t number = 0;
    for (auto _ : state) {
        sqlite3_bind_int64(select, 1, number = number % state.range(0) + 1);
        bare.step(select);
        sqlite3_reset(select);
    }
    state.SetItemsProcessed(state.iterations());
}

void sqlite_update_one(benchmark::State& state) {
    Bare bare(state.range(0));
    sqlite3_stmt* const update =
        bare.prepare("UPDATE proxy SET use_sequence = use_sequence + 1 WHERE number = ?");
    std::int64_t number = 0;
    for (auto _ : state) {
        sqlite3_bind_int64(update, 1, number = number % state.range(0) + 1);
        bare.step(update);
    }
    state.SetItemsProcessed(state.iterations());
}

/// Acquire and release as the adapter does them, without the adapter.
class BareCycle {
  public:
    explicit BareCycle(Bare& bare)
        : bare_(bare),
          begin_(bare.prepare("BEGIN IMMEDIATE")),
          commit_(bare.prepare("COMMIT")),
          acquire_context_(bare.prepare(sqlite::sql::acquire_context)),
          pick_(bare.prepare(sqlite::pick_text(sqlkit::PickPlan{}, sqlite::PickQuery::available_proxies))),
          count_lease_(bare.prepare(sqlite::sql::count_lease)),
          insert_lease_(bare.prepare(sqlite::sql::insert_lease)),
          write_state_(bare.prepare(sqlite::sql::write_state)),
          release_context_(bare.prepare(sqlite::sql::release_context)),
          end_lease_(bare.prepare(sqlite::sql::end_lease)),
          uncount_lease_(bare.prepare(sqlite::sql::uncount_lease)) {}

    void run() {
        const LeaseId id = LeaseId::make();
        acquire(id);
        release(id);
    }

  private:
    static std::int64_t now() { return current_time().time_since_epoch().count(); }

    void acquire(const LeaseId& id) {
        bare_.step(begin_);
        const std::int64_t time = now();
        sqlite3_bind_int64(acquire_context_, 1, time);
        bind_id(acquire_context_, 2, id);
        bind_text(acquire_context_, 3, "default");
        bind_text(acquire_context_, 4, bench::pool_name);
        bare_.step(acquire_context_);
        const std::int64_t use_sequence = sqlite3_column_int64(acquire_context_, 1) + 1;
        const std::int64_t ended = sqlite3_column_int64(acquire_context_, 2);
        copy_id(acquire_context_, 3, pick_, 1);
        copy_id(acquire_context_, 6, insert_lease_, 3);
        copy_id(acquire_context_, 3, insert_lease_, 4);
        sqlite3_reset(acquire_context_);
        sqlite3_bind_int64(pick_, 2, 1);
        bare_.step(pick_);
        sqlite3_bind_int64(count_lease_, 1, 1);
        sqlite3_bind_int64(count_lease_, 2, use_sequence);
        sqlite3_bind_int64(count_lease_, 3, time);
        copy_id(pick_, 0, count_lease_, 4);
        copy_id(pick_, 0, insert_lease_, 2);
        sqlite3_reset(pick_);
        bare_.step(count_lease_);
        bind_id(insert_lease_, 1, id);
        bind_text(insert_lease_, 5, bench::pool_name);
        sqlite3_bind_int64(insert_lease_, 6, time);
        sqlite3_bind_int64(insert_lease_, 7, time + 300'000'000);
        sqlite3_bind_int64(insert_lease_, 8, time);
        bare_.step(insert_lease_);
        write_state(time, use_sequence, ended);
        bare_.step(commit_);
    }

    void release(const LeaseId& id) {
        bare_.step(begin_);
        const std::int64_t time = now();
        bind_id(release_context_, 1, id);
        bare_.step(release_context_);
        const std::int64_t use_sequence = sqlite3_column_int64(release_context_, 1) + 1;
        const std::int64_t ended = sqlite3_column_int64(release_context_, 2) + 1;
        copy_id(release_context_, 5, uncount_lease_, 2);
        sqlite3_reset(release_context_);
        sqlite3_bind_int64(end_lease_, 1, time);
        sqlite3_bind_int64(end_lease_, 2, 0);
        bind_id(end_lease_, 3, id);
        bare_.step(end_lease_);
        sqlite3_bind_int64(uncount_lease_, 1, use_sequence);
        bare_.step(uncount_lease_);
        write_state(time, use_sequence, ended);
        bare_.step(commit_);
    }

    void write_state(std::int64_t time, std::int64_t use_sequence, std::int64_t ended) {
        sqlite3_bind_int64(write_state_, 1, time);
        sqlite3_bind_int64(write_state_, 2, use_sequence);
        sqlite3_bind_int64(write_state_, 3, ended);
        bare_.step(write_state_);
    }

    Bare& bare_;
    sqlite3_stmt *begin_, *commit_, *acquire_context_, *pick_, *count_lease_, *insert_lease_, *write_state_,
        *release_context_, *end_lease_, *uncount_lease_;
};

void sqlite_bare_cycle(benchmark::State& state) {
    Bare bare(state.range(0));
    BareCycle cycle(bare);
    for (auto _ : state) cycle.run();
    state.SetItemsProcessed(state.iterations());
}

void one_size(benchmark::internal::Benchmark* bench) {
    bench->Arg(1'000)->UseRealTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK(sqlite_select_one)->Apply(one_size);
BENCHMARK(sqlite_update_one)->Apply(one_size);
BENCHMARK(sqlite_bare_cycle)->Arg(1'000)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
