#include "entry.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace pharox::lists {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The length of the UTF-8 character that begins with this byte (RFC 3629 §4); 0 if none does.
std::size_t utf8_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead < 0xC2) return 0;
    if (lead < 0xE0) return 2;
    if (lead < 0xF0) return 3;
    return lead < 0xF5 ? 4 : 0;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
    return result;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\v\f";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const unsigned char lead = byte(at);
        const std::size_t length = utf8_length(lead);
        if (length == 0 || at + length > text.size()) return false;
        for (std::size_t i = 1; i < length; ++i)
            if ((byte(at + i) & 0xC0U) != 0x80U) return false;
        // Overlong forms, surrogates, and code points beyond U+10FFFF.
        if ((lead == 0xE0 && byte(at + 1) < 0xA0) || (lead == 0xED && byte(at + 1) > 0x9F) ||
            (lead == 0xF0 && byte(at + 1) < 0x90) || (lead == 0xF4 && byte(at + 1) > 0x8F))
            return false;
        at += length;
    }
    return true;
}

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || text.front() == '0' || !std::ranges::all_of(text, is_digit))
        return false;
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value <= 65535;
}

int parse_port(std::string_view text) {
    if (text.empty()) reject("the port is missing");
    if (!std::ranges::all_of(text, is_digit)) reject("the port is not a number");
    if (std::ranges::all_of(text, [](char c) { return c == '0'; })) reject("port 0 is below 1");
    if (text.front() == '0') reject("the port begins with a 0");
    if (!is_port(text)) reject("the port is above 65535");
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::optional<ProxyProtocol> known_protocol(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, ProxyProtocol>, 6> protocols{
        {{"http", ProxyProtocol::http},
         {"https", ProxyProtocol::https},
         {"socks4", ProxyProtocol::socks4},
         {"socks4a", ProxyProtocol::socks4},
         {"socks5", ProxyProtocol::socks5},
         {"socks5h", ProxyProtocol::socks5}}};
    const std::string wanted = lower(name);
    const auto* const found =
        std::ranges::find(protocols, wanted, &std::pair<std::string_view, ProxyProtocol>::first);
    return found == protocols.end() ? std::nullopt : std::optional(found->second);
}

bool is_absent(std::string_view value) {
    const std::string text = lower(value);
    return text.empty() || text == "?" || text == "-" || text == "zz" || text == "n/a" || text == "unknown" ||
           text == "null" || text == "none";
}

bool is_country_code(std::string_view value) {
    constexpr std::string_view codes =
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT "
        "BV BW BY "
        "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET "
        "FI FJ FK "
        "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN "
        "IO IQ IR "
        "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF "
        "MG MH MK "
        "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH "
        "PK PL PM "
        "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ "
        "TC TD TF "
        "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW ";
    if (value.size() != 2 || value.find(' ') != std::string_view::npos) return false;
    return codes.find(std::string(value) + ' ') != std::string_view::npos;
}

bool is_placeholder(std::string_view text) {
    const auto encloses = [&](std::string_view open, std::string_view close) {
        const auto begin = text.find(open);
        return begin != std::string_view::npos &&
               text.find(close, begin + open.size()) != std::string_view::npos;
    };
    if (encloses("{{", "}}") || encloses("${", "}")) return true;
    if (text.size() < 3) return false;
    const std::string_view inner = text.substr(1, text.size() - 2);
    if (text.front() == '<' && text.back() == '>') return true;
    return text.front() == '%' && text.back() == '%' &&
           std::isalpha(static_cast<unsigned char>(inner.front())) != 0 &&
           std::ranges::all_of(inner, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

std::string with_variables(std::string_view text, const ReadOptions& options) {
    std::string result;
    while (options.variable) {
        const auto open = text.find("{{");
        const auto close = open == std::string_view::npos ? open : text.find("}}", open);
        if (close == std::string_view::npos) break;
        const std::string name(trimmed(text.substr(open + 2, close - open - 2)));
        const auto value = options.variable(name);
        if (!value) reject("contains a placeholder for a variable that is not set");
        result += text.substr(0, open);
        result += *value;
        text.remove_prefix(close + 2);
    }
    return result += text;
}

Proxy finished(Proxy proxy) {
    if (proxy.credentials &&
        (is_placeholder(proxy.credentials->user) || is_placeholder(proxy.credentials->password)))
        reject("the user or the password is an unfilled placeholder");
    proxy.status = ProxyStatus::active;
    proxy.pool_id = PoolId::make();  // one that passes validation; the caller sets the pool
    proxy = validated(std::move(proxy));
    proxy.pool_id = {};
    return proxy;
}

std::string masked(const ValidationError& error) {
    constexpr std::string_view prefix = "credentials.";
    std::string field = error.field();
    if (field.starts_with(prefix)) field.erase(0, prefix.size());
    return "the " + field + " " + error.rule();
}

}  // namespace pharox::lists
