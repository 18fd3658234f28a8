#include "filter_sql.hpp"

#include <algorithm>
#include <array>

namespace pharox::sqlkit {

namespace {

// Larger filters are evaluated in this process, because databases limit both.
constexpr std::size_t max_values = 4'000;
constexpr std::size_t max_terms = 2'000;

std::string filled(std::string_view fragment, std::string_view mark, std::string_view text) {
    std::string result(fragment);
    for (std::size_t at = result.find(mark); at != std::string::npos;
         at = result.find(mark, at + text.size())) {
        result.replace(at, mark.size(), text);
    }
    return result;
}

class Compiler {
  public:
    Compiler(const Dialect& dialect, Attribute served) : dialect_(dialect), served_(served) {}

    FilterSql compile(const ProxyFilters& filters) {
        const std::vector<std::string> terms = terms_of(filters, true, true);
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
    /// The terms of the conjunction. With `upper` they are true for every row that matches for some result of
    /// the predicates; without, only for rows that match for every result. A negation swaps the two.
    std::vector<std::string> terms_of(const ProxyFilters& filters, bool upper, bool root) {
        std::vector<std::string> terms;
        const auto served = [&](Attribute attribute) { return root && served_ == attribute; };
        if (!served(Attribute::asn)) add_one_of(terms, "asn", filters.asn);
        if (!served(Attribute::city)) add_one_of(terms, "city", filters.city);
        if (!served(Attribute::isp)) add_one_of(terms, "isp", filters.isp);
        if (!served(Attribute::source)) add_one_of(terms, "source", filters.source);
        if (!served(Attribute::country)) add_one_of(terms, "country", filters.country);
        if (!served(Attribute::protocol)) add_one_of(terms, "protocol", filters.protocol);
        for (const std::string& tag : filters.tags) add(terms, dialect_.tag, {tag});
        for (const MetadataFilter& wanted : filters.metadata) {
            add(terms, dialect_.metadata, dialect_.metadata_values(wanted));
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
        if (filters.predicate && !upper) terms.emplace_back(dialect_.no);
        return terms;
    }

    std::string conjunction(const ProxyFilters& filters, bool upper) {
        const std::vector<std::string> terms = terms_of(filters, upper, false);
        return terms.empty() ? std::string(dialect_.yes) : join(terms, " AND ");
    }

    /// A balanced tree, because databases limit the depth of an expression.
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

    void add(std::vector<std::string>& terms, std::string_view text, const std::vector<SqlValue>& values) {
        terms.emplace_back(text);
        values_.insert(values_.end(), values.begin(), values.end());
        ++terms_;
    }

    static SqlValue value_of(const std::string& text) { return text; }
    static SqlValue value_of(std::int64_t number) { return number; }
    static SqlValue value_of(ProxyProtocol protocol) { return static_cast<std::int64_t>(protocol); }

    template <class T>
    void add_one_of(std::vector<std::string>& terms, std::string_view column, const OneOf<T>& wanted) {
        if (wanted.empty()) return;
        ++terms_;
        std::string text =
            filled(wanted.values().size() == 1 ? dialect_.equals : dialect_.one_of, "{column}", column);
        for (const T& value : wanted.values()) values_.push_back(value_of(value));
        if (wanted.values().size() > 1) {
            text = filled(text, "{values}", value_list(wanted.values().size()));
            pad(wanted.values().size());
        }
        terms.push_back(std::move(text));
    }

    void add_place(std::vector<std::string>& terms, const ProxyFilters& filters) {
        if (!filters.latitude || !filters.longitude) return;
        if (filters.radius_km) {
            add(terms, dialect_.within, {*filters.latitude, *filters.longitude, *filters.radius_km});
        } else {
            add(terms, dialect_.at, {*filters.latitude, *filters.longitude});
        }
    }

    void add_exclusions(std::vector<std::string>& terms, const std::vector<ProxyId>& excluded) {
        if (excluded.empty()) return;
        ++terms_;
        terms.push_back(filled(dialect_.not_ids, "{values}", value_list(excluded.size())));
        for (const ProxyId& id : excluded) values_.emplace_back(id.bytes());
        pad(excluded.size());
    }

    /// Lists are padded to a power of two by repeating the last value, so that few statement texts serve all
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

    const Dialect& dialect_;
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
    if (single(filters.asn)) return {.attribute = Attribute::asn, .value = filters.asn.values().front()};
    if (single(filters.city)) return {.attribute = Attribute::city, .value = filters.city.values().front()};
    if (single(filters.isp)) return {.attribute = Attribute::isp, .value = filters.isp.values().front()};
    if (single(filters.source))
        return {.attribute = Attribute::source, .value = filters.source.values().front()};
    if (single(filters.country))
        return {.attribute = Attribute::country, .value = filters.country.values().front()};
    if (single(filters.protocol)) {
        return {.attribute = Attribute::protocol,
                .value = static_cast<std::int64_t>(filters.protocol.values().front())};
    }
    return {};
}

FilterSql compile_filter(const Dialect& dialect, const ProxyFilters& filters, Attribute served) {
    return Compiler(dialect, served).compile(filters);
}

}  // namespace pharox::sqlkit
