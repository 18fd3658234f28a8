#include "predicate_cursor.hpp"

#include <algorithm>

namespace pharox::sqlkit {

namespace {

constexpr std::size_t read_at_once = 64;

}  // namespace

PredicateCursor::PredicateCursor(CandidateReader& reader) : reader_(reader) {
    std::tie(ready_, rest_) = reader.first(read_at_once);
}

std::optional<Proxy> PredicateCursor::next() {
    while (next_ready_ == ready_.size() && next_rest_ < rest_.size()) {
        const std::size_t count = std::min(read_at_once, rest_.size() - next_rest_);
        ready_ = reader_.still_available(std::span(rest_).subspan(next_rest_, count));
        next_ready_ = 0;
        next_rest_ += count;
    }
    if (next_ready_ == ready_.size()) return std::nullopt;
    return std::move(ready_[next_ready_++]);
}

}  // namespace pharox::sqlkit
