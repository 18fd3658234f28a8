#include "client/connection.hpp"

#include <libpq-fe.h>
#include <locale.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>

namespace pharox::postgres {

namespace {

constexpr std::size_t most_statements = 300;
constexpr int binary = 1;
constexpr int patience_factor = 10;

/// Orders come from indexes and statistics may be old: a sequential scan is never what we want where an index
/// will do. Prepared statements are planned once: our texts differ where their plans do.
constexpr auto session_settings =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off;"
    " SET default_transaction_isolation = 'read committed';"
    " SET client_min_messages = warning; SET lock_timeout = 0; SET statement_timeout = ";

std::string trimmed(const char* text) {
    std::string line = text == nullptr ? "" : text;
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

std::string field_of(const PGresult* result, int field) { return trimmed(PQresultErrorField(result, field)); }

ServerError server_error(const PGresult* result) {
    ServerError error;
    error.code = field_of(result, PG_DIAG_SQLSTATE);
    error.message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
    error.constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME);
    error.column = field_of(result, PG_DIAG_COLUMN_NAME);
    return error;
}

/// The server ends the session with these; what was asked was rolled back, or never began.
bool ends_the_session(std::string_view code) {
    return code == "57P01" || code == "57P02" || code == "57P03" || code == "57P05" || code == "25P03" ||
           code.starts_with("08");
}

/// What libpq says of itself where trying again cannot help. (Connecting speaks English, see InEnglish.)
bool is_for_good(std::string_view text) {
    constexpr std::string_view signs[] = {"certificate",  "does not support SSL",  "no password supplied",
                                          "service file", "definition of service", "invalid "};
    return std::ranges::any_of(
        signs, [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
}

/// A refusal reads `…FATAL:  28P01: password authentication failed for user "x"`, where FATAL may be in
/// another language, and then where in its source.
ConnectionLost refusal(std::string_view text) {
    ConnectionLost error;
    constexpr std::string_view before = ":  ";
    constexpr std::size_t state_size = 5;
    for (std::size_t at = text.rfind(before); at != std::string_view::npos && at > 0;
         at = text.rfind(before, at - 1)) {
        const std::string_view said = text.substr(at + before.size());
        const std::string_view state = said.substr(0, state_size);
        const bool is_state =
            state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos;
        if (!is_state || said.substr(std::min(state_size, said.size()), 2) != ": ") continue;
        error.message = said.substr(0, said.find('\n'));
        error.permanent = state.starts_with("28") || state.starts_with("3D") || state.starts_with("42");
        return error;
    }
    error.message = trimmed(std::string(text).c_str());
    error.permanent = is_for_good(text);
    return error;
}

std::vector<std::string> parts_of(std::string_view list) {
    std::vector<std::string> parts;
    for (std::size_t end = 0; end != std::string_view::npos;
         list.remove_prefix(std::min(list.size(), end + 1))) {
        end = list.find(',');
        parts.emplace_back(list.substr(0, end));
    }
    return parts;
}

/// One that stands for whatever the connection says, or each of the hosts that it lists.
std::vector<Server> servers_of(const std::string& connection) {
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
        PQconninfoParse(connection.c_str(), nullptr), PQconninfoFree);
    std::map<std::string_view, std::string_view> said;
    for (const PQconninfoOption* one = options.get(); one != nullptr && one->keyword != nullptr; ++one) {
        if (one->val != nullptr) said[one->keyword] = one->val;
    }
    const std::vector<std::string> hosts = parts_of(said["host"]);
    const std::vector<std::string> addresses = parts_of(said["hostaddr"]);
    const std::vector<std::string> ports = parts_of(said["port"]);
    const std::size_t count = std::max(hosts.size(), addresses.size());
    const auto fits = [&](const std::vector<std::string>& list) {
        return list.size() == 1 || list.size() == count;
    };
    // Whoever prefers a standby has libpq look at all of them twice; and what does not fit, it refuses.
    if (count == 1 || said["target_session_attrs"] == "prefer-standby" || !fits(hosts) || !fits(addresses) ||
        !fits(ports)) {
        return {Server{}};
    }
    const auto one_of = [](const std::vector<std::string>& list, std::size_t i) {
        const std::string& part = list.size() == 1 ? list[0] : list[i];
        return part.empty() ? std::nullopt : std::optional(part);
    };
    std::vector<Server> servers;
    for (std::size_t i = 0; i < count; ++i) {
        servers.push_back(
            {.host = one_of(hosts, i), .hostaddr = one_of(addresses, i), .port = one_of(ports, i)});
    }
    return servers;
}

/// What the connection, the environment or a service file say of it; nothing where there is no bound.
std::optional<std::chrono::seconds> connect_timeout_of(PGconn* connection) {
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfo(connection),
                                                                                 PQconninfoFree);
    for (const PQconninfoOption* one = options.get(); one != nullptr && one->keyword != nullptr; ++one) {
        if (one->keyword != std::string_view("connect_timeout") || one->val == nullptr) continue;
        const std::string_view text = one->val;
        int seconds = 0;
        std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (seconds > 0) return std::chrono::seconds(seconds);
    }
    return std::nullopt;
}

/// For what is told apart by its text.
class InEnglish {
  public:
    InEnglish() : plain_(::newlocale(LC_ALL_MASK, "C", nullptr)), before_(::uselocale(plain_)) {}
    ~InEnglish() {
        ::uselocale(before_);
        if (plain_ != nullptr) ::freelocale(plain_);
    }
    InEnglish(const InEnglish&) = delete;
    InEnglish& operator=(const InEnglish&) = delete;

