// The whole result of reading a list, for comparison.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "pharox/lists/reader.hpp"

namespace pharox::lists::test {

struct ListedProxy {
    std::size_t line = 0;
    Proxy proxy;
    bool protocol_assumed = false;
};
struct WholeList {
    std::vector<ListedProxy> proxies{};
    std::vector<Problem> problems{};
    ReadResult result{};
};

inline WholeList read_whole(Input& input, const ReadOptions& options = {}) {
    WholeList list;
    list.result =
        read_list(input, options,
                  {.proxy = [&](std::size_t line, Proxy proxy,
                                bool assumed) { list.proxies.push_back({line, std::move(proxy), assumed}); },
                   .problem = [&](const Problem& problem) { list.problems.push_back(problem); }});
    return list;
}
inline WholeList read_text(std::string_view text, const ReadOptions& options = {}) {
    return read_whole(*Input::of_memory(text, "test"), options);
}

/// One text for each entry, in the order of lines: `LINE URL` or `LINE verdict: reason`.
inline std::vector<std::string> entries(const WholeList& list) {
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const ListedProxy& listed : list.proxies) found.emplace_back(listed.line, listed.proxy.url());
    for (const Problem& problem : list.problems)
        found.emplace_back(problem.line, std::string(to_string(problem.verdict)) + ": " + problem.reason);
    std::ranges::stable_sort(found, {}, &std::pair<std::size_t, std::string>::first);
    std::vector<std::string> texts;
    for (const auto& [line, text] : found) texts.push_back(std::to_string(line) + " " + text);
    return texts;
}

}  // namespace pharox::lists::test
