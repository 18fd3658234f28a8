#include "client/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace pharox::postgres {

namespace {

constexpr std::size_t most_statements = 300;
constexpr int binary = 1;
constexpr int bulk_timeout_factor = 10;

}  // namespace

void Connection::Closer::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

Connection::~Connection() = default;

int Connection::socket() const noexcept { return PQsocket(connection_.get()); }

std::set<Notification> Connection::take_notifications() {
    if (PQconsumeInput(connection_.get()) == 0) lost(trimmed(PQerrorMessage(connection_.get())), false);
    std::set<Notification> notifications;
    while (PGnotify* const notification = PQnotifies(connection_.get())) {
        notifications.insert({.channel = notification->relname, .payload = notification->extra});
        PQfreemem(notification);
    }
    if (PQstatus(connection_.get()) != CONNECTION_OK) lost("the server closed the connection", false);
    return notifications;
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

SteadyTime Connection::deadline() const {
    return std::chrono::steady_clock::now() + timeout_ * timeout_factor_;
}

void Connection::extend_timeout() {
    timeout_factor_ = bulk_timeout_factor;
    command("SET LOCAL statement_timeout = " + std::to_string(timeout_.count() * timeout_factor_) +
            "; SET LOCAL enable_seqscan = on");
}
void Connection::restore_timeout() noexcept { timeout_factor_ = 1; }

void Connection::listen(const std::string& channel) { command("LISTEN \"" + channel + '"'); }
void Connection::unlisten(const std::string& channel) { command("UNLISTEN \"" + channel + '"'); }

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
        if (error.code.empty() || PQstatus(connection_.get()) != CONNECTION_OK || ends_the_session(error)) {
            lost(error.message.empty() ? trimmed(PQerrorMessage(connection_.get())) : error.message, true);
        }
        throw ServerError(error);
    }
    return Rows(last.release());
}

void Connection::limit_prepared(const std::string& sql, Plan plan) {
    if (!prepare_ || plan == Plan::once || statements_.size() < most_statements || statements_.contains(sql))
        return;
    statements_.clear();
    try {
        command("DEALLOCATE ALL");
    } catch (ConnectionLost& error) {
        error.sent = false;  // the statement itself was not sent
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
    limit_prepared(sql, plan);
    send(sql, parameters, prepared(sql, parameters, plan));
    sent_ = true;
    flush(end);
    return answer(end);
}

Rows Connection::execute(const Statement& statement, std::chrono::milliseconds longest_lock_wait) {
    static const std::string bound = "SELECT set_config('lock_timeout', $1, TRUE)";
    const std::vector<Statement> both = {
        {.sql = &bound,
         .parameters = Parameters().add(std::to_string(longest_lock_wait.count())),
         .plan = Plan::once},
        statement};
    return std::move(execute_all(both).back());
}

std::vector<Rows> Connection::execute_all(std::span<const Statement> statements) {
    const SteadyTime end = deadline();
    for (const Statement& one : statements) limit_prepared(*one.sql, one.plan);
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
            if (refused->code.empty() || ends_the_session(*refused)) lost(refused->message, true);
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
