// Pages of long lists.
#pragma once

#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] pharox {

/// A part of a list, and the position of the next part.
template <class T>
struct Page {
    std::vector<T> items{};
    std::string next{};  ///< pass as `after` for the next page; empty at the end
};

}  // namespace pharox
