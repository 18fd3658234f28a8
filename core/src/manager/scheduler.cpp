#include "manager/scheduler.hpp"

#include <condition_variable>
#include <map>

namespace pharox {

/// Outlives the Scheduler while its thread still looks at it.
struct Scheduler::Queue {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::multimap<Time, Task> tasks;
};

Scheduler::Scheduler() : queue_(std::make_shared<Queue>()) {}

Scheduler::~Scheduler() {
    if (thread_.joinable() && thread_.get_id() == std::this_thread::get_id()) {
        thread_.request_stop();  // a thread cannot wait for itself; it ends when the task that brought us
                                 // here returns
        thread_.detach();
    }
}

void Scheduler::add(Time first, Task task) {
    {
        const std::lock_guard lock(queue_->mutex);
        queue_->tasks.emplace(first, std::move(task));
    }
    queue_->changed.notify_all();
    const std::lock_guard lock(thread_mutex_);
    if (!thread_.joinable()) {
        thread_ = std::jthread([queue = queue_](const std::stop_token& stop) { run(stop, *queue); });
    }
}

void Scheduler::run(const std::stop_token& stop, Queue& queue) {
    std::unique_lock lock(queue.mutex);
    while (!stop.stop_requested()) {
        if (queue.tasks.empty()) {
            queue.changed.wait(lock, stop, [&] { return !queue.tasks.empty(); });
            continue;
        }
        const Time next = queue.tasks.begin()->first;
        if (std::chrono::steady_clock::now() < next) {
            queue.changed.wait_until(lock, stop, next, [&] { return queue.tasks.begin()->first < next; });
            continue;
        }
        Task task = std::move(queue.tasks.extract(queue.tasks.begin()).mapped());
        lock.unlock();
        const std::optional<Time> again = task();
        if (!again) task = nullptr;  // what it owns goes while nothing is locked
        lock.lock();
        if (again) queue.tasks.emplace(*again, std::move(task));
    }
}

}  // namespace pharox
