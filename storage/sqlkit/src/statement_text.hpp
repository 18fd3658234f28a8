// Slots of a statement, such as `{filter}`, which are filled in when it is prepared.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace pharox::sqlkit {

using Slot = std::pair<std::string_view, std::string_view>;

/// The statement with every `{name}` replaced. Slots contain SQL of this code base, never a caller's value.
/// Throws std::logic_error if the text for a slot is missing.
inline std::string fill_slots(std::string_view statement, std::initializer_list<Slot> slots) {
    std::string text;
    for (std::size_t open = statement.find('{'); open != std::string_view::npos; open = statement.find('{')) {
        const std::size_t close = statement.find('}', open);
        const std::string_view name = statement.substr(open + 1, close - open - 1);
        const auto* slot = slots.begin();
        while (slot != slots.end() && slot->first != name) ++slot;
        if (slot == slots.end()) throw std::logic_error("no text for the slot " + std::string(name));
        text += statement.substr(0, open);
        text += slot->second;
        statement.remove_prefix(close + 1);
    }
    return text.append(statement);
}

}  // namespace pharox::sqlkit
