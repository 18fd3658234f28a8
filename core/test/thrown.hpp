// The exception of a call, as a value.
#pragma once

#include <stdexcept>
#include <string>

#include "pharox/errors.hpp"

/// The error that `call` throws. The test fails if it throws another exception or none.
template <class Thrown, class Call>
Thrown thrown_by(Call call) {
    try {
        static_cast<void>(call());
    } catch (const Thrown& error) {
        return error;
    }
    throw std::logic_error("nothing was thrown");
}

/// A ValidationError as `field | value | rule`.
template <class Call>
std::string refusal_of(Call call) {
    const auto error = thrown_by<pharox::ValidationError>(call);
    return error.field() + " | " + error.value() + " | " + error.rule();
}
