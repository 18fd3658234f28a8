// The file, its connections, and its transactions.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "fifo_mutex.hpp"
#include "machine_time.hpp"
#include "order_index.hpp"
#include "pharox/sqlite/storage.hpp"

namespace pharox::sqlite {

/// A connection that writes, for one transaction at a time.
struct Writer {
    FifoMutex queue;
    std::unique_ptr<Connection> connection;
    bool power_safe = false;  ///< its current sync mode
    std::mt19937_64 random{std::random_device{}()};
    /// Until then it leaves the lock to other processes, because it has held it for long.
    std::chrono::steady_clock::time_point yields_until{};
};

/// One connection writes, and threads queue for it in order; other connections read concurrently. A
/// ":memory:" database has one connection in total. Thread-safe.
class Database {
  public:
    using OnAvailable = std::function<void(std::string_view pool)>;
    /// Opens or creates the file and migrates it. `on_available` is called after each commit that may have
    /// made a proxy available, once per pool or without a name for all pools, without any lock held; it must
    /// not throw. Throws StorageError.
    Database(Options options, OnAvailable on_available);
    /// With the time of the machine, for a file; otherwise by the clock of the options.
    Database(Options options, OnAvailable on_available, std::optional<TimeSource> source);

    [[nodiscard]] const Options& options() const noexcept { return options_; }
    /// The name of the file in the options, for error texts.
    [[nodiscard]] std::string name() const { return shown_file(options_.path.string()); }
    /// Creates the index unless this process knows that it exists; not inside a transaction.
    void ensure_index(OrderIndex index);
    /// If the clock of this process differs from the store's time.
    [[nodiscard]] std::optional<ClockDisagreement> clock_disagreement() const;
    /// Calls the options' on_clock_disagreement, if there is news for it.
    void report_clock() noexcept;
    /// The clock's time, or the latest time that this process has seen, if that is later.
    Timestamp time() { return time_not_before(options_.clock->now()); }
    /// For long series of transactions, beside those of other threads.
    Writer& bulk_writer();
    /// Writes the log to the file if it is long, or at any length; on the bulk writer's connection, without
    /// making other writers wait.
    void checkpoint(bool any_length = false);
    /// Records a time that was read from the file.
    Timestamp time_not_before(Timestamp seen) noexcept;

  private:
    friend class WriteTransaction;
    friend class ReadTransaction;

    [[nodiscard]] std::unique_ptr<Connection> connect(const Operation& operation, bool read_only) const;
    std::unique_ptr<Connection> borrow_reader(const Operation& operation);
    void give_back_reader(std::unique_ptr<Connection> reader) noexcept;
    bool has_index(OrderIndex index);
    void use_write_ahead_log(const Operation& operation);
    /// How long it is worth waiting for the write lock after the timeout: until the last of these leases
    /// expires. Reads without the lock.
    std::chrono::microseconds time_left_of(const Operation& operation);

    Options options_;
    OnAvailable on_available_;
    bool private_;  ///< in memory
    std::string file_;
    std::optional<MachineTime> machine_time_{};
    std::atomic<std::int64_t> latest_time_{0};
    Writer writer_;
    Writer bulk_writer_;  ///< of a file; opened on first use
    std::once_flag bulk_writer_opened_;
    std::mutex readers_mutex_;
    std::vector<std::unique_ptr<Connection>> readers_;
    std::array<std::atomic<bool>, std::size_t{2} * selector_count * attribute_count> known_indexes_{};
};

/// Between BEGIN and COMMIT. The destructor rolls back unless committed, also if the constructor of its owner
/// throws (a caller's clock may throw).
class OpenTransaction {
  public:
    explicit OpenTransaction(Connection& connection) noexcept : connection_(&connection) {}
    OpenTransaction(const OpenTransaction&) = delete;
    OpenTransaction& operator=(const OpenTransaction&) = delete;
    ~OpenTransaction() { end(); }
    void begin(std::string_view sql) { connection_->prepare(sql).run(); }
    /// Call it once: afterwards another thread may use the connection.
    void end() noexcept {
        if (connection_ != nullptr) std::exchange(connection_, nullptr)->rollback();
    }

  private:
    Connection* connection_;
};

/// Rolls back unless committed. Holds the write lock of the file from construction on.
class WriteTransaction {
  public:
    WriteTransaction(Database& database, const Operation& operation)
        : WriteTransaction(database, operation, database.options().durability) {}
    WriteTransaction(Database& database, const Operation& operation, Durability durability)
        : WriteTransaction(database, operation, durability, database.writer_) {}
    WriteTransaction(Database& database, const Operation& operation, Durability durability, Writer& writer);
    WriteTransaction(const WriteTransaction&) = delete;
    WriteTransaction& operator=(const WriteTransaction&) = delete;
    ~WriteTransaction();

    Statement prepare(std::string_view sql) { return connection_.prepare(sql); }
    Connection& connection() noexcept { return connection_; }
    Database& database() noexcept { return database_; }

    /// The clock's time when the transaction began. The store's time may be later.
    [[nodiscard]] Timestamp clock() const noexcept { return clock_; }
    /// Takes the state from a query that also reads other values; only the first call has an effect.
    /// Otherwise the state is read when it is needed.
    void set_state(Timestamp latest, std::int64_t use_sequence, std::int64_t ended) noexcept;
    /// The store's time: one instant for the whole transaction.
    Timestamp now() {
        read_state();
        return now_;
    }
    std::int64_t next_use_sequence() {
        read_state();
        return ++use_sequence_;
    }
    /// How many ended leases the file contains.
    std::int64_t ended_leases() {
        read_state();
        return ended_;
    }
    void add_ended_leases(std::int64_t count) { set_ended_leases(ended_leases() + count); }
    void set_ended_leases(std::int64_t count) {
        read_state();
        ended_ = count;
    }
    /// An exponentially distributed number with mean 1.
    double draw_exponential();

    /// Once committed, the queued requests of the pool are attempted again.
    void makes_available(const std::string& pool) { makes_available_in_.insert(pool); }
    /// The same for every pool.
    void makes_available_anywhere() noexcept { makes_available_anywhere_ = true; }

    /// Writes the state too.
    void commit();

  private:
    void begin(const Operation& operation, bool power_safe);
    void read_state();

    Database& database_;
    Writer& writer_;
    std::unique_lock<FifoMutex> turn_;
    Connection& connection_;
    OpenTransaction transaction_;
    std::chrono::steady_clock::time_point began_{};
    MachineTime::Begun machine_time_{};
    Timestamp clock_{};
    Timestamp now_{};
    std::int64_t use_sequence_ = 0;
    std::int64_t ended_ = 0;
    bool state_known_ = false;
    bool makes_available_anywhere_ = false;
    std::set<std::string> makes_available_in_;
    bool committed_ = false;
};

/// One snapshot. Blocks no other call, except in a database in memory.
class ReadTransaction {
  public:
    ReadTransaction(Database& database, const Operation& operation);
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;
    ~ReadTransaction();

    Statement prepare(std::string_view sql) { return connection_->prepare(sql); }
    Connection& connection() noexcept { return *connection_; }
    /// The clock's time when the transaction began. The store's time may be later.
    [[nodiscard]] Timestamp clock() const noexcept { return clock_; }
    /// The store's time, read from the snapshot.
    Timestamp now();

  private:
    Database& database_;
    std::unique_lock<FifoMutex> turn_;
    std::unique_ptr<Connection> borrowed_;
    Connection* connection_;
    std::optional<OpenTransaction> transaction_{};
    Timestamp clock_{};
};

}  // namespace pharox::sqlite
