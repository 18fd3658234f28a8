// What calls that share a trip have in common.
#pragma once

#include <algorithm>
#include <vector>

#include "leasing.hpp"

namespace pharox::postgres {

template <class Call>
std::vector<Call*> Leasing::as_one(std::span<Call* const> group) {
    std::vector<Call*> calls(group.begin(), group.end());
    // Two groups that have ids in common wait for each other in one order.
    std::ranges::sort(calls, {}, [](const Call* call) { return call->id; });
    // Whoever is left goes by itself, behind the other.
    const auto same = [](const Call* left, const Call* right) { return left->id == right->id; };
    calls.erase(std::ranges::unique(calls, same).begin(), calls.end());
    const std::int64_t key = new_call_key();
    for (Call* const call : calls) call->call = key;
    return calls;
}

template <class Call>
std::optional<Rows> Leasing::ask_together(const std::vector<Call*>& calls, std::string_view name,
                                          const std::string& statement, const Parameters& parameters) {
    bool in_doubt = false;
    std::optional<Rows> rows;
    try {
        rows = database_.try_once({.name = name, .in_doubt = &in_doubt}, [&](Connection& connection) {
            return connection.execute(statement, parameters);
        });
    } catch (const StorageError& error) {
        for (Call* const call : calls) call->unavailable = error;
    }
    for (Call* const call : calls) call->in_doubt = in_doubt;
    return rows;
}

}  // namespace pharox::postgres
