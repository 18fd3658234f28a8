// Waiting for a condition, not for a time.
#pragma once

#include <chrono>
#include <thread>

namespace pharox::test {

inline constexpr std::chrono::seconds patience{60};  // far more than a slow machine needs

/// Looks again and again until `condition()` holds; whether it did before the patience was over.
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
