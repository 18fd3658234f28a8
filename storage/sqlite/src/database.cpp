#include "database.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <system_error>
#include <thread>
#include <typeinfo>

#include "pharox/errors.hpp"
#include "schema.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

constexpr Operation opening{.name = "open"};
constexpr std::size_t max_idle_readers = 8;
constexpr int writer_cache_kib = 64 * 1024;
constexpr int reader_cache_kib = 8 * 1024;
// A lease changes some hundred bytes in nine pages, and each page is written whole: with smaller pages a
// lease costs a fifth less and syncs half the bytes. (Memory-mapped reading was measured and left out: it
// keeps pages out of the cache.)
constexpr int page_size = 2048;
// 40 MiB: some two thousand leases share the syncs of a checkpoint.
constexpr int checkpoint_after_pages = 20'000;
// During a series of long transactions, so that the log never reaches the length at which other writers do
// it.
constexpr int bulk_checkpoint_after_pages = 4'000;
// A writer that has held the lock for long leaves it free for so long that every waiting process tries once.
constexpr std::chrono::milliseconds long_hold(5);
constexpr std::chrono::microseconds yield_after_long_hold = longest_lock_sleep + std::chrono::milliseconds(1);
// Between two looks at how long a lease lasts still: another thread may have renewed it.
constexpr std::chrono::microseconds longest_patient_wait = std::chrono::seconds(1);

/// Text of errno, thread-safe.
std::string reason(int error) { return std::generic_category().message(error); }

class FileDescriptor {
  public:
    explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] int get() const noexcept { return descriptor_; }

  private:
    int descriptor_;
};

/// Creates the file if it does not exist, readable only by its owner from the start; SQLite gives the files
/// beside it the same mode. An existing file keeps its mode.
void create_file_if_absent(const std::filesystem::path& path) {
    // Closing any descriptor of a file drops every lock that this process has on it (POSIX). The file is new,
    // so only a storage that another thread opens concurrently can have a lock on it.
    static std::mutex one_at_a_time;
    const std::lock_guard guard(one_at_a_time);
    const FileDescriptor file(::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (file.get() < 0) {
        if (errno == EEXIST) return;
        fail(opening, "cannot create " + shown_file(path.string()) + ": " + reason(errno));
    }
    const FileDescriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A umask may have removed permissions that the owner needs.
    if (::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0 || ::fsync(file.get()) != 0 || folder.get() < 0 ||
        ::fsync(folder.get()) != 0) {
        fail(opening, "cannot create " + shown_file(path.string()) + " durably: " + reason(errno));
    }
}

}  // namespace

Database::Database(Options options, OnAvailable on_available)
    : Database(std::move(options), std::move(on_available), std::nullopt) {
    // A clock of the user's keeps its own time.
    const Clock& clock = *options_.clock;
    const std::shared_ptr<const Clock> system = system_clock();
    if (!private_ && typeid(clock) == typeid(*system)) machine_time_.emplace(system_time_source());
}

Database::Database(Options options, OnAvailable on_available, std::optional<TimeSource> source)
    : options_(std::move(options)),
      on_available_(std::move(on_available)),
      private_(options_.path == ":memory:") {
    if (private_) {
        file_ = ":memory:";
    } else {
        // Absolute, because SQLite interprets names like `file:…`, and the current directory may change.
        const std::filesystem::path path = std::filesystem::absolute(options_.path);
        file_ = path.string();
        create_file_if_absent(path);
    }
    const std::string shown = name();
    writer_.connection = connect(opening, false);
    check_schema(*writer_.connection, shown);
    writer_.connection->execute(
        ("PRAGMA page_size = " + std::to_string(page_size)).c_str());  // of an empty file
    use_write_ahead_log(opening);
    writer_.connection->execute("PRAGMA synchronous = FULL");
    writer_.power_safe = true;
    migrate(*writer_.connection, shown);
    writer_.connection->execute(
        ("PRAGMA wal_autocheckpoint = " + std::to_string(checkpoint_after_pages)).c_str());
    writer_.connection->execute("PRAGMA journal_size_limit = 67108864");
    if (source) machine_time_.emplace(*std::move(source));
}

