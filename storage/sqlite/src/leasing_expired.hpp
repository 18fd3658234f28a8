// Where a call gathers the expired leases that it ended.
#pragma once

#include "leasing.hpp"

namespace pharox::sqlite {

class Leasing::Expired {
  public:
    explicit Expired(ExpiryReports& reports) : reports_(reports) {}
    Expired(const Expired&) = delete;
    Expired& operator=(const Expired&) = delete;
    ~Expired() {
        try {
            reports_.put(std::move(leases_));
        } catch (...) {  // NOLINT(bugprone-empty-catch): out of memory; an expiry is reported once at most
        }
    }

    /// Only what is committed has ended.
    void add(std::vector<Lease>&& committed) {
        leases_.insert(leases_.end(), std::make_move_iterator(committed.begin()),
                       std::make_move_iterator(committed.end()));
    }
    std::vector<Lease> take() {
        reports_.take_into(leases_);
        return std::exchange(leases_, {});
    }

  private:
    ExpiryReports& reports_;
    std::vector<Lease> leases_;
};

}  // namespace pharox::sqlite
