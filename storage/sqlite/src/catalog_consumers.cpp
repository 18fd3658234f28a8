#include "catalog.hpp"
#include "pharox/errors.hpp"
#include "sql_statements.hpp"

namespace pharox::sqlite {

namespace {

std::optional<Consumer> find_consumer(auto& transaction, std::string_view name) {
    Statement row = transaction.prepare(sql::consumer_by_name);
    if (!row.bind(name).step()) return std::nullopt;
    return read_consumer(row);
}

void insert_consumer(WriteTransaction& transaction, const Consumer& consumer) {
    transaction.prepare(sql::insert_consumer).bind(consumer.id).bind(consumer.name).run();
}

}  // namespace

Consumer Catalog::add_consumer(const Consumer& consumer) {
    Consumer stored = validated(consumer);
    WriteTransaction transaction(database_, {.name = "add_consumer"}, Durability::power);
    if (find_consumer(transaction, stored.name)) {
        throw ConflictError("name", stored.name, "is the name of another consumer");
    }
    if (transaction.prepare(sql::consumer_by_id).bind(stored.id).step()) {
        throw ConflictError("id", stored.id.to_string(), "is the id of another consumer");
    }
    insert_consumer(transaction, stored);
    transaction.commit();
    return stored;
}

ConsumerId Catalog::ensure_consumer(const std::string& name) {
    constexpr Operation ensuring{.name = "ensure_consumer"};
    {
        ReadTransaction transaction(database_, ensuring);
        if (const auto known = find_consumer(transaction, name)) return known->id;
    }
    WriteTransaction transaction(database_, ensuring, Durability::power);
    if (const auto known = find_consumer(transaction, name)) return known->id;
    const Consumer consumer{.name = name};
    insert_consumer(transaction, consumer);
    transaction.commit();
    return consumer.id;
}

std::optional<Consumer> Catalog::get_consumer(const std::string& name) {
    ReadTransaction transaction(database_, {.name = "get_consumer"});
    return find_consumer(transaction, name);
}

Page<Consumer> Catalog::list_consumers(const ListRequest& request) {
    validate(request);
    ReadTransaction transaction(database_, {.name = "list_consumers"});
    Statement rows = transaction.prepare(sql::list_consumers);
    rows.bind(request.after).bind(static_cast<std::int64_t>(request.limit) + 1);
    std::vector<Consumer> consumers;
    while (rows.step()) consumers.push_back(read_consumer(rows));
    return page_by_name(std::move(consumers), request.limit);
}

RemoveResult Catalog::remove_consumer(const std::string& name, bool force) {
    WriteTransaction transaction(database_, {.name = "remove_consumer"}, Durability::power);
    transaction.read_state();
    const auto consumer = find_consumer(transaction, name);
    if (!consumer) return {};
    std::vector<Lease> active;
    {
        Statement rows = transaction.prepare(sql::active_leases_of_consumer);
        rows.bind(consumer->id);
        while (rows.step()) active.push_back(read_lease(rows));
    }
    std::vector<Lease> expired;
    const std::int64_t revoked = revoke_all(transaction, std::move(active), force, expired, [&] {
        return ConflictError("consumer", name, "has active leases");
    });
    transaction.prepare(sql::delete_consumer).bind(consumer->id).run();
    transaction.commit();
    reports_.put(std::move(expired));
    return {.removed = true, .revoked_leases = revoked};
}

}  // namespace pharox::sqlite
