// The statements of sql/, in the storage's schema.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sql_statements.hpp"

namespace pharox::postgres {

/// One of sql::all. Made of a constant of namespace `sql` at compile time: anything else does not compile.
class StatementId {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor): so that a call names the constant alone
    consteval StatementId(std::string_view text) {
        while (index_ < sql::all.size() && sql::all.at(index_).text != text) ++index_;
        if (index_ == sql::all.size()) throw std::logic_error("not a statement of sql/");
    }
    [[nodiscard]] constexpr std::size_t index() const noexcept { return index_; }

  private:
    std::size_t index_ = 0;
};

/// Composed once, when the storage opens.
class Statements {
  public:
    /// `in_schema` replaces `pharox.` by the schema's name.
    template <class InSchema>
    explicit Statements(InSchema in_schema) {
        for (std::size_t i = 0; i < texts_.size(); ++i) texts_.at(i) = in_schema(sql::all.at(i).text);
    }
    const std::string& operator[](StatementId id) const noexcept { return texts_[id.index()]; }

  private:
    std::array<std::string, sql::all.size()> texts_;
};

}  // namespace pharox::postgres
