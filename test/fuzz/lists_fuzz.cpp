// Arbitrary bytes as a list in one format: the reader must neither crash nor hang, and what it accepts is
// valid, as is its URL.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pharox/errors.hpp"
#include "pharox/lists/reader.hpp"

using namespace pharox::lists;  // NOLINT(google-build-using-namespace)

namespace {

void check(const pharox::Proxy& proxy) {
    const std::string url = proxy.url();
    const auto input = Input::of_memory(url, "url");
    int received = 0;
    static_cast<void>(read_list(*input, {.format = Format::lines},
                                {.proxy =
                                     [&](std::size_t, const pharox::Proxy& again, bool) {
                                         ++received;
                                         if (again.identity() != proxy.identity()) std::abort();
                                     },
                                 .problem = [](const Problem&) { std::abort(); }}));
    if (received != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const FieldOrder order :
         {FieldOrder::detect, FieldOrder::host_first, FieldOrder::user_first, FieldOrder::by_others}) {
        ReadOptions options{.order = order};
#ifdef PHAROX_FUZZ_FORMAT
        options.format = Format::PHAROX_FUZZ_FORMAT;
#endif
        try {
            const auto input = Input::of_memory(text, "fuzz");
            static_cast<void>(
                read_list(*input, options,
                          {.proxy = [](std::size_t, const pharox::Proxy& proxy, bool) { check(proxy); },
                           .problem =
                               [](const Problem& problem) {
                                   if (problem.reason.empty() || problem.line == 0) std::abort();
                               }}));
        } catch (const pharox::ValidationError&) {  // no list
        }
    }
    return 0;
}
