#include "filter_sql.hpp"

#include <algorithm>
#include <array>

namespace pharox::sqlite {

namespace {

// Past these a statement is left to the evaluator: databases bound both.
constexpr std::size_t max_values = 4'000;
constexpr std::size_t max_terms = 2'000;

/// Fragments. Each is true or false for every row, never NULL, so that NOT of it is too.
namespace fragment {
constexpr std::string_view metadata = "pharox_metadata_equals(metadata, ?, ?)";
constexpr std::string_view tag = "pharox_has_tag(tags, ?)";
constexpr std::string_view within = "pharox_within(latitude, longitude, ?, ?, ?)";
constexpr std::string_view at = "pharox_at(latitude, longitude, ?, ?)";
}  // namespace fragment

class Compiler {
  public:
    explicit Compiler(Attribute served) : served_(served) {}

    FilterSql compile(const ProxyFilters& filters) {
        std::vector<std::string> terms = terms_of(filters, true, true);
        FilterSql result;
        if (values_.size() > max_values || terms_ > max_terms) {
            result.exact = false;
            return result;
        }
        for (const std::string& term : terms) result.where += " AND " + term;
        result.values = std::move(values_);
        result.exact = !filters.has_predicate();
        return result;
    }

  private:
    /// The conjunction's terms. With `upper` they hold for every row that might match, whatever the
    /// predicates say; without, only for those that match for certain. Under a negation the two change
    /// places.
    std::vector<std::string> terms_of(const ProxyFilters& filters, bool upper, bool root) {
        std::vector<std::string> terms;
        const auto served = [&](Attribute attribute) { return root && served_ == attribute; };
        if (!served(Attribute::asn)) add_one_of(terms, "asn", filters.asn);
        if (!served(Attribute::city)) add_one_of(terms, "city", filters.city);
        if (!served(Attribute::isp)) add_one_of(terms, "isp", filters.isp);
        if (!served(Attribute::source)) add_one_of(terms, "source", filters.source);
        if (!served(Attribute::country)) add_one_of(terms, "country", filters.country);
        if (!served(Attribute::protocol)) add_one_of(terms, "protocol", filters.protocol);
        for (const std::string& tag : filters.tags) add(terms, fragment::tag, {tag});
        for (const MetadataFilter& wanted : filters.metadata) {
            add(terms, fragment::metadata, {to_pointer(wanted.path), wanted.equals.dump()});
        }
        add_place(terms, filters);
        add_exclusions(terms, filters.exclude);
        for (const ProxyFilters& part : filters.all_of) terms.push_back(conjunction(part, upper));
        if (!filters.any_of.empty()) {
            std::vector<std::string> parts;
            for (const ProxyFilters& part : filters.any_of) parts.push_back(conjunction(part, upper));
            terms.push_back(join(parts, " OR "));
        }
        for (const ProxyFilters& part : filters.none_of) terms.push_back("NOT " + conjunction(part, !upper));
        if (filters.predicate && !upper) terms.emplace_back("0");
        return terms;
    }

    std::string conjunction(const ProxyFilters& filters, bool upper) {
        const std::vector<std::string> terms = terms_of(filters, upper, false);
        return terms.empty() ? "1" : join(terms, " AND ");
    }

    /// Balanced, since databases bound the depth of an expression.
    static std::string join(const std::vector<std::string>& parts, std::string_view with) {
        return join(parts.data(), parts.size(), with);
    }
    static std::string join(const std::string* parts, std::size_t count, std::string_view with) {
        if (count == 1) return *parts;
        const std::size_t half = count / 2;
        std::string text = "(";
        text += join(parts, half, with);
        text += with;
        text += join(parts + half, count - half, with);
        text += ")";
        return text;
    }

    void add(std::vector<std::string>& terms, std::string_view text, std::initializer_list<SqlValue> values) {
        terms.emplace_back(text);
        values_.insert(values_.end(), values);
        ++terms_;
    }

