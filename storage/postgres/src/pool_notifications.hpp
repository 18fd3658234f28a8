// How PostgreSQL notifies a process of what other processes free.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "availability_watch.hpp"
#include "database.hpp"

namespace pharox::postgres {

/// For each pool that has waiters it listens on a channel, and only then registers in the table `waiting`: a
/// transaction that frees a proxy notifies a pool that has a registration. A transaction that began before
/// the registration was committed may not have seen it, so is_notified() is false until all of those have
/// ended. Behind a connection pooler nothing is notified. docs/adr/0009-notify-only-pools-with-waiters.md
class PoolNotifications final : public serverkit::NotificationSource {
  public:
    explicit PoolNotifications(Database& database) : database_(database) {}

    bool connect() override;
    void disconnect() noexcept override;
    bool subscribe(const std::string& pool) override;
    void unsubscribe(const std::string& pool) override;
    SteadyTime maintain(SteadyTime now) override;
    [[nodiscard]] bool is_notified(const std::string& pool) const override;
    std::set<std::string> take_notifications() override;
    [[nodiscard]] int socket() const noexcept override { return connection_->socket(); }

  private:
    struct Registration {
        PoolId id{};        ///< nil while no pool has the name
        bool check = true;  ///< whether the pool of that name is still this one
        SteadyTime renew_at{};
        bool complete = false;                    ///< every transaction that runs now has seen it
        std::set<std::string> earlier{};          ///< transactions that may not have seen it
        SteadyTime complete_by{};                 ///< no transaction of this adapter takes longer
        std::chrono::milliseconds check_pause{};  ///< between two checks whether those have ended
        SteadyTime check_at{};
    };

    /// For the pool that has the name now, if any.
    [[nodiscard]] Registration register_for(const std::string& pool);
    /// A pool that was removed, and one that was added with its name, have different ids.
    void check_id(const std::string& pool, Registration& registration);
    void renew(Registration& registration);
    void check_earlier_transactions(Registration& registration);
    void unregister(const Registration& registration);
    Rows execute(StatementId statement, const Parameters& parameters);

    Database& database_;
    std::unique_ptr<Connection> connection_{};
    std::map<std::string, Registration> registrations_{};
};

}  // namespace pharox::postgres
