#include "pool_notifications.hpp"

#include <algorithm>

namespace pharox::postgres {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// A registration is valid for this long; a process that dies is notified in vain until then.
constexpr milliseconds validity(30'000);
constexpr milliseconds between_renewals(10'000);
constexpr milliseconds longest_statement(5'000);
constexpr milliseconds first_check_pause(2);
constexpr milliseconds longest_check_pause(100);
constexpr int bulk_timeout_factor = 10;  // see Connection::extend_timeout()

std::string channel_of(PoolId pool) { return "pharox_" + pool.to_string(); }

}  // namespace

bool PoolNotifications::connect() {
    Connection::Settings settings = database_.connection_settings();
    settings.name = "pharox waiting";
    settings.connect_timeout = std::min(settings.connect_timeout, longest_statement);
    settings.statement_timeout = std::min(settings.statement_timeout, longest_statement);
    connection_ = std::make_unique<Connection>(settings);
    if (!connection_->behind_a_pooler()) return true;
    // A pooler would deliver notifications to whichever client uses the server's connection then.
    connection_.reset();
    return false;
}

void PoolNotifications::disconnect() noexcept {
    connection_.reset();
    registrations_.clear();
}

Rows PoolNotifications::execute(StatementId statement, const Parameters& parameters) {
    return connection_->execute(database_.text(statement), parameters);
}

bool PoolNotifications::subscribe(const std::string& pool) {
    Registration registration = register_for(pool);
    if (registration.id.is_nil()) return false;
    registrations_.emplace(pool, std::move(registration));
    return true;
}

PoolNotifications::Registration PoolNotifications::register_for(const std::string& pool) {
    const Rows known = execute(sql::pool_id_by_name, Parameters().add(pool));
    if (known.size() == 0) return {};
    Registration registration{.id = known.id<PoolId>(0, 0)};
    connection_->listen(channel_of(registration.id));
    renew(registration);
    registration.complete = registration.earlier.empty();
    return registration;
}

void PoolNotifications::unsubscribe(const std::string& pool) {
    const auto entry = registrations_.find(pool);
    if (entry == registrations_.end()) return;
    unregister(entry->second);
    registrations_.erase(entry);
}

void PoolNotifications::unregister(const Registration& registration) {
    if (registration.id.is_nil()) return;
    connection_->unlisten(channel_of(registration.id));
    execute(sql::unregister_waiter, Parameters().add(registration.id).add(database_.store()));
}

void PoolNotifications::check_id(const std::string& pool, Registration& registration) {
    const Rows known = execute(sql::pool_id_by_name, Parameters().add(pool));
    const PoolId id = known.size() == 0 ? PoolId() : known.id<PoolId>(0, 0);
    registration.check = id.is_nil();
    if (id == registration.id) return;
    unregister(registration);
    registration = register_for(pool);
    registration.complete = false;  // until the waiters have attempted again, see is_notified()
}

SteadyTime PoolNotifications::maintain(SteadyTime now) {
    SteadyTime next = SteadyTime::max();
    for (auto& [pool, registration] : registrations_) {
        if (registration.check) check_id(pool, registration);
        if (registration.id.is_nil()) {
            next = std::min(next, now + longest_check_pause);
            continue;
        }
        if (now >= registration.renew_at) renew(registration);
        if (!registration.complete && now >= registration.check_at) check_earlier_transactions(registration);
        next = std::min(next, registration.check ? now : registration.renew_at);
        if (!registration.complete) next = std::min(next, registration.check_at);
    }
    return next;
}

void PoolNotifications::renew(Registration& registration) {
    const SteadyTime now = Steady::now();
    const bool lapsed =
        registration.renew_at == SteadyTime{} || now >= registration.renew_at + (validity - between_renewals);
    execute(sql::register_waiter,
            Parameters().add(registration.id).add(database_.store()).add(std::int64_t{validity.count()}));
    registration.renew_at = now + between_renewals;
    if (!lapsed) return;
    registration.complete = false;
    registration.earlier = execute(sql::running_transactions, {}).texts(0, 0);
    registration.complete_by = now + database_.options().statement_timeout * bulk_timeout_factor;
    registration.check_pause = first_check_pause;
    registration.check_at = now + registration.check_pause;
}

void PoolNotifications::check_earlier_transactions(Registration& registration) {
    if (!registration.earlier.empty()) {
        registration.earlier =
            execute(sql::still_running_transactions, Parameters().add(registration.earlier)).texts(0, 0);
    }
    const SteadyTime now = Steady::now();
    registration.complete = registration.earlier.empty() || now >= registration.complete_by;
    registration.check = registration.complete;  // one of them may have removed the pool
    registration.check_pause = std::min(registration.check_pause * 2, longest_check_pause);
    registration.check_at = now + registration.check_pause;
}

bool PoolNotifications::is_notified(const std::string& pool) const {
    const auto entry = registrations_.find(pool);
    return entry != registrations_.end() && entry->second.complete;
}

std::set<std::string> PoolNotifications::take_notifications() {
    std::set<std::string> pools;
    for (const Notification& notification : connection_->take_notifications()) {
        for (auto& [pool, registration] : registrations_) {
            if (channel_of(registration.id) != notification.channel) continue;
            pools.insert(pool);
            registration.check = registration.check || notification.payload == "pool";
        }
    }
    return pools;
}

}  // namespace pharox::postgres
