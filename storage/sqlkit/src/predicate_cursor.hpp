// Candidates for a predicate, read in small batches: no transaction is open while a predicate runs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "pharox/model/proxy.hpp"

namespace pharox::sqlkit {

/// The queries of a cursor. Each call is a separate transaction.
class CandidateReader {
  public:
    CandidateReader() = default;
    CandidateReader(const CandidateReader&) = delete;
    CandidateReader& operator=(const CandidateReader&) = delete;
    virtual ~CandidateReader() = default;

    /// In one snapshot: the first `limit` candidates in order, and the ids of all further ones.
    virtual std::pair<std::vector<Proxy>, std::vector<ProxyId>> first(std::size_t limit) = 0;
    /// The proxies of those ids that are still candidates, in the given order.
    virtual std::vector<Proxy> still_available(std::span<const ProxyId> ids) = 0;
};

/// Returns the candidates one by one, in the order of the first read. A proxy that is no longer available is
/// omitted.
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