  private:
    locale_t plain_;
    locale_t before_;
};

}  // namespace

void Connection::Closer::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

Connection::Connection(const Settings& settings)
    : timeout_(settings.connect_timeout), prepare_(settings.prepare) {
    connect(settings);
    set_up(settings);
    timeout_ = settings.statement_timeout;
    if (pooled_ && settings.detect_poolers) prepare_ = false;
}

Connection::~Connection() = default;

/// To each of several hosts in turn, with an equal share of the time that is left: libpq goes on to the next
/// one when a host refuses, not when it is silent.
void Connection::connect(const Settings& settings) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + settings.connect_timeout;
    const std::vector<Server> servers = servers_of(settings.connection);
    for (std::size_t i = 0;; ++i) {
        const auto now = std::chrono::steady_clock::now();
        const auto left = static_cast<SteadyTime::duration::rep>(servers.size() - i);
        try {
            return connect(settings, servers[i],
                           now + std::max(deadline - now, SteadyTime::duration(0)) / left);
        } catch (const ConnectionLost& error) {
            if (error.permanent || i + 1 == servers.size()) throw;
        }
    }
}

void Connection::connect(const Settings& settings, const Server& server, SteadyTime deadline) {
    // What comes after dbname overrides what the caller wrote there; null is left out.
    const auto given = [](const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; };
    const std::array<const char*, 7> keywords = {
        "fallback_application_name", "dbname", "client_encoding", "host", "hostaddr", "port", nullptr};
    const std::array<const char*, 7> values = {
        settings.name,          settings.connection.c_str(), "UTF8", given(server.host),
        given(server.hostaddr), given(server.port),          nullptr};
    const InEnglish in_english;
    connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
    if (connection_ == nullptr) throw std::bad_alloc();
    // libpq itself heeds it only where it does the waiting.
    if (const auto theirs = connect_timeout_of(connection_.get()))
        deadline = std::min(deadline, std::chrono::steady_clock::now() + *theirs);
    PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);  // for the SQLSTATE of a refusal
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (PQstatus(connection_.get()) != CONNECTION_BAD && step != PGRES_POLLING_OK) {
        if (step == PGRES_POLLING_FAILED) break;
        wait_for(step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
        step = PQconnectPoll(connection_.get());
    }
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
        throw refusal(PQerrorMessage(connection_.get()));
    }
    PQsetErrorVerbosity(connection_.get(), PQERRORS_DEFAULT);
    PQsetnonblocking(connection_.get(), 1);
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

void Connection::set_up(const Settings& settings) {
    const Rows rows = execute("SELECT pg_backend_pid()", {}, Plan::once);
    // A pooler answers for a process that it made up.
    pooled_ = rows.integer(0, 0) != PQbackendPID(connection_.get());
    if (!pooled_) {
        const auto server_side = std::max<std::int64_t>(settings.statement_timeout.count() * 9 / 10, 1);
        command(session_settings + std::to_string(server_side) + "; SET pharox_store.number = '" +
                std::to_string(settings.store) + "'");
    }
}

int Connection::socket() const noexcept { return PQsocket(connection_.get()); }

