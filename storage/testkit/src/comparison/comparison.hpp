// One random history on a store and on the model.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "comparison/answers.hpp"
#include "comparison/dice.hpp"
#include "pharox/storage/in_memory.hpp"
#include "runner/context.hpp"

namespace pharox::testkit {

/// Which calls a history is made of depends on what the store has.
class Comparison {
  public:
    Comparison(Context& context, std::uint64_t seed);

    /// One call on both, or some time that passes. The number decides what is drawn.
    void step(int number);
    /// What the store and the model disagree about; empty while they agree.
    [[nodiscard]] const std::string& difference() const noexcept { return difference_; }
    /// The last call.
    [[nodiscard]] const std::string& last() const noexcept { return last_; }
    /// Fails the case where something had less than its share of the steps.
    void expect_enough_was_tried(int steps) const;

  private:
    struct Operation {
        int weight;
        bool possible;
        void (Comparison::*run)();
    };

    template <class Call>
    std::pair<std::string, std::string> answers(const Call& call);
    template <class Call>
    void both(const std::string& what, const Call& call);
    void compare(const std::string& real, const std::string& model);
    /// Whether the store may choose any proxy that fits; the model then leases the same one.
    [[nodiscard]] bool store_chooses(Selector selector) const;
    void cleanup();
    void count(const std::string& what) { ++tried_[what]; }
    void count_asked(const ProxyFilters& filters, Selector selector, bool allow_slow);

    void remember(const Lease& lease);
    void forget();
    LeaseId known_lease();
    ProxyId known_proxy();
    std::string pool();
    std::string consumer();
    AcquireRequest drawn_acquire();
    /// Makes the request a repeat of an earlier one.
    void ask_again(AcquireRequest& request);

    void pass_time();
    void acquire();
    void acquire_at_random(const AcquireRequest& request);
    void acquire_many();
    void create_lease();
    void find();
    void find_at_random(const FindRequest& request);
    void release();
    void release_many();
    void renew();
    void revoke();
    void ensure_consumer();
    void statistics();
    void get_lease();
    void list_leases();
    void list_proxies();
    void audit();
    void apply_health();
    void save_record();
    void read_health();
    void add_proxy();
    void add_proxies();
    void change_proxy();
    void remove_proxy();

    Context& context_;
    /// Within this time after its end a lease's record is kept by every store.
    static constexpr std::chrono::minutes remembered{9};

    std::uint64_t seed_;
    Dice dice_;
    InMemoryStorage model_;
    std::vector<Operation> operations_;
    std::size_t weights_ = 0;
    std::vector<ProxyPool> pools_;
    std::vector<Proxy> proxies_;
    std::vector<Lease> leases_;
    std::vector<std::pair<RecordId, Timestamp>> records_;  // with their times
    std::map<std::string, int> tried_;
    std::string last_;
    std::string difference_;
};

template <class Call>
std::pair<std::string, std::string> Comparison::answers(const Call& call) {
    const auto answer = [&](IStorage& store) -> std::string {
        try {
            return call(store);
        } catch (const std::exception& error) {
            return name_of(error);
        }
    };
    auto real = answer(context_.store());
    return {std::move(real), answer(model_)};
}

template <class Call>
void Comparison::both(const std::string& what, const Call& call) {
    last_ = what;
    const auto [real, model] = answers(call);
    compare(real, model);
}

}  // namespace pharox::testkit
