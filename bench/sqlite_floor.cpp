// What SQLite itself can do: one row read, one row updated, and the adapter's very statements in a bare loop.
#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "pharox/sqlite/storage.hpp"
#include "pick_plan.hpp"
#include "queries.hpp"
#include "workload.hpp"

namespace {

using namespace pharox;

/// The file of an adapter, opened without it, with the same settings.
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
    sqlite3_stmt* prepare(const std::string& sql) {
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v3(database_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
            SQLITE_OK) {
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
    sqlite3_stmt* const select = bare.prepare("SELECT current_leases, mark FROM proxy WHERE number = ?");
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
    sqlite3_stmt* const update = bare.prepare("UPDATE proxy SET mark = mark + 1 WHERE number = ?");
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
          open_acquire_(bare.prepare(sqlite::query::open_acquire)),
          pick_(bare.prepare(sqlite::plan_pick(Selector::first_available, {}).rows())),
          take_(bare.prepare(sqlite::query::take)),
          insert_lease_(bare.prepare(sqlite::query::insert_lease)),
          write_state_(bare.prepare(sqlite::query::write_state)),
          open_release_(bare.prepare(sqlite::query::open_release)),
          end_lease_(bare.prepare(sqlite::query::end_lease)),
          give_back_(bare.prepare(sqlite::query::give_back)) {}

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
        sqlite3_bind_int64(open_acquire_, 1, time);
        bind_id(open_acquire_, 2, id);
        bind_text(open_acquire_, 3, "default");
        bind_text(open_acquire_, 4, bench::pool_name);
        bare_.step(open_acquire_);
        const std::int64_t mark = sqlite3_column_int64(open_acquire_, 1) + 1;
        const std::int64_t ended = sqlite3_column_int64(open_acquire_, 2);
        copy_id(open_acquire_, 3, pick_, 1);
        copy_id(open_acquire_, 6, insert_lease_, 3);
        copy_id(open_acquire_, 3, insert_lease_, 4);
        sqlite3_reset(open_acquire_);
        sqlite3_bind_int64(pick_, 2, 1);
        bare_.step(pick_);
        sqlite3_bind_int64(take_, 1, 1);
        sqlite3_bind_int64(take_, 2, mark);
        sqlite3_bind_int64(take_, 3, time);
        copy_id(pick_, 0, take_, 4);
        copy_id(pick_, 0, insert_lease_, 2);
        sqlite3_reset(pick_);
        bare_.step(take_);
        bind_id(insert_lease_, 1, id);
        bind_text(insert_lease_, 5, bench::pool_name);
        sqlite3_bind_int64(insert_lease_, 6, time);
        sqlite3_bind_int64(insert_lease_, 7, time + 300'000'000);
        sqlite3_bind_int64(insert_lease_, 8, time);
        bare_.step(insert_lease_);
        write_state(time, mark, ended);
        bare_.step(commit_);
    }

    void release(const LeaseId& id) {
        bare_.step(begin_);
        const std::int64_t time = now();
        bind_id(open_release_, 1, id);
        bare_.step(open_release_);
        const std::int64_t mark = sqlite3_column_int64(open_release_, 1) + 1;
        const std::int64_t ended = sqlite3_column_int64(open_release_, 2) + 1;
        copy_id(open_release_, 5, give_back_, 2);
        sqlite3_reset(open_release_);
        sqlite3_bind_int64(end_lease_, 1, time);
        sqlite3_bind_int64(end_lease_, 2, 0);
        bind_id(end_lease_, 3, id);
        bare_.step(end_lease_);
        sqlite3_bind_int64(give_back_, 1, mark);
        bare_.step(give_back_);
        write_state(time, mark, ended);
        bare_.step(commit_);
    }

    void write_state(std::int64_t time, std::int64_t mark, std::int64_t ended) {
        sqlite3_bind_int64(write_state_, 1, time);
        sqlite3_bind_int64(write_state_, 2, mark);
        sqlite3_bind_int64(write_state_, 3, ended);
        bare_.step(write_state_);
    }

    Bare& bare_;
    sqlite3_stmt *begin_, *commit_, *open_acquire_, *pick_, *take_, *insert_lease_, *write_state_,
        *open_release_, *end_lease_, *give_back_;
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
