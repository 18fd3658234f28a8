// Stores that are wrong on purpose, each in one way. The suite must detect every one of them.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "pharox/testkit/contract.hpp"

namespace pharox::testkit {

struct PlantedBug {
    std::string name;
    /// Each of these cases fails on the store; others may too. Empty: the test runs the whole suite and
    /// prints which cases fail.
    std::vector<std::string> caught_by;
    Properties store;

    friend std::ostream& operator<<(std::ostream& out, const PlantedBug& bug) { return out << bug.name; }
};

/// What is true of the in-memory storage with a bug, as `make` opens it.
Properties spoilt_store(std::function<std::shared_ptr<IStorage>(const Setup&)> make);

std::vector<PlantedBug> bugs_in_finding();
std::vector<PlantedBug> bugs_in_leasing();
std::vector<PlantedBug> bugs_in_ending();
std::vector<PlantedBug> bugs_in_control();
std::vector<PlantedBug> bugs_in_upkeep();
std::vector<PlantedBug> bugs_in_catalog();

}  // namespace pharox::testkit
