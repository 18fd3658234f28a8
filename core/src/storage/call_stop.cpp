#include "pharox/storage/call_stop.hpp"

#include <utility>

namespace pharox {

namespace {

thread_local const std::stop_token* current = nullptr;

}  // namespace

CallStop::CallStop(const std::stop_token& stop) noexcept : outer_(std::exchange(current, &stop)) {}

CallStop::~CallStop() { current = outer_; }

bool CallStop::requested() noexcept { return current != nullptr && current->stop_requested(); }

}  // namespace pharox