std::set<std::string> Connection::take_notifications() {
    if (PQconsumeInput(connection_.get()) == 0) lost(trimmed(PQerrorMessage(connection_.get())), false);
    std::set<std::string> channels;
    while (PGnotify* const notification = PQnotifies(connection_.get())) {
        channels.emplace(notification->relname);
        PQfreemem(notification);
    }
    if (PQstatus(connection_.get()) != CONNECTION_OK) lost("the server closed the connection", false);
    return channels;
}

int Connection::server_version() const noexcept { return PQserverVersion(connection_.get()); }

bool Connection::in_transaction() const noexcept {
    return PQtransactionStatus(connection_.get()) != PQTRANS_IDLE ||
           PQpipelineStatus(connection_.get()) != PQ_PIPELINE_OFF;
}

bool Connection::is_alive() noexcept {
    if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
    pollfd socket{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
    if (::poll(&socket, 1, 0) == 0) return true;
    return PQconsumeInput(connection_.get()) == 1 && PQstatus(connection_.get()) == CONNECTION_OK &&
           PQtransactionStatus(connection_.get()) == PQTRANS_IDLE &&
           // Something was there to read: notices, or a server that says goodbye.
           ::poll(&socket, 1, 0) == 0;
}

void Connection::stop_preparing() noexcept {
    statements_.clear();
    prepare_ = false;
}

SteadyTime Connection::deadline() const { return std::chrono::steady_clock::now() + timeout_ * patience_; }

void Connection::take_time() {
    patience_ = patience_factor;
    command("SET LOCAL statement_timeout = " + std::to_string(timeout_.count() * patience_) +
            "; SET LOCAL enable_seqscan = on");
}
void Connection::hurry() noexcept { patience_ = 1; }

void Connection::lost(const std::string& why, bool sent) {
    ConnectionLost error;
    error.message = why;
    error.sent = sent;
    throw ConnectionLost(error);
}

void Connection::wait_for(short events, SteadyTime deadline) {
    pollfd socket{.fd = PQsocket(connection_.get()), .events = events, .revents = 0};
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) lost("no answer in time", sent_);
        const int ready = ::poll(&socket, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
        if (ready > 0) return;
        if (ready < 0 && errno != EINTR) lost("poll failed", sent_);
    }
}

void Connection::flush(SteadyTime deadline) {
    for (;;) {
        const int left = PQflush(connection_.get());
        if (left == 0) return;
        if (left < 0) lost(trimmed(PQerrorMessage(connection_.get())), sent_);
        wait_for(POLLIN | POLLOUT, deadline);
        if (PQconsumeInput(connection_.get()) == 0) lost(trimmed(PQerrorMessage(connection_.get())), sent_);
    }
}

/// Null where a statement's results end.
PGresult* Connection::next_result(SteadyTime deadline) {
    while (PQisBusy(connection_.get()) == 1) {
        wait_for(POLLIN, deadline);
        if (PQconsumeInput(connection_.get()) == 0) {
            lost(trimmed(PQerrorMessage(connection_.get())), sent_);
        }
    }
    return PQgetResult(connection_.get());
}

Rows Connection::answer(SteadyTime deadline) {
    std::unique_ptr<pg_result, void (*)(pg_result*)> last(nullptr,
                                                          [](pg_result* result) { PQclear(result); });
    for (;;) {
        PGresult* const result = next_result(deadline);
        if (result == nullptr) break;
        const bool keep_first_error = last && PQresultStatus(last.get()) == PGRES_FATAL_ERROR;
        if (keep_first_error) {
            PQclear(result);
        } else {
            last.reset(result);
        }
        const ExecStatusType status = PQresultStatus(last.get());
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) break;
    }
    sent_ = false;
    if (!last) lost("the connection gave no answer", true);
    const ExecStatusType status = PQresultStatus(last.get());
    if (status == PGRES_FATAL_ERROR) {
        const ServerError error = server_error(last.get());
        if (error.code.empty() || PQstatus(connection_.get()) != CONNECTION_OK ||
            ends_the_session(error.code)) {
            lost(error.message.empty() ? trimmed(PQerrorMessage(connection_.get())) : error.message, true);
        }
        throw ServerError(error);
    }
    return Rows(last.release());
}

void Connection::make_room(const std::string& sql, Plan plan) {
    if (!prepare_ || plan == Plan::once || statements_.size() < most_statements || statements_.contains(sql))
        return;
    statements_.clear();
    try {
        command("DEALLOCATE ALL");
    } catch (ConnectionLost& error) {
        error.sent = false;  // nothing of what was asked for
        throw;
    }
}

