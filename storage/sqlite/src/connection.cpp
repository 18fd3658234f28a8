#include "connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "pharox/errors.hpp"
#include "pharox/storage/call_stop.hpp"
#include "sql_functions.hpp"

namespace pharox::sqlite {

namespace {

// Filters make unlimited different texts; the cache is bounded.
constexpr std::size_t max_kept_statements = 256;
constexpr std::int64_t first_lock_sleep_us = 200;
constexpr int sleeps_of_each_length = 4;
constexpr int full_checkpoint_after_pages = 8'000;
constexpr std::chrono::milliseconds wait_of_full_checkpoint(10);

bool is_lock_error(int code) noexcept {
    const int primary = code & 0xFF;
    return primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
}

/// No space for a write: the disk is full, or the user's quota is used up.
bool is_disk_full(int code, int system_error) noexcept {
    if ((code & 0xFF) == SQLITE_FULL) return true;
    return code == SQLITE_IOERR_WRITE &&
           (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

}  // namespace

void fail(const Operation& operation, const std::string& why, bool retryable, bool outcome_unknown) {
    throw StorageError({.store = "sqlite",
                        .operation = std::string(operation.name),
                        .retryable = retryable,
                        .outcome_unknown = outcome_unknown,
                        .lease_id = operation.lease},
                       why);
}

void StatementCloser::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Statement::Statement(Connection& connection, StatementCache::node_type node) noexcept
    : connection_(&connection), node_(std::move(node)), statement_(node_.mapped().get()) {}

Statement::~Statement() {
    if (node_) {
        reset();
        connection_->give_back(std::move(node_));
    }
}

void Statement::reset() noexcept {
    sqlite3_reset(statement_);
    if (next_ > 0) sqlite3_clear_bindings(statement_);
    next_ = 0;
}

Statement& Statement::bind(std::int64_t value) {
    if (const int code = sqlite3_bind_int64(statement_, ++next_, value)) connection_->fail_with(code);
    return *this;
}

Statement& Statement::bind(double value) {
    if (const int code = sqlite3_bind_double(statement_, ++next_, value)) connection_->fail_with(code);
    return *this;
}

Statement& Statement::bind(std::string_view value) {
    const char* data = value.empty() ? "" : value.data();
    if (const int code =
            sqlite3_bind_text64(statement_, ++next_, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8)) {
        connection_->fail_with(code);
    }
    return *this;
}

Statement& Statement::bind_blob(const void* data, std::size_t size) {
    if (const int code = sqlite3_bind_blob64(statement_, ++next_, data, size, SQLITE_TRANSIENT)) {
        connection_->fail_with(code);
    }
    return *this;
}

Statement& Statement::bind_null() {
    if (const int code = sqlite3_bind_null(statement_, ++next_)) connection_->fail_with(code);
    return *this;
}

Statement& Statement::bind(const SqlValue& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return bind(*integer);
    if (const auto* real = std::get_if<double>(&value)) return bind(*real);
    if (const auto* text = std::get_if<std::string>(&value)) return bind(std::string_view(*text));
    const auto& uuid = std::get<UuidBytes>(value);
    return bind_blob(uuid.data(), uuid.size());
}

bool Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    connection_->fail_with(code);
}

void Statement::run() {
    while (step()) {
    }
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Statement::text(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string_view() : std::string_view(data, size);
}

UuidBytes Statement::bytes(int column) const {
    const std::string_view blob = text(column);
    UuidBytes uuid{};
    if (blob.size() != uuid.size()) {
        fail(connection_->operation_, "the database is damaged: an id is not 16 bytes long");
    }
    std::copy_n(blob.begin(), uuid.size(), uuid.begin());
    return uuid;
}

namespace {

/// SQLite does not say why a file, or the files of its log, cannot be opened.
std::string system_reason(const std::string& file, sqlite3* database, int code) {
    if ((code & 0xFF) != SQLITE_CANTOPEN || database == nullptr) return {};
    // The attempt that failed last only read.
    const std::string folder = std::filesystem::path(file).parent_path().string();
    const bool writable = ::faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) == 0;
    const int error = writable ? sqlite3_system_errno(database) : errno;
    return error == 0 ? "" : " (" + std::generic_category().message(error) + ")";
}

}  // namespace

std::string shown_file(const std::string& path) {
    const bool may_be_url = path != ":memory:" && path.find_first_of("@:") != std::string::npos;
    return may_be_url ? std::string(ValidationError::hidden_value) : path;
}

void Connection::Closer::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }

Connection::Connection(const Settings& settings, const Operation& operation)
    : busy_(std::make_unique<BusyWait>()), file_(shown_file(settings.file)), operation_(operation) {
    busy_->timeout = settings.busy_timeout;
    busy_->random = std::random_device{}() | 1U;
    // Database::open created the file, with its mode: no CREATE here.
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    if (settings.file == ":memory:") flags |= SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
    sqlite3* database = nullptr;
    const int code = sqlite3_open_v2(settings.file.c_str(), &database, flags, nullptr);
    database_.reset(database);
    if (code != SQLITE_OK) {
        fail(operation_,
             file_ + ": " + (database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database)) +
                 system_reason(settings.file, database, code),
             is_lock_error(code));
    }
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_handler(database, &Connection::wait_for_lock, busy_.get());
    if (const int registered = register_functions(database)) fail_with(registered);
    execute("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
    execute(("PRAGMA cache_size = -" + std::to_string(settings.cache_kib)).c_str());
    if (settings.read_only) execute("PRAGMA query_only = ON");
}

Connection::~Connection() { statements_.clear(); }

int Connection::wait_for_lock(void* context, int attempt) noexcept {
    auto& wait = *static_cast<BusyWait*>(context);
    const auto now = std::chrono::steady_clock::now();
    if (attempt == 0) {
        wait.deadline = now + wait.next_timeout.value_or(wait.timeout);
        wait.next_timeout.reset();
    }
    if (now >= wait.deadline || CallStop::requested()) return 0;
    wait.random ^= wait.random << 13U;
    wait.random ^= wait.random >> 7U;
    wait.random ^= wait.random << 17U;
    // A short wait stays short; a long one costs little. All waiting processes reach the same range of
    // sleeps, and a process that has held the lock for long leaves it free for longer than that
    // (WriteTransaction).
    const int doublings = std::min(attempt / sleeps_of_each_length, 16);
    const std::int64_t longest = std::min(first_lock_sleep_us << doublings, longest_lock_sleep.count());
    const auto random = static_cast<std::int64_t>(wait.random % static_cast<std::uint64_t>(longest / 2));
    std::this_thread::sleep_for(std::chrono::microseconds(longest / 2 + random));
    return 1;
}

void Connection::fail_with(int code, bool committing) const {
    const bool locked = is_lock_error(code);
    const bool disk_full = is_disk_full(code, sqlite3_system_errno(database_.get()));
    const bool of_database =
        sqlite3_extended_errcode(database_.get()) == code;  // sqlite3_db_cacheflush sets none
    std::string why = file_ + ": " + (of_database ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code));
    why += system_reason(sqlite3_db_filename(database_.get(), "main"), database_.get(), code);
    if (locked) why += " (another process kept the database locked)";
    // Neither changed anything: a transaction is valid only if its last page was written completely. After
    // any other failure of the commit (of its sync, say) the transaction may be valid in the log after a
    // crash.
    const bool without_effect = locked || disk_full;
    fail(operation_, why, without_effect, committing && !without_effect);
}

