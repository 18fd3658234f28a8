// The callbacks for a manager's events.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "pharox/manager/events.hpp"
#include "pharox/manager/proxy_manager.hpp"

namespace pharox {

/// Callbacks for one kind of event, in the order of their registration. Thread-safe: an event uses the list
/// as it was when the event began.
template <class Payload>
class Callbacks {
  public:
    using Callback = std::function<void(Payload)>;
    struct Entry {
        CallbackId id;
        Callback callback;
        CallbackOptions options;
    };
    using List = std::vector<Entry>;

    void add(CallbackId id, Callback callback, CallbackOptions options) {
        const std::lock_guard lock(mutex_);
        auto changed = std::make_shared<List>(*list_);
        changed->push_back({id, std::move(callback), options});
        list_ = std::move(changed);
    }
    bool remove(CallbackId id) {
        const std::lock_guard lock(mutex_);
        auto changed = std::make_shared<List>(*list_);
        const auto removed = std::erase_if(*changed, [&](const Entry& entry) { return entry.id == id; });
        list_ = std::move(changed);
        return removed > 0;
    }
    [[nodiscard]] std::shared_ptr<const List> list() const {
        const std::lock_guard lock(mutex_);
        return list_;
    }

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const List> list_ = std::make_shared<List>();
};

}  // namespace pharox
