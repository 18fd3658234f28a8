#include "listener.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "catalog_queries.hpp"
#include "pharox/errors.hpp"
#include "upkeep_queries.hpp"

namespace pharox::postgres {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// Who dies without a word is notified in vain for so long.
constexpr milliseconds validity(30'000);
constexpr milliseconds between_renewals(10'000);
/// Waits that follow each other closely need not register each time.
constexpr milliseconds linger(1'000);
constexpr milliseconds idle_before_closing(30'000);
constexpr milliseconds longest_statement(5'000);
constexpr milliseconds first_backoff(100);
constexpr milliseconds longest_backoff(10'000);
constexpr milliseconds first_settling_pause(2);
constexpr milliseconds longest_settling_pause(100);
/// Leases may expire densely.
constexpr milliseconds shortest_quiet(10);
constexpr int patience_of_transactions = 10;  // see Connection::take_time()

/// As a notification names it.
std::string channel(PoolId pool) { return "pharox_" + pool.to_string(); }
/// LISTEN takes no parameters; an id is hexadecimal digits.
std::string quoted_channel(PoolId pool) { return '"' + channel(pool) + '"'; }

}  // namespace

Listener::Listener(Database& database, std::function<void(std::string_view pool)> on_available)
    : database_(database),
      on_available_(std::move(on_available)),
      wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_up_ < 0) throw Error("eventfd: " + std::generic_category().message(errno));
}

Listener::~Listener() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    interrupt();
    if (thread_.joinable()) thread_.join();
    ::close(wake_up_);
}

void Listener::watch(const std::string& pool) noexcept {
    const std::lock_guard lock(mutex_);
    const auto [entry, is_new] = pools_.try_emplace(pool);
    entry->second.reset();
    if (!is_new) return;
    all_told_ = false;
    if (!thread_.joinable()) {
        try {
            thread_ = std::thread([this] { run(); });
        } catch (const std::system_error&) {
            return;  // the queue polls, for quiet() returns 0; the watch of another pool tries again
        }
    }
    interrupt();
}

void Listener::unwatch(const std::string& pool) noexcept {
    const std::lock_guard lock(mutex_);
    const auto entry = pools_.find(pool);
    if (entry != pools_.end()) entry->second = Steady::now();
    next_expiries_.erase(pool);
}

Duration Listener::quiet(const std::string& pool) noexcept {
    if (!all_told_) return Duration(0);
    const Duration longest = database_.options().poll_interval;
    const Duration jittered =
        longest - Duration(jitter_() % static_cast<std::uint64_t>(longest.count() / 2 + 1));
    SteadyTime next_expiry = SteadyTime::max();
    {
        const std::lock_guard lock(mutex_);
        const auto known = next_expiries_.find(pool);
        if (known != next_expiries_.end()) next_expiry = known->second;
    }
    const auto expiry = std::chrono::ceil<milliseconds>(next_expiry - Steady::now());
    return std::max(std::min<Duration>(jittered, expiry), shortest_quiet);
}

void Listener::next_expiry_is_in(const std::string& pool, std::optional<Duration> time) noexcept {
    const std::lock_guard lock(mutex_);
    if (!pools_.contains(pool)) return;
    next_expiries_[pool] = time ? Steady::now() + std::min(*time, max_lease_duration) : SteadyTime::max();
}

void Listener::interrupt() const noexcept { ::eventfd_write(wake_up_, 1); }

void Listener::run() {
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
        }
        SteadyTime next{};
        try {
            next = step();
        } catch (const std::exception& error) {
            disconnect(error.what());
        }
        wait(next);
    }
    try {
        for (const auto& [pool, registration] : registrations_) leave(registration);
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it ends by itself
    }
}

SteadyTime Listener::step() {
    const std::set<std::string> pools = wanted();
    const SteadyTime now = Steady::now();
    if (!connection_) {
        if (pools.empty() || pooled_) return SteadyTime::max();
        if (now < next_try_) return next_try_;
        connect();
        if (pooled_) return SteadyTime::max();
    }
    for (auto entry = registrations_.begin(); entry != registrations_.end();) {
        if (pools.contains(entry->first)) {
            ++entry;
        } else {
            leave(entry->second);
            entry = registrations_.erase(entry);
        }
    }
    for (const std::string& pool : pools) {
        if (!registrations_.contains(pool)) enter(pool);
    }
    SteadyTime next = now + linger;
    for (auto& [pool, registration] : registrations_) {
        if (now >= registration.renew_at) renew(registration);
        if (!registration.older.empty() && now >= registration.look_at) settle(registration);
        next = std::min(next, registration.renew_at);
        if (!registration.older.empty()) next = std::min(next, registration.look_at);
    }
    pass_on_notifications();
    judge();
    if (!pools.empty()) {
        idle_since_ = now;
    } else if (now - idle_since_ >= idle_before_closing) {
        connection_.reset();
        next = SteadyTime::max();
    }
    return next;
}

void Listener::pass_on_notifications() {
    const std::set<std::string> channels = connection_->take_notifications();
    if (channels.empty()) return;
    for (const auto& [pool, registration] : registrations_) {
        if (channels.contains(channel(registration.id))) on_available_(pool);
    }
}

std::set<std::string> Listener::wanted() {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = Steady::now();
    std::erase_if(pools_, [&](const auto& entry) { return entry.second && now - *entry.second >= linger; });
    std::set<std::string> pools;
    for (const auto& [pool, since] : pools_) pools.insert(pool);
    return pools;
}

void Listener::connect() {
    Connection::Settings settings = database_.connection_settings();
    settings.name = "pharox waiting";
    settings.connect_timeout = std::min(settings.connect_timeout, longest_statement);
    settings.statement_timeout = std::min(settings.statement_timeout, longest_statement);
    connection_ = std::make_unique<Connection>(settings);
    if (connection_->behind_a_pooler()) {
        // What it listens for would be told to whoever has the server's connection then.
        pooled_ = true;
        connection_.reset();
        return;
    }
    if (failures_ > 0) database_.warn("who waits is told again of what other processes free");
    failures_ = 0;
}

void Listener::disconnect(const std::string& why) {
    connection_.reset();
    registrations_.clear();
    all_told_ = false;
    on_available_({});
    if (failures_ == 0) {
        database_.warn(
            "who waits is not told of what other processes free, and looks every few milliseconds: " + why);
    }
    const auto step = std::min(longest_backoff, first_backoff * (1 << std::min(failures_, 10U)));
    ++failures_;
    std::minstd_rand random(std::random_device{}());
    next_try_ = Steady::now() + step / 2 + milliseconds(random() % static_cast<unsigned>(step.count()) / 2);
}

Rows Listener::execute(std::string_view sql, const Parameters& parameters) {
    return connection_->execute(database_.in_schema(sql), parameters);
}

void Listener::enter(const std::string& pool) {
    const Rows known = execute(query::pool_by_name, Parameters().add(pool));
    if (known.size() == 0) return;
    Registration registration{.id = known.id<PoolId>(0, 0)};
    connection_->command("LISTEN " + quoted_channel(registration.id));
    renew(registration);
    registrations_.emplace(pool, std::move(registration));
}

void Listener::renew(Registration& registration) {
    const SteadyTime now = Steady::now();
    const bool lapsed =
        registration.renew_at == SteadyTime{} || now >= registration.renew_at + (validity - between_renewals);
    execute(query::enter_waiting,
            Parameters().add(registration.id).add(database_.store()).add(std::int64_t{validity.count()}));
    registration.renew_at = now + between_renewals;
    if (!lapsed) return;
    all_told_ = false;
    registration.older = execute(query::running_transactions, {}).texts(0, 0);
    registration.settled_by = now + database_.options().statement_timeout * patience_of_transactions;
    registration.pause = first_settling_pause;
    registration.look_at = now + registration.pause;
}

void Listener::settle(Registration& registration) {
    registration.older = execute(query::still_running, Parameters().add(registration.older)).texts(0, 0);
    const SteadyTime now = Steady::now();
    if (now >= registration.settled_by) registration.older.clear();
    registration.pause = std::min(registration.pause * 2, longest_settling_pause);
    registration.look_at = now + registration.pause;
}

void Listener::leave(const Registration& registration) {
    connection_->command("UNLISTEN " + quoted_channel(registration.id));
    execute(query::leave_waiting, Parameters().add(registration.id).add(database_.store()));
}

void Listener::judge() {
    {
        const std::lock_guard lock(mutex_);
        const bool told = std::all_of(pools_.begin(), pools_.end(), [&](const auto& pool) {
            const auto entry = registrations_.find(pool.first);
            return entry != registrations_.end() && entry->second.older.empty();
        });
        if (told == all_told_.exchange(told) || !told) return;
    }
    on_available_({});
}

void Listener::wait(SteadyTime until) {
    pollfd sources[2] = {{.fd = wake_up_, .events = POLLIN, .revents = 0},
                         {.fd = connection_ ? connection_->socket() : -1, .events = POLLIN, .revents = 0}};
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now());
    ::poll(sources, 2, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    eventfd_t ignored = 0;
    ::eventfd_read(wake_up_, &ignored);
}

}  // namespace pharox::postgres
