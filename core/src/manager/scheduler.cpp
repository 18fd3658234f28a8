#include "manager/scheduler.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "pharox/errors.hpp"

namespace pharox {

/// Outlives the Scheduler while one of its threads still uses it.
struct Scheduler::Queue {
    explicit Queue(std::size_t most) : most_threads(most) {}

    const std::size_t most_threads;
    std::mutex mutex;
    std::condition_variable changed;
    bool stopped = false;
    std::multimap<Time, Task> tasks;
    std::size_t waiting = 0;  // threads that run no task
    std::vector<std::thread> threads;
};

Scheduler::Scheduler(std::size_t most_threads) : queue_(std::make_shared<Queue>(most_threads)) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::stop() noexcept {
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(queue_->mutex);
        queue_->stopped = true;
        threads.swap(queue_->threads);
    }
    queue_->changed.notify_all();
    for (std::thread& thread : threads) {
        if (thread.get_id() == std::this_thread::get_id()) {
            thread.detach();  // it cannot wait for itself, and ends when the task that destroys this returns
        } else {
            thread.join();
        }
    }
}

void Scheduler::add(Time first, Task task) {
    {
        const std::lock_guard lock(queue_->mutex);
        try {
            start_if_all_are_busy(queue_);
        } catch (const std::system_error& error) {
            if (queue_->threads.empty())
                throw Error(std::string("cannot start the thread of scheduled tasks: ") + error.what());
        }
        queue_->tasks.emplace(first, std::move(task));
    }
    queue_->changed.notify_all();
}

void Scheduler::start_if_all_are_busy(const std::shared_ptr<Queue>& queue) {
    if (queue->stopped || queue->waiting > 0 || queue->threads.size() >= queue->most_threads) return;
    queue->threads.emplace_back([queue] { run(queue); });
    ++queue->waiting;
}

void Scheduler::run(const std::shared_ptr<Queue>& queue) {
    std::unique_lock lock(queue->mutex);
    while (!queue->stopped) {
        if (queue->tasks.empty()) {
            queue->changed.wait(lock);
            continue;
        }
        const Time next = queue->tasks.begin()->first;
        if (std::chrono::steady_clock::now() < next) {
            queue->changed.wait_until(lock, next);
            continue;
        }
        Task task = std::move(queue->tasks.extract(queue->tasks.begin()).mapped());
        --queue->waiting;
        if (!queue->tasks.empty()) {
            try {
                start_if_all_are_busy(queue);
            } catch (const std::system_error&) {
                static_cast<void>(queue);  // the running threads take the tasks later
            }
            queue->changed.notify_one();
        }
        lock.unlock();
        const std::optional<Time> again = task();
        if (!again) task = nullptr;  // destroyed without a lock held
        lock.lock();
        ++queue->waiting;
        if (again) queue->tasks.emplace(*again, std::move(task));
    }
}

}  // namespace pharox
