#include "pharox/model/id.hpp"

#include <pthread.h>
#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <ostream>

#include "pharox/errors.hpp"

namespace pharox::detail {
namespace {

std::atomic<unsigned> forks{0};

/// Random bytes of the kernel, read in batches; a child process never uses bytes that its parent read.
class Entropy {
  public:
    std::uint64_t next() noexcept {
        if (position_ == words_.size() || forks_seen_ != forks.load(std::memory_order_relaxed)) {
            refill();
        }
        return words_[position_++];
    }

  private:
    void refill() noexcept {
        static const bool watching = pthread_atfork(nullptr, nullptr, [] { ++forks; }) == 0;
        if (!watching) {
            std::terminate();
        }
        forks_seen_ = forks.load(std::memory_order_relaxed);
        auto* const begin = reinterpret_cast<char*>(words_.data());
        std::size_t filled = 0;
        while (filled < sizeof words_) {
            const ssize_t got = getrandom(begin + filled, sizeof words_ - filled, 0);
            if (got > 0) {
                filled += static_cast<std::size_t>(got);
            } else if (errno != EINTR) {
                std::terminate();
            }
        }
        position_ = 0;
    }

    std::array<std::uint64_t, 64> words_{};
    std::size_t position_ = words_.size();
    unsigned forks_seen_ = 0;
};

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

constexpr bool is_dash_position(std::size_t index) noexcept {
    return index == 8 || index == 13 || index == 18 || index == 23;
}

}  // namespace

UuidBytes make_uuid_v7() noexcept {
    thread_local Entropy entropy;
    thread_local std::uint64_t last = 0;  // milliseconds and counter, 48 + 12 bits

    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    const auto milliseconds = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
    const std::uint64_t random = entropy.next();
    // RFC 9562 §6.2, method 1: the counter starts in the lower half of its range with each millisecond. If it
    // overflows, or the clock is set back, the time part continues from its last value.
    const std::uint64_t fresh = (milliseconds << 12U) | (random >> 53U);
    last = fresh > last ? fresh : last + 1;

    const std::uint64_t high = ((last >> 12U) << 16U) | 0x7000U | (last & 0xFFFU);
    const std::uint64_t low = (entropy.next() >> 2U) | (std::uint64_t{1} << 63U);
    UuidBytes bytes;
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[i] = static_cast<std::uint8_t>(high >> (56U - 8U * i));
        bytes[8 + i] = static_cast<std::uint8_t>(low >> (56U - 8U * i));
    }
    return bytes;
}

UuidBytes parse_uuid(std::string_view field, std::string_view text) {
    const auto refuse = [&]() -> UuidBytes {
        throw ValidationError(std::string(field), text, "is not a UUID");
    };
    if (text.size() != 36) return refuse();
    UuidBytes bytes{};
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_dash_position(i)) {
            if (text[i] != '-') return refuse();
            continue;
        }
        const int value = hex_value(text[i]);
        if (value < 0) return refuse();
        bytes[digits / 2] = static_cast<std::uint8_t>(bytes[digits / 2] * 16 + value);
        ++digits;
    }
    return bytes;
}

std::string format_uuid(const UuidBytes& bytes) {
    std::string text;
    text.reserve(36);
    for (const std::uint8_t byte : bytes) {
        if (is_dash_position(text.size())) text += '-';
        text += hex_digits[byte >> 4U];
        text += hex_digits[byte & 0xFU];
    }
    return text;
}

std::ostream& print_uuid(std::ostream& out, const UuidBytes& bytes) { return out << format_uuid(bytes); }

}  // namespace pharox::detail
