// Long lists come in pages.
#pragma once

#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] pharox {

/// A part of a list, and where the next part begins.
template <class T>
struct Page {
    std::vector<T> items{};
    std::string next{};  ///< pass as `after` for more; empty at the end
};

}  // namespace pharox
