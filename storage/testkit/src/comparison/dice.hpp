// Draws what a random history needs, the same from the same seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "pharox/filters.hpp"
#include "pharox/model/health.hpp"
#include "pharox/selector.hpp"

namespace pharox::testkit {

class Dice {
  public:
    /// Each step of a history has dice of its own, so that a step draws the same when others are left out.
    Dice(std::uint64_t seed, std::uint64_t step);

    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class T>
    const T& of(const std::vector<T>& some) {
        return some[below(some.size())];
    }
    template <class AnyId>
    AnyId id() {
        return AnyId(uuid());
    }

    /// One or two conditions of any kind except exclude, a third of the time none.
    ProxyFilters filters(int depth = 0);
    Selector selector() { return static_cast<Selector>(below(6)); }
    Duration duration();
    /// What a proxy is like, from few enough values that filters hit.
    void vary(Proxy& proxy);
    HealthCheckResult check(ProxyId proxy, Timestamp now);
    ProxyHealthRecord record(ProxyId proxy, Timestamp now);

  private:
    UuidBytes uuid();
    void add_condition(ProxyFilters& filters, int depth);
    std::string text() { return of<std::string>({"a", "b", "A"}); }
    OneOf<std::string> texts() {
        return one_in(2) ? OneOf<std::string>(text()) : OneOf<std::string>{text(), text()};
    }
    std::optional<std::string> maybe_text() { return one_in(4) ? std::nullopt : std::optional(text()); }
    ProxyProtocol protocol() { return one_in(3) ? ProxyProtocol::socks5 : ProxyProtocol::http; }
    double degrees() { return 10.0 * static_cast<double>(below(3)); }

    std::mt19937_64 random_;
};

/// The kinds of conditions in a filter, at any depth: "country", "none_of" …
std::vector<std::string> kinds_in(const ProxyFilters& filters);

}  // namespace pharox::testkit
