#include "pharox/rules/retention.hpp"

#include <string>
#include <utility>

#include "pharox/errors.hpp"

namespace pharox::rules {

namespace {

void check(const char* field, Duration value, Duration least, const char* least_text) {
    const std::string text = std::to_string(value.count());
    if (value < least) throw ValidationError(field, text, std::string("is below ") + least_text);
    if (value > max_retention) {
        throw ValidationError(field, text,
                              "is above " + std::to_string(max_retention.count()) + " (10 years)");
    }
}

}  // namespace

Timestamp forgotten_until(Timestamp now, Duration retention) noexcept { return now - retention; }
Timestamp surplus_until(Timestamp now) noexcept { return now - min_retention; }

bool is_forgotten(const Lease& as_of_now, Timestamp now, Duration retention) noexcept {
    return as_of_now.released_at && *as_of_now.released_at <= forgotten_until(now, retention);
}

std::optional<Lease> as_remembered(Lease stored, Timestamp now, Duration retention) {
    Lease lease = as_of(std::move(stored), now);
    if (is_forgotten(lease, now, retention)) return std::nullopt;
    return lease;
}

void check_retention(Duration retention, Duration health_retention, std::size_t health_records_per_proxy) {
    check("retention_ms", retention, min_retention, "600000 (10 minutes)");
    check("health_retention_ms", health_retention, Duration(1), "1");
    const std::string records = std::to_string(health_records_per_proxy);
    if (health_records_per_proxy < 1) {
        throw ValidationError("health_records_per_proxy", records, "is below 1");
    }
    if (health_records_per_proxy > max_health_records_per_proxy) {
        throw ValidationError("health_records_per_proxy", records,
                              "is above " + std::to_string(max_health_records_per_proxy));
    }
}

}  // namespace pharox::rules
