#include "catalog.hpp"
#include "catalog_queries.hpp"
#include "pharox/errors.hpp"

namespace pharox::postgres {

Consumer Catalog::add_consumer(const Consumer& consumer) {
    Consumer stored = validated(consumer);
    database_.run({.name = "add_consumer"}, Repeat::unsent, [&](Connection& connection) {
        try {
            connection.execute(database_.in_schema(query::insert_consumer),
                               Parameters().add(stored.id).add(stored.name));
        } catch (const ServerError& error) {
            if (!error.is("23505")) throw;
            if (error.constraint == "consumer_pkey") {
                throw ConflictError("id", stored.id.to_string(), "is the id of another consumer");
            }
            throw ConflictError("name", stored.name, "is the name of another consumer");
        }
    });
    return stored;
}

std::optional<Consumer> Catalog::get_consumer(const std::string& name) {
    const Rows rows = database_.run({.name = "get_consumer"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(database_.in_schema(query::consumer_by_name), Parameters().add(name));
    });
    return rows.size() == 0 ? std::nullopt : std::optional(read_consumer(rows, 0));
}

Page<Consumer> Catalog::list_consumers(const ListRequest& request) {
    validate(request);
    const Rows rows = database_.run({.name = "list_consumers"}, Repeat::always, [&](Connection& connection) {
        return connection.execute(
            database_.in_schema(query::list_consumers),
            Parameters().add(request.after).add(static_cast<std::int64_t>(request.limit + 1)));
    });
    std::vector<Consumer> consumers;
    for (int row = 0; row < rows.size(); ++row) consumers.push_back(read_consumer(rows, row));
    return page_by_name(std::move(consumers), request.limit);
}

RemoveResult Catalog::remove_consumer(const std::string& name, bool force) {
    std::vector<Lease> expired;
    const RemoveResult result =
        database_.transact({.name = "remove_consumer"}, [&](Connection& connection) -> RemoveResult {
            expired.clear();
            const Rows consumer =
                connection.execute(database_.in_schema(query::lock_consumer), Parameters().add(name));
            if (consumer.size() == 0) return {};
            const UuidBytes id = consumer.id<ConsumerId>(0, 0).bytes();
            const std::int64_t revoked =
                end_leases(connection, query::active_of_consumer, id, force, expired,
                           [&] { return ConflictError("consumer", name, "has active leases"); });
            connection.execute(database_.in_schema(query::delete_consumer), Parameters().add(id));
            return {.removed = true, .revoked_leases = revoked};
        });
    reports_.put(std::move(expired));
    if (result.revoked_leases > 0) on_available_();
    return result;
}

ConsumerId Catalog::ensure_consumer(const std::string& name) {
    return database_.run({.name = "ensure_consumer"}, Repeat::always, [&](Connection& connection) {
        for (;;) {
            const Rows rows =
                connection.execute(database_.in_schema(query::consumer_by_name), Parameters().add(name));
            if (rows.size() > 0) return rows.id<ConsumerId>(0, 0);
            connection.execute(database_.in_schema(query::ensure_consumer),
                               Parameters().add(ConsumerId::make()).add(name));
        }
    });
}

std::int64_t Catalog::end_leases(Connection& connection, const char* which, const UuidBytes& id, bool force,
                                 std::vector<Lease>& expired, const std::function<ConflictError()>& refusal) {
    const Parameters parameters = Parameters().add(id);
    if (!force) {
        const Rows any = connection.execute(
            database_.in_schema(query::any_active + std::string(which) + " LIMIT 1"), parameters);
        if (any.size() > 0) throw refusal();
    }
    const Rows rows = connection.execute(
        database_.in_schema(query::revoke_active + std::string(which) + query::revoke_active_end),
        parameters);
    std::int64_t revoked = 0;
    for (int row = 0; row < rows.size(); ++row) {
        Lease lease = read_lease(rows, row, 0);
        if (lease.release_reason == ReleaseReason::expired) {
            expired.push_back(std::move(lease));
        } else {
            ++revoked;
        }
    }
    return revoked;
}

}  // namespace pharox::postgres