Statement Connection::prepare_new(std::string_view key, std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    StatementHandle handle(statement);
    if (code != SQLITE_OK) fail_with(code);
    StatementCache fresh;
    fresh.emplace(key, std::move(handle));
    return {*this, fresh.extract(fresh.begin())};
}

void Connection::give_back(StatementCache::node_type node) noexcept {
    try {
        if (statements_.size() >= max_kept_statements) statements_.clear();
        statements_.insert(std::move(node));
    } catch (...) {  // NOLINT(bugprone-empty-catch): it will be prepared again
    }
}

void Connection::execute(const char* sql) {
    if (const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr)) fail_with(code);
}

std::int64_t Connection::query_integer(std::string_view sql) {
    Statement statement = prepare(sql);
    return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::query_text(std::string_view sql) {
    Statement statement = prepare(sql);
    return statement.step() ? std::string(statement.text(0)) : std::string();
}

std::int64_t Connection::changes() const noexcept { return sqlite3_changes64(database_.get()); }

bool Connection::is_locked() const noexcept { return is_lock_error(sqlite3_errcode(database_.get())); }

bool Connection::in_transaction() const noexcept { return sqlite3_get_autocommit(database_.get()) == 0; }

void Connection::write_out() {
    if (const int code = sqlite3_db_cacheflush(database_.get())) fail_with(code);
}

void Connection::checkpoint_only_when_told() noexcept {
    const auto note = [](void* pages, sqlite3* /*database*/, const char* /*name*/, int length) {
        *static_cast<int*>(pages) = length;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(database_.get(), note, &log_pages_);
}

void Connection::checkpoint(int pages) noexcept {
    if (log_pages_ < written_pages_) written_pages_ = 0;  // the log has begun anew
    if (log_pages_ - written_pages_ < pages) return;
    int length = 0;
    int done = 0;
    sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &length, &done);
    written_pages_ = log_pages_;
    // If others have written meanwhile, the file is not synced: do it here, and not with the write lock held.
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(database_.get(), nullptr, SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
        file != nullptr && file->pMethods != nullptr) {
        file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    }
    if (length < full_checkpoint_after_pages) return;
    sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &length, &done);
    // The few pages that were added meanwhile: with the write lock, so that the log begins anew.
    const auto timeout = std::exchange(busy_->timeout, wait_of_full_checkpoint);
    sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_FULL, &length, &done);
    busy_->timeout = timeout;
}

void Connection::rollback() noexcept {
    if (in_transaction()) sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Connection::commit() {
    const Statement statement = prepare("COMMIT");
    if (const int code = sqlite3_step(statement.statement_); code != SQLITE_DONE) fail_with(code, true);
}

}  // namespace pharox::sqlite
