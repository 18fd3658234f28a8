#include "pharox/errors.hpp"

#include "text.hpp"

namespace pharox {
namespace {

std::string validation_text(std::string_view field, std::string_view value, std::string_view rule) {
    std::string text(field);
    text += ": ";
    if (value.data() != nullptr) {
        text += shown(value);
        text += ' ';
    }
    text += rule;
    return text;
}

std::string storage_text(const StorageError::Details& details, std::string_view why) {
    std::string text = "storage " + details.store + ": ";
    if (!details.operation.empty()) text += details.operation + ": ";
    text += why;
    if (details.outcome_unknown) text += " (it may have happened nevertheless)";
    return text;
}

}  // namespace

ValidationError::ValidationError(std::string field, std::string_view value, std::string rule)
    : Error(validation_text(field, value, rule)),
      field_(std::move(field)),
      value_(value),
      rule_(std::move(rule)) {}

LeaseEndedError::LeaseEndedError(LeaseId lease)
    : Error("lease " + lease.to_string() + " has ended; a new lease needs a new id"), lease_(lease) {}

PoolNotFoundError::PoolNotFoundError(std::string pool)
    : Error("pool " + shown(pool) + " does not exist"), pool_(std::move(pool)) {}

ProxyNotFoundError::ProxyNotFoundError(ProxyId proxy)
    : Error("proxy " + proxy.to_string() + " does not exist"), proxy_(proxy) {}

ProxyUnavailableError::ProxyUnavailableError(ProxyId proxy, std::string_view why)
    : Error("proxy " + proxy.to_string() + " is not available: " + std::string(why)), proxy_(proxy) {}

ConsumerNotFoundError::ConsumerNotFoundError(std::string consumer)
    : Error("consumer " + shown(consumer) + " does not exist"), consumer_(std::move(consumer)) {}

ConflictError::ConflictError(std::string field, std::string_view value, std::string_view why)
    : Error(field + ": " + shown(value) + " " + std::string(why)), field_(std::move(field)) {}

UnsupportedError::UnsupportedError(std::string capability)
    : Error("this storage has no " + capability), capability_(std::move(capability)) {}

StorageError::StorageError(Details details, std::string_view why)
    : Error(storage_text(details, why)), details_(std::move(details)) {}

StorageError StorageError::about(LeaseId lease) const {
    StorageError error = *this;
    error.details_.lease_id = lease;
    return error;
}

}  // namespace pharox