const std::string* Connection::prepared(const std::string& sql, const Parameters& parameters, Plan plan) {
    if (!prepare_ || plan == Plan::once) return nullptr;
    const auto known = statements_.find(sql);
    if (known != statements_.end()) return &known->second;
    const std::string name = "pharox_" + std::to_string(statements_.size());
    const SteadyTime end = deadline();
    if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), parameters.size(),
                      parameters.types_.data()) == 0) {
        lost(trimmed(PQerrorMessage(connection_.get())), false);
    }
    try {
        flush(end);
        answer(end);
    } catch (ConnectionLost& error) {
        error.sent = false;  // preparing does nothing
        throw;
    }
    return &statements_.emplace(sql, name).first->second;
}

/// Prepared under a name, or not.
void Connection::send(const std::string& sql, const Parameters& parameters, const std::string* name) {
    std::vector<const char*> values;
    values.reserve(parameters.types_.size());
    for (std::size_t i = 0; i < parameters.types_.size(); ++i) {
        const bool is_null = parameters.lengths_[i] == Parameters::null;
        values.push_back(is_null ? nullptr : parameters.bytes_.data() + parameters.offsets_[i]);
    }
    const std::vector<int> formats(values.size(), binary);
    const int sent =
        name != nullptr
            ? PQsendQueryPrepared(connection_.get(), name->c_str(), parameters.size(), values.data(),
                                  parameters.lengths_.data(), formats.data(), binary)
            : PQsendQueryParams(connection_.get(), sql.c_str(), parameters.size(), parameters.types_.data(),
                                values.data(), parameters.lengths_.data(), formats.data(), binary);
    if (sent == 0) lost(trimmed(PQerrorMessage(connection_.get())), false);
}

Rows Connection::execute(const std::string& sql, const Parameters& parameters, Plan plan) {
    const SteadyTime end = deadline();
    make_room(sql, plan);
    send(sql, parameters, prepared(sql, parameters, plan));
    sent_ = true;
    flush(end);
    return answer(end);
}

std::vector<Rows> Connection::execute_all(std::span<const Statement> statements) {
    const SteadyTime end = deadline();
    for (const Statement& one : statements) make_room(*one.sql, one.plan);
    std::vector<const std::string*> names;
    for (const Statement& one : statements) names.push_back(prepared(*one.sql, one.parameters, one.plan));
    // What stands between two syncs is one transaction.
    PQenterPipelineMode(connection_.get());
    for (std::size_t i = 0; i < statements.size(); ++i)
        send(*statements[i].sql, statements[i].parameters, names[i]);
    if (PQpipelineSync(connection_.get()) == 0) lost(trimmed(PQerrorMessage(connection_.get())), false);
    sent_ = true;
    flush(end);
    std::vector<Rows> answers;
    std::optional<ServerError> refused;
    for (bool ended = false; !ended;) {
        PGresult* const result = next_result(end);
        if (result == nullptr) {
            // Ends one statement's results; nothing comes any more where the connection is gone.
            if (PQstatus(connection_.get()) != CONNECTION_OK)
                lost(trimmed(PQerrorMessage(connection_.get())), true);
            continue;
        }
        Rows rows(result);
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            ended = true;
        } else if (status == PGRES_FATAL_ERROR && !refused) {
            refused = server_error(result);
            if (refused->code.empty() || ends_the_session(refused->code)) lost(refused->message, true);
        } else {
            answers.push_back(std::move(rows));
        }
    }
    PQexitPipelineMode(connection_.get());
    sent_ = false;
    if (refused) throw ServerError(*std::move(refused));
    return answers;
}

void Connection::command(const std::string& sql) {
    const SteadyTime end = deadline();
    if (PQsendQuery(connection_.get(), sql.c_str()) == 0) {
        lost(trimmed(PQerrorMessage(connection_.get())), false);
    }
    sent_ = true;
    flush(end);
    answer(end);
}

void Connection::copy_in(const std::string& sql, const std::function<bool(std::string&)>& next) {
    command(sql);
    const SteadyTime end = deadline();
    std::string lines;
    while (next(lines)) {
        for (;;) {
            const int put = PQputCopyData(connection_.get(), lines.data(), static_cast<int>(lines.size()));
            if (put == 1) break;
            if (put < 0) lost(trimmed(PQerrorMessage(connection_.get())), false);
            wait_for(POLLOUT, end);
        }
        flush(end);
    }
    while (PQputCopyEnd(connection_.get(), nullptr) == 0) wait_for(POLLOUT, end);
    flush(end);
    answer(end);
}

}  // namespace pharox::postgres