    static SqlValue value_of(const std::string& text) { return text; }
    static SqlValue value_of(std::int64_t number) { return number; }
    static SqlValue value_of(ProxyProtocol protocol) { return static_cast<std::int64_t>(protocol); }

    template <class T>
    void add_one_of(std::vector<std::string>& terms, std::string_view column, const OneOf<T>& wanted) {
        if (wanted.empty()) return;
        ++terms_;
        std::string text(column);
        if (wanted.values().size() == 1) {
            text += " IS ?";
            values_.push_back(value_of(wanted.values().front()));
        } else {
            text = "coalesce(" + text + " IN " + value_list(wanted.values().size()) + ", 0)";
            for (const T& value : wanted.values()) values_.push_back(value_of(value));
            pad(wanted.values().size());
        }
        terms.push_back(std::move(text));
    }

    void add_place(std::vector<std::string>& terms, const ProxyFilters& filters) {
        if (!filters.latitude || !filters.longitude) return;
        if (filters.radius_km) {
            add(terms, fragment::within, {*filters.latitude, *filters.longitude, *filters.radius_km});
        } else {
            add(terms, fragment::at, {*filters.latitude, *filters.longitude});
        }
    }

    void add_exclusions(std::vector<std::string>& terms, const std::vector<ProxyId>& excluded) {
        if (excluded.empty()) return;
        ++terms_;
        terms.push_back("id NOT IN " + value_list(excluded.size()));
        for (const ProxyId& id : excluded) values_.emplace_back(id.bytes());
        pad(excluded.size());
    }

    /// Lists are filled up to a power of two by repeating the last value, so that few texts serve all
    /// lengths.
    static std::size_t padded(std::size_t count) {
        std::size_t size = 1;
        while (size < count) size *= 2;
        return size;
    }
    static std::string value_list(std::size_t count) {
        std::string text = "(?";
        for (std::size_t more = padded(count); more > 1; --more) text += ", ?";
        return text + ")";
    }
    void pad(std::size_t count) {
        for (std::size_t missing = padded(count) - count; missing > 0; --missing) {
            SqlValue last = values_.back();
            values_.push_back(std::move(last));
        }
    }

    Attribute served_;
    std::vector<SqlValue> values_{};
    std::size_t terms_ = 0;
};

}  // namespace

std::string_view column_of(Attribute attribute) noexcept {
    constexpr std::array<std::string_view, attribute_count> names = {"",       "asn",     "city",    "isp",
                                                                     "source", "country", "protocol"};
    return names[static_cast<std::size_t>(attribute)];
}

IndexedEquality indexed_equality(const ProxyFilters& filters) {
    const auto single = [](const auto& wanted) { return wanted.values().size() == 1; };
    if (single(filters.asn)) return {Attribute::asn, filters.asn.values().front()};
    if (single(filters.city)) return {Attribute::city, filters.city.values().front()};
    if (single(filters.isp)) return {Attribute::isp, filters.isp.values().front()};
    if (single(filters.source)) return {Attribute::source, filters.source.values().front()};
    if (single(filters.country)) return {Attribute::country, filters.country.values().front()};
    if (single(filters.protocol)) {
        return {Attribute::protocol, static_cast<std::int64_t>(filters.protocol.values().front())};
    }
    return {};
}

FilterSql compile_filter(const ProxyFilters& filters, Attribute served) {
    return Compiler(served).compile(filters);
}

std::string encode_tags(const std::set<std::string>& tags) {
    std::string stored;
    for (const std::string& tag : tags) {
        stored += '\0';
        stored += tag;
    }
    if (!stored.empty()) stored += '\0';
    return stored;
}

std::set<std::string> decode_tags(std::string_view stored) {
    std::set<std::string> tags;
    while (stored.size() > 1) {
        stored.remove_prefix(1);
        const std::size_t end = stored.find('\0');
        tags.emplace_hint(tags.end(), stored.substr(0, end));
        stored.remove_prefix(std::min(end, stored.size()));
    }
    return tags;
}

}  // namespace pharox::sqlite
