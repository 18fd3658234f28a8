// How a connection is made: each of several hosts in turn, by a deadline.
#include <libpq-fe.h>
#include <locale.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>

#include "client/connection.hpp"

namespace pharox::postgres {

namespace {

/// Rows are read in the order of an index, and statistics may be old: no sequential scan where an index can
/// be used. Prepared statements have one generic plan: requests that need different plans have different
/// texts.
constexpr auto session_settings =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off;"
    " SET default_transaction_isolation = 'read committed';"
    " SET client_min_messages = warning; SET lock_timeout = 0; SET statement_timeout = ";

/// Messages of libpq itself after which a retry cannot succeed. (While connecting they are English, see
/// InEnglish.)
bool is_permanent(std::string_view text) {
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
    error.permanent = is_permanent(text);
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

/// One entry without values for a connection to a single host, or one for each host that is listed.
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
    // With prefer-standby libpq itself goes through all hosts twice; and it refuses lists that do not fit.
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

/// From the connection string, the environment or a service file; nothing if there is no bound.
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

/// For messages that are told apart by their text: restores the thread's locale at the end.
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

Connection::Connection(const Settings& settings)
    : timeout_(settings.connect_timeout), prepare_(settings.prepare) {
    connect(settings);
    set_up(settings);
    timeout_ = settings.statement_timeout;
    if (pooled_ && settings.detect_poolers) prepare_ = false;
}

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
    // A pooler reports a made-up process id.
    pooled_ = rows.integer(0, 0) != PQbackendPID(connection_.get());
    if (!pooled_) {
        const auto server_side = std::max<std::int64_t>(settings.statement_timeout.count() * 9 / 10, 1);
        command(session_settings + std::to_string(server_side) + "; " + settings.session_sql);
    }
}

}  // namespace pharox::postgres
