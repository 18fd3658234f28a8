#pragma once

#include <exception>
#include <string>
#include <utility>

namespace pharox::serverkit {

/// The connection was lost, or cannot be made. Never leaves an adapter.
struct ConnectionLost : std::exception {
    ConnectionLost() = default;
    explicit ConnectionLost(std::string text) : message(std::move(text)) {}
    std::string message;
    bool sent = false;       ///< the request may have been executed
    bool permanent = false;  ///< the server rejected the login; a retry cannot succeed
    [[nodiscard]] const char* what() const noexcept override { return message.c_str(); }
};

}  // namespace pharox::serverkit
