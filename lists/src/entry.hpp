// What is common to all formats: why an entry is no proxy, and checks of its text.
#pragma once

#include <string>
#include <string_view>

#include "pharox/errors.hpp"
#include "pharox/lists/reader.hpp"

namespace pharox::lists {

/// Why an entry is not received as a proxy. Thrown where an entry is parsed, which can fail in many places,
/// and caught by receive().
struct Refusal {
    Verdict verdict;
    std::string reason;
};
[[noreturn]] inline void reject(std::string reason) {
    throw Refusal{.verdict = Verdict::rejected, .reason = std::move(reason)};
}
[[noreturn]] inline void ambiguous(std::string reason) {
    throw Refusal{.verdict = Verdict::ambiguous, .reason = std::move(reason)};
}
[[noreturn]] inline void skip(std::string reason) {
    throw Refusal{.verdict = Verdict::skipped, .reason = std::move(reason)};
}

/// Longer lines, and objects with longer texts, are rejected: no proxy needs them.
inline constexpr std::size_t max_line_bytes = 4096;
/// Lists that are read whole.
inline constexpr std::size_t max_whole_bytes = std::size_t{64} * 1024 * 1024;

struct Entry {
    Proxy proxy;  ///< validated by receive()
    bool protocol_named = false;
};

std::string_view trimmed(std::string_view text);
bool is_utf8(std::string_view text);
/// 1 to 65535, decimal, without leading zeros.
bool is_port(std::string_view text);
/// Throws Refusal, which does not show the text: it may be a password in the wrong position.
int parse_port(std::string_view text);
/// http, https, socks4, socks4a, socks5, socks5h in any case. socks4a and socks5h mean that the proxy
/// resolves names, which is the client's choice.
std::optional<ProxyProtocol> known_protocol(std::string_view name);
/// `?`, `-`, `ZZ`, `N/A`, `Unknown` and `null` stand for an absent value.
bool is_absent(std::string_view value);
/// Two upper-case letters that ISO 3166-1 has assigned.
bool is_country_code(std::string_view value);
/// Text that contains `{{USER}}` or `${USER}`, or is `<user>` or `%USER%`: a template that was not filled in.
bool is_placeholder(std::string_view text);
/// The text with the values of `{{NAME}}`. Throws Refusal for an unknown name.
std::string with_variables(std::string_view text, const ReadOptions& options);

/// Parses an entry by `parse()`, which returns an Entry, and passes it or the reason on.
template <class Parse>
void receive(std::size_t line, const Receiver& receiver, const Parse& parse);

/// Sets status and pool, refuses unfilled placeholders, and validates. Throws Refusal, ValidationError.
Proxy finished(Proxy proxy);
/// The rule that is broken, without the value, which may be a secret in the wrong position.
std::string masked(const ValidationError& error);

template <class Parse>
void receive(std::size_t line, const Receiver& receiver, const Parse& parse) {
    std::optional<Entry> entry;
    Problem problem{.line = line};
    try {
        entry = parse();
        entry->proxy = finished(std::move(entry->proxy));
    } catch (Refusal& refusal) {
        entry.reset();
        problem.verdict = refusal.verdict;
        problem.reason = std::move(refusal.reason);
    } catch (const ValidationError& error) {
        entry.reset();
        problem.reason = masked(error);
    }
    if (entry) {
        receiver.proxy(line, std::move(entry->proxy), !entry->protocol_named);
    } else {
        receiver.problem(problem);
    }
}

}  // namespace pharox::lists
