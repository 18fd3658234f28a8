// Waiting for a condition, not for a time.
#pragma once

#include <chrono>
#include <thread>

namespace pharox::test {

inline constexpr std::chrono::seconds patience{60};  // much more than a slow machine needs

/// Polls until `condition()` is true; returns whether it was before the timeout.
template <class Condition>
bool eventually(const Condition& condition, std::chrono::milliseconds limit = patience) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace pharox::test
