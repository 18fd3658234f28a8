// Which bug a RecordStore has on purpose.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace pharox::testkit::independent {

/// Asked where the wrong line would stand: `planted("name") ? wrong : right`.
class Planted {
  public:
    Planted() = default;
    explicit Planted(std::string name) : name_(std::move(name)) {}
    bool operator()(std::string_view name) const noexcept { return name == name_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

  private:
    std::string name_;  // empty: none
};

}  // namespace pharox::testkit::independent
