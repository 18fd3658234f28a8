#include "output.hpp"

#include <algorithm>
#include <iostream>
#include <numeric>

#include "pharox/model/serialization.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

/// The approximate number of columns of the text: one per code point.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// The text, or its beginning and an ellipsis if it is wider.
std::string shortened(const std::string& text, std::size_t width) {
    if (width_of(text) <= width) return text;
    std::size_t end = 0;
    for (std::size_t left = width; end < text.size(); ++end) {
        const bool begins_character = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
        if (begins_character && left-- <= 1) break;
    }
    return text.substr(0, end) + "…";
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(const std::vector<std::string>& cells, Style style) {
    Row row{.style = style};
    row.cells.reserve(columns_.size());
    for (const std::string& cell : cells) row.cells.push_back(printable(cell));
    row.cells.resize(columns_.size());
    rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths() const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        std::size_t width = width_of(columns_[column].title);
        for (const Row& row : rows_) width = std::max(width, width_of(row.cells[column]));
        widths.push_back(width);
    }
    return widths;
}

void Table::print(std::ostream& out, const Layout& layout) const {
    std::vector<std::size_t> widths = this->widths();
    std::vector<std::size_t> shown(columns_.size());
    std::iota(shown.begin(), shown.end(), std::size_t{0});
    const auto total = [&] {
        std::size_t sum = 2 * (shown.size() - 1);
        for (const std::size_t column : shown) sum += widths[column];
        return sum;
    };
    while (layout.width > 0 && shown.size() > 1 && total() > layout.width) {
        shown.erase(
            std::ranges::min_element(shown, {}, [&](std::size_t at) { return columns_[at].priority; }));
    }
    if (layout.width > 0 && shown.size() == 1)
        widths[shown.front()] = std::min(widths[shown.front()], layout.width);

    const auto print_row = [&](const auto& cell_of) {
        for (const std::size_t column : shown) {
            const std::string cell = shortened(cell_of(column), widths[column]);
            const std::string padding(widths[column] - width_of(cell), ' ');
            const bool last = column == shown.back();
            if (columns_[column].align == Align::right) {
                out << padding << cell;
            } else {
                out << cell << (last ? "" : padding);
            }
            if (!last) out << "  ";
        }
    };
    const auto print_line = [&](std::string_view style, const auto& cell_of) {
        const bool styled = layout.colours && !style.empty();
        if (styled) out << style;
        print_row(cell_of);
        out << (styled ? "\x1b[0m\n" : "\n");
    };
    print_line("\x1b[1m", [&](std::size_t column) -> const std::string& { return columns_[column].title; });
    for (const Row& row : rows_) {
        print_line(row.style == Style::alert ? "\x1b[31m" : "",
                   [&](std::size_t column) -> const std::string& { return row.cells[column]; });
    }
}

JsonList::JsonList(std::ostream& out, std::string_view head, std::string_view tail)
    : out_(out), text_(head), tail_(tail) {}

void JsonList::add(const Json& element) {
    text_ += first_ ? "\n" : ",\n";
    text_ += element.dump();
    first_ = false;
}

void JsonList::close() {
    text_ += first_ ? "" : "\n";
    text_ += tail_;
    text_ += '\n';
    out_ << text_;
    text_.clear();
}

std::string proxy_text(const Proxy& proxy, Secrets secrets) {
    // Only a lease fills in a template, so there is no URL yet.
    const bool is_template = proxy.credentials && proxy.credentials->template_;
    return secrets == Secrets::shown && !is_template ? proxy.url() : proxy.redacted_url();
}

Json proxy_json(const Proxy& proxy, Secrets secrets) {
    return secrets == Secrets::shown ? to_json(proxy) : to_redacted_json(proxy);
}

Json lease_json(const LeasedProxy& leased, Secrets secrets) {
    const Lease& lease = leased.lease();
    const Json json = Json::object({
        {"lease_id", lease.id.to_string()},
        {"pool", lease.pool_name},
        {"proxy_id", lease.proxy_id.to_string()},
        {"proxy", leased.proxy().redacted_url()},
        {"acquired_at", format_timestamp(lease.acquired_at)},
        {"expires_at", format_timestamp(lease.expires_at)},
        {"fencing_token", lease.fencing_token},
    });
    return secrets == Secrets::shown ? json.with("url", leased.proxy().url()) : json;
}

std::string short_time(Timestamp instant) {
    const std::string full = format_timestamp(instant);
    const auto point = full.find('.');
    return point == std::string::npos ? full : full.substr(0, point) + "Z";
}

void complain(std::string_view message) {
    std::cerr << "pharox: " << printable(message) << '\n' << std::flush;
}

}  // namespace pharox::cli
