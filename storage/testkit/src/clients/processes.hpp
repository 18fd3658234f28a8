// Other processes, for the cases that need some.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "runner/context.hpp"

namespace pharox::testkit {

/// Waits until every child got here. Call it once, when the store is open.
using Ready = std::function<void()>;

/// Forks `count` processes that each run `work(number, ready)`, and returns what each returned. A child that
/// throws, crashes, or outlives `limit` fails the case; leftovers are killed. The context's own store is
/// closed first if it is durable, since handles do not survive a fork: children open theirs with
/// `context.open()`.
std::vector<std::string> in_processes(Context& context, int count,
                                      const std::function<std::string(int number, const Ready& ready)>& work,
                                      std::chrono::seconds limit = std::chrono::seconds(240));

/// One process that runs `work(say)` until it is killed. `say` hands a line to the parent, at once.
class Victim {
  public:
    using Say = std::function<void(const std::string& line)>;
    Victim(Context& context, const std::function<void(const Say& say)>& work);
    ~Victim();
    Victim(const Victim&) = delete;
    Victim& operator=(const Victim&) = delete;
    /// SIGKILLs it as soon as it has said `lines` lines, and returns all that it said.
    std::vector<std::string> kill_after(std::size_t lines);

  private:
    int pid_ = -1;
    int said_ = -1;
};

}  // namespace pharox::testkit
