// Answers as texts, for comparing two stores'.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "pharox/model/serialization.hpp"
#include "pharox/storage/maintenance.hpp"
#include "pharox/storage/storage.hpp"

namespace pharox::testkit {

/// The type of an error is part of the contract; its words are not.
std::string name_of(const std::exception& error);

template <class T>
std::string text_of(const T& value) {
    return to_json(value).dump();
}
std::string text_of(const LeasedProxy& leased);
std::string text_of(const AuditResult& audit);
std::string text_of(const ReleaseResult& result);
template <class T>
std::string text_of(const std::optional<T>& value) {
    return value ? text_of(*value) : "nothing";
}
template <class T>
std::string text_of(const std::vector<T>& values) {
    std::string text = "[";
    for (const auto& value : values) {
        text += text_of(value) + '\n';
    }
    return text + "]";
}

/// Whether two reasons for a miss agree: a store may answer none_available for any of them.
bool may_both_be_true(Miss one, Miss other);

}  // namespace pharox::testkit
