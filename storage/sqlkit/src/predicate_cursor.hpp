// Candidates for a predicate, read a few at a time: no transaction is open while a predicate runs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox::sqlkit {

/// How a cursor reads: each call is a transaction of its own.
class CandidateReader {
  public:
    CandidateReader() = default;
    CandidateReader(const CandidateReader&) = delete;
    CandidateReader& operator=(const CandidateReader&) = delete;
    virtual ~CandidateReader() = default;

    /// As of one instant: the first `limit` candidates in order, and the ids of all that follow them.
    virtual std::pair<std::vector<Proxy>, std::vector<ProxyId>> first(std::size_t limit) = 0;
    /// Those of the ids that still are candidates, in the order given.
    virtual std::vector<Proxy> still_available(std::span<const ProxyId> ids) = 0;
};

/// The candidates one by one. Their order is that of the first read; a proxy that stops being available is
/// left out.
class PredicateCursor {
  public:
    explicit PredicateCursor(CandidateReader& reader);
    std::optional<Proxy> next();

  private:
    CandidateReader& reader_;
    std::vector<Proxy> ready_{};
    std::size_t next_ready_ = 0;
    std::vector<ProxyId> rest_{};
    std::size_t next_rest_ = 0;
};

}  // namespace pharox::sqlkit