std::unique_ptr<Connection> Database::connect(const Operation& operation, bool read_only) const {
    return std::make_unique<Connection>(
        Connection::Settings{.file = file_,
                             .busy_timeout = options_.busy_timeout,
                             .cache_kib = read_only ? reader_cache_kib : writer_cache_kib,
                             .read_only = read_only},
        operation);
}

void Database::use_write_ahead_log(const Operation& operation) {
    if (private_) return;
    // SQLite does not call the busy handler for this change: it could deadlock.
    const auto deadline = std::chrono::steady_clock::now() + options_.busy_timeout;
    for (;;) {
        try {
            const std::string mode = writer_.connection->query_text("PRAGMA journal_mode = WAL");
            if (mode == "wal") return;
            fail(operation, "the file system takes no write-ahead log (journal mode is " + mode + ")");
        } catch (const StorageError&) {
            if (!writer_.connection->is_locked() || std::chrono::steady_clock::now() >= deadline) throw;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
}

void Database::ensure_index(OrderIndex index) {
    if (index == OrderIndex{}) return;  // the schema contains it
    const auto row = static_cast<std::size_t>(index.selector) + (index.slow ? selector_count : 0);
    std::atomic<bool>& known =
        known_indexes_[row * attribute_count + static_cast<std::size_t>(index.attribute)];
    if (known.load(std::memory_order_acquire)) return;
    if (has_index(index)) {
        known.store(true, std::memory_order_release);
        return;
    }
    WriteTransaction transaction(*this, {.name = "create index"});
    transaction.connection().execute(create_index(index).c_str());
    transaction.commit();
    known.store(true, std::memory_order_release);
}

Writer& Database::bulk_writer() {
    if (private_) return writer_;
    std::call_once(bulk_writer_opened_, [this] {
        auto connection = connect(opening, false);
        connection->execute("PRAGMA synchronous = NORMAL");
        connection->checkpoint_only_when_told();
        bulk_writer_.connection = std::move(connection);
    });
    return bulk_writer_;
}

void Database::checkpoint(bool any_length) {
    if (private_) return;
    Writer& writer = bulk_writer();
    const std::lock_guard guard(writer.queue);
    writer.connection->checkpoint(any_length ? 0 : bulk_checkpoint_after_pages);
}

bool Database::has_index(OrderIndex index) {
    ReadTransaction transaction(*this, {.name = "create index"});
    return transaction.prepare(sql::index_exists).bind(index_name(index)).step();
}

std::chrono::microseconds Database::time_left_of(const Operation& operation) {
    if (operation.ends_or_renews.empty()) return {};
    ReadTransaction transaction(*this, operation);
    Timestamp last{};
    for (const LeaseId& id : operation.ends_or_renews) {
        Statement row = transaction.prepare(sql::expiry_of_active_lease);
        if (row.bind(id).step()) last = std::max(last, row.time(0));
    }
    return last - transaction.now();
}

void Database::report_clock() noexcept {
    if (!machine_time_) return;
    const auto differs = machine_time_->take_news();
    if (differs && options_.on_clock_disagreement)
        options_.on_clock_disagreement(differs->own, differs->store);
}

std::optional<ClockDisagreement> Database::clock_disagreement() const {
    return machine_time_ ? machine_time_->disagreement() : std::nullopt;
}

Timestamp Database::time_not_before(Timestamp seen) noexcept {
    if (machine_time_) return seen;
    const std::int64_t mine = seen.time_since_epoch().count();
    std::int64_t latest = latest_time_.load(std::memory_order_relaxed);
    while (latest < mine && !latest_time_.compare_exchange_weak(latest, mine, std::memory_order_relaxed)) {
    }
    return Timestamp(std::chrono::microseconds(std::max(latest, mine)));
}

std::unique_ptr<Connection> Database::borrow_reader(const Operation& operation) {
    {
        const std::lock_guard guard(readers_mutex_);
        if (!readers_.empty()) {
            std::unique_ptr<Connection> reader = std::move(readers_.back());
            readers_.pop_back();
            reader->set_operation(operation);
            return reader;
        }
    }
    return connect(operation, true);
}

void Database::give_back_reader(std::unique_ptr<Connection> reader) noexcept {
    try {
        const std::lock_guard guard(readers_mutex_);
        if (readers_.size() < max_idle_readers) readers_.push_back(std::move(reader));
    } catch (...) {  // NOLINT(bugprone-empty-catch): it is closed instead
    }
}

WriteTransaction::WriteTransaction(Database& database, const Operation& operation, Durability durability,
                                   Writer& writer)
    : database_(database),
      writer_(writer),
      turn_(writer_.queue),
      connection_(*writer_.connection),
      transaction_(connection_) {
    begin(operation, durability == Durability::power);
    if (database_.machine_time_) {
        machine_time_ = database_.machine_time_->in_write(connection_);
        clock_ = machine_time_.now;
    } else {
        clock_ = database_.time();
    }
}

void WriteTransaction::begin(const Operation& operation, bool power_safe) {
    for (;;) {
        std::this_thread::sleep_until(writer_.yields_until);
        connection_.set_operation(operation);
        if (power_safe != writer_.power_safe) {
            connection_.execute(power_safe ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
            writer_.power_safe = power_safe;
        }
        try {
            transaction_.begin("BEGIN IMMEDIATE");
            began_ = std::chrono::steady_clock::now();
            return;
        } catch (const StorageError&) {
            if (!connection_.is_locked()) throw;
            const auto left = database_.time_left_of(operation);
            if (left <= std::chrono::microseconds(0)) throw;
            turn_.unlock();  // other threads of this process wait no longer than without this one
            turn_.lock();
            connection_.set_next_timeout(std::min(left, longest_patient_wait));
        }
    }
}

WriteTransaction::~WriteTransaction() {
    transaction_.end();
    const auto ended = std::chrono::steady_clock::now();
    if (!database_.private_ && ended - began_ >= long_hold)
        writer_.yields_until = ended + yield_after_long_hold;
    turn_.unlock();
    database_.report_clock();
    if (!committed_) return;
    if (makes_available_anywhere_) {
        database_.on_available_({});
    } else {
        for (const std::string& pool : makes_available_in_) database_.on_available_(pool);
    }
}

void WriteTransaction::read_state() {
    if (state_known_) return;
    Statement state = prepare(sql::read_state);
    state.step();
    set_state(state.time(0), state.integer(1), state.integer(2));
}

void WriteTransaction::set_state(Timestamp latest, std::int64_t use_sequence, std::int64_t ended) noexcept {
    if (state_known_) return;
    // The value that a query with clock() as its parameter uses: the later of the two.
    now_ = std::max(clock_, latest);
    database_.time_not_before(latest);
    use_sequence_ = use_sequence;
    ended_ = ended;
    state_known_ = true;
}

double WriteTransaction::draw_exponential() {
    return std::exponential_distribution<double>()(writer_.random);
}

void WriteTransaction::commit() {
    if (state_known_) prepare(sql::write_state).bind(now_).bind(use_sequence_).bind(ended_).run();
    connection_.commit();
    committed_ = true;
    if (database_.machine_time_) database_.machine_time_->committed(machine_time_);
}

ReadTransaction::ReadTransaction(Database& database, const Operation& operation) : database_(database) {
    if (database.private_) {
        turn_ = std::unique_lock(database.writer_.queue);
        connection_ = database.writer_.connection.get();
        connection_->set_operation(operation);
    } else {
        borrowed_ = database.borrow_reader(operation);
        connection_ = borrowed_.get();
    }
    transaction_.emplace(*connection_).begin("BEGIN");
    clock_ = database_.machine_time_ ? database_.machine_time_->in_read(*connection_) : database_.time();
}

ReadTransaction::~ReadTransaction() {
    transaction_->end();
    if (borrowed_) database_.give_back_reader(std::move(borrowed_));
}

Timestamp ReadTransaction::now() {
    Statement state = prepare(sql::read_state);
    state.step();
    database_.time_not_before(state.time(0));
    return std::max(clock_, state.time(0));
}

}  // namespace pharox::sqlite
