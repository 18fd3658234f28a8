// Arbitrary bytes as a list of proxies: the parser must neither crash nor lose a line, and the URL of an
// accepted proxy must parse to the same proxy.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy_list.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pharox::cli;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const FieldOrder order : {FieldOrder::detect, FieldOrder::host_first, FieldOrder::user_first}) {
        const ProxyList list = parse_proxy_list(text, {.order = order});
        for (const ListedProxy& listed : list.proxies) {
            const ProxyList again = parse_proxy_list(listed.proxy.url());
            if (again.proxies.size() != 1 ||
                again.proxies.front().proxy.identity() != listed.proxy.identity())
                std::abort();
        }
    }
    return 0;
}
