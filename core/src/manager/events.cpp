#include "pharox/manager/events.hpp"

#include <ostream>

#include "model/json_fields.hpp"

namespace pharox {
namespace {

using json_fields::Reader;
using json_fields::Writer;

template <class Fields, class Event>
void acquire_fields(Fields& fields, Event& event) {
    fields.optional("lease", event.lease);
    fields.optional("miss", event.miss);
    fields.required("pool_name", event.pool_name);
    fields.required("consumer_name", event.consumer_name);
    fields.defaulted("filters", event.filters);
    fields.defaulted("selector", event.selector);
    fields.required("started_at", event.started_at);
    fields.required("completed_at", event.completed_at);
    fields.defaulted("duration_us", event.duration);
    fields.optional("pool_stats", event.pool_stats);
}

template <class Fields, class Event>
void release_fields(Fields& fields, Event& event) {
    fields.required("lease", event.lease);
    fields.required("pool_name", event.pool_name);
    fields.required("reason", event.reason);
    fields.required("released_at", event.released_at);
    fields.defaulted("lease_duration_us", event.lease_duration);
    fields.optional("pool_stats", event.pool_stats);
}

void drop_predicates(ProxyFilters& filters) {
    filters.predicate = nullptr;
    for (auto* const children : {&filters.all_of, &filters.any_of, &filters.none_of}) {
        for (ProxyFilters& child : *children) drop_predicates(child);
    }
}

}  // namespace

Json to_json(const AcquireEventPayload& event) {
    AcquireEventPayload plain = event;
    drop_predicates(plain.filters);
    Writer writer;
    acquire_fields(writer, plain);
    return writer.take();
}

Json to_json(const ReleaseEventPayload& event) {
    Writer writer;
    release_fields(writer, event);
    return writer.take();
}

template <>
AcquireEventPayload from_json(const Json& json) {
    AcquireEventPayload event;
    Reader reader(json, "acquire_event");
    acquire_fields(reader, event);
    reader.finish();
    validate(event.filters);
    if (event.lease.has_value() == event.miss.has_value()) {
        throw ValidationError("miss", {}, "belongs to an event without a lease, and only there");
    }
    return event;
}

template <>
ReleaseEventPayload from_json(const Json& json) {
    ReleaseEventPayload event;
    Reader reader(json, "release_event");
    release_fields(reader, event);
    reader.finish();
    return event;
}

std::ostream& operator<<(std::ostream& out, const AcquireEventPayload& event) {
    return out << to_json(event);
}
std::ostream& operator<<(std::ostream& out, const ReleaseEventPayload& event) {
    return out << to_json(event);
}

}  // namespace pharox
