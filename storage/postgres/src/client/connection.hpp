// One libpq connection, its prepared statements, and what its errors mean.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/server_error.hpp"
#include "connection_lost.hpp"
#include "filter_sql.hpp"
#include "pharox/errors.hpp"
#include "pharox/model/id.hpp"
#include "pharox/model/json.hpp"
#include "pharox/model/time.hpp"

struct pg_conn;
struct pg_result;

namespace pharox::postgres {

using SteadyTime = std::chrono::steady_clock::time_point;

/// One of the servers that a connection string lists; libpq supplies omitted values.
struct Server {
    std::optional<std::string> host{}, hostaddr{}, port{};
};

using serverkit::ConnectionLost;

/// The values for $1, $2 … in order, in PostgreSQL's binary formats.
class Parameters {
  public:
    Parameters& add(bool value);
    Parameters& add(std::int16_t value);
    Parameters& add(std::int32_t value);
    Parameters& add(std::int64_t value);
    Parameters& add(double value);
    Parameters& add(std::string_view value);
    Parameters& add(const std::string& value) { return add(std::string_view(value)); }
    Parameters& add(const char*) = delete;
    Parameters& add(Timestamp value);
    Parameters& add(const Json& value);
    Parameters& add(const UuidBytes& value);
    Parameters& add(const std::set<std::string>& texts);
    Parameters& add(const sqlkit::SqlValue& value);
    Parameters& add(std::span<const UuidBytes> values);
    Parameters& add(std::span<const std::int64_t> values);
    template <class Tag>
    Parameters& add(const Id<Tag>& id) {
        return add(id.bytes());
    }
    template <class T>
    Parameters& add(const std::optional<T>& value) {
        if (value) return add(*value);
        add(T{});
        lengths_.back() = null;
        return *this;
    }

    [[nodiscard]] int size() const noexcept { return static_cast<int>(types_.size()); }

  private:
    friend class Connection;
    static constexpr int null = -1;
    void begin(unsigned type);
    void end();
    void append(const void* data, std::size_t size);
    void append_number(std::uint64_t value, std::size_t bytes);

    std::string bytes_;
    std::vector<unsigned> types_;
    std::vector<std::size_t> offsets_;
    std::vector<int> lengths_;
};

/// The result of a statement, in binary formats.
class Rows {
  public:
    explicit Rows(pg_result* result) noexcept : result_(result) {}

    [[nodiscard]] int size() const noexcept;
    [[nodiscard]] std::int64_t changed() const;  ///< rows inserted, updated, deleted or selected
    [[nodiscard]] bool is_null(int row, int column) const noexcept;
    [[nodiscard]] bool flag(int row, int column) const;
    [[nodiscard]] std::int64_t integer(int row, int column) const;  ///< of 2, 4 or 8 bytes
    [[nodiscard]] double real(int row, int column) const;
    [[nodiscard]] std::string_view text(int row, int column) const;
    [[nodiscard]] Timestamp time(int row, int column) const;
    [[nodiscard]] Json json(int row, int column) const;
    [[nodiscard]] std::set<std::string> texts(int row, int column) const;
    template <class IdType>
    [[nodiscard]] IdType id(int row, int column) const {
        return IdType(uuid(row, column));
    }

  private:
    [[nodiscard]] UuidBytes uuid(int row, int column) const;
    struct Clearer {
        void operator()(pg_result* result) const noexcept;
    };
    std::unique_ptr<pg_result, Clearer> result_;
};

/// Whether a statement is prepared: few texts, executed often.
enum class Plan : std::uint8_t { prepared, once };

struct Statement {
    const std::string* sql;  ///< outlives the statement
    Parameters parameters;
    Plan plan = Plan::prepared;
};

/// What arrived on a channel to which the connection listens.
struct Notification {
    std::string channel;
    std::string payload;
    friend auto operator<=>(const Notification&, const Notification&) = default;
};

/// Used by one thread at a time. Every call ends by its deadline, with ConnectionLost if the server has not
/// answered by then.
class Connection {
  public:
    struct Settings {
        std::string connection;
        std::chrono::milliseconds connect_timeout{};
        std::chrono::milliseconds statement_timeout{};
        bool detect_poolers = true;
        bool prepare = true;
        const char* name = "pharox";  ///< the application_name, unless the connection string sets one
        /// SQL without results that follows the session's own settings; not executed behind a pooler.
        std::string session_sql{};
    };
    /// Throws ConnectionLost, ServerError.
    explicit Connection(const Settings& settings);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    Rows execute(const std::string& sql, const Parameters& parameters = {}, Plan plan = Plan::prepared);
    /// The same, but no wait for a lock takes longer than this: then it throws ServerError 55P03. Still one
    /// round trip.
    Rows execute(const Statement& statement, std::chrono::milliseconds longest_lock_wait);
    /// In one round trip and one transaction.
    std::vector<Rows> execute_all(std::span<const Statement> statements);
    /// One or more statements without parameters or results.
    void command(const std::string& sql);
    /// COPY … FROM STDIN: `next` fills its argument with whole lines of text until it answers false.
    void copy_in(const std::string& sql, const std::function<bool(std::string&)>& next);

    /// For bulk statements: until the end of the transaction a statement may take ten times as long, and may
    /// scan tables. The caller's own timeout returns to normal with restore_timeout().
    void extend_timeout();
    void restore_timeout() noexcept;

    /// False if the connection is known to be closed; checked without a round trip.
    [[nodiscard]] bool is_alive() noexcept;
    /// Whether another caller may use it after this one.
    [[nodiscard]] bool is_reusable() noexcept {
        restore_timeout();
        return !in_transaction();
    }
    [[nodiscard]] bool in_transaction() const noexcept;
    [[nodiscard]] bool behind_a_pooler() const noexcept { return pooled_; }
    /// Readable if a notification may have arrived, or the server closed the connection.
    [[nodiscard]] int socket() const noexcept;
    void listen(const std::string& channel);
    void unlisten(const std::string& channel);
    /// The channels that were notified since the last call; does not wait. Throws ConnectionLost.
    std::set<Notification> take_notifications();
    [[nodiscard]] int server_version() const noexcept;  ///< 150018 for 15.18
    /// From now on no statement is prepared: a proxy between client and server loses prepared ones.
    void stop_preparing() noexcept;

  private:
    struct Closer {
        void operator()(pg_conn* connection) const noexcept;
    };
    void connect(const Settings& settings);
    void connect(const Settings& settings, const Server& server, SteadyTime deadline);
    void set_up(const Settings& settings);
    /// Deallocates all prepared statements if this one would exceed their limit. A pipeline calls it for all
    /// of its statements before it sends the first.
    void limit_prepared(const std::string& sql, Plan plan);
    /// The name of the prepared statement; none if it is not prepared.
    const std::string* prepared(const std::string& sql, const Parameters& parameters, Plan plan);
    void send(const std::string& sql, const Parameters& parameters, const std::string* name);
    pg_result* next_result(SteadyTime deadline);
    Rows answer(SteadyTime deadline);
    void flush(SteadyTime deadline);
    void wait_for(short events, SteadyTime deadline);
    [[noreturn]] void lost(const std::string& why, bool sent);
    [[nodiscard]] SteadyTime deadline() const;

    std::unique_ptr<pg_conn, Closer> connection_;
    std::chrono::milliseconds timeout_{};
    std::unordered_map<std::string, std::string> statements_;
    bool prepare_ = true;
    bool pooled_ = false;
    bool sent_ = false;
    int timeout_factor_ = 1;
};

}  // namespace pharox::postgres
