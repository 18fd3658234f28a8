// Output for people and scripts.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "pharox/model/json.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"

namespace pharox::cli {

/// A table whose columns are as wide as their widest cell. Control characters are escaped.
class Table {
  public:
    enum class Align : std::uint8_t { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
        int priority =
            0;  ///< of a table that is too wide, columns with the lowest priority are left out first
    };
    enum class Style : std::uint8_t { plain, alert };
    struct Layout {
        std::size_t width = 0;  ///< no line is longer; 0: no limit
        bool colours = false;   ///< a bold head, and rows of style alert in red
    };
    explicit Table(std::vector<Column> columns);
    void add_row(const std::vector<std::string>& cells, Style style = Style::plain);
    void print(std::ostream& out) const { print(out, Layout{}); }
    void print(std::ostream& out, const Layout& layout) const;

  private:
    struct Row {
        std::vector<std::string> cells;
        Style style = Style::plain;
    };
    [[nodiscard]] std::vector<std::size_t> widths() const;

    std::vector<Column> columns_;
    std::vector<Row> rows_;
};

/// Builds `{"name": [element, …]}` or `[…]`, one element per line. Nothing is printed before close(), so a
/// failure leaves no incomplete document.
class JsonList {
  public:
    /// `head` precedes the elements, such as `{"proxies": [`; `tail` follows them.
    JsonList(std::ostream& out, std::string_view head, std::string_view tail);
    JsonList(const JsonList&) = delete;
    JsonList& operator=(const JsonList&) = delete;
    void add(const Json& element);
    void close();

  private:
    std::ostream& out_;
    std::string text_;
    std::string tail_;
    bool first_ = true;
};

enum class Secrets : std::uint8_t { hidden, shown };

/// The proxy's URL, with `***` for user and password unless secrets are to be shown.
std::string proxy_text(const Proxy& proxy, Secrets secrets);
Json proxy_json(const Proxy& proxy, Secrets secrets);
/// A lease as JSON: lease_id, pool, proxy_id, proxy, acquired_at, expires_at, fencing_token, and `url` if
/// secrets are to be shown.
Json lease_json(const LeasedProxy& leased, Secrets secrets);

/// An instant without its fraction: 2026-01-31T08:00:00Z.
std::string short_time(Timestamp instant);

/// Prints `pharox: …` on standard error, in one line.
void complain(std::string_view message);

}  // namespace pharox::cli
