// The tables of docs/how-to/lists.md: every example gives the result that stands beside it.
#include <gtest/gtest.h>

#include <fstream>

#include "reading.hpp"

namespace pharox::lists::test {
namespace {

/// The cells of a row of a table; `\|` is a `|` within a cell.
std::vector<std::string> cells_of(const std::string& row) {
    std::vector<std::string> cells(1);
    for (std::size_t at = 1; at < row.size(); ++at) {
        if (row[at] == '\\' && at + 1 < row.size() && row[at + 1] == '|') {
            cells.back() += row[++at];
        } else if (row[at] == '|') {
            cells.emplace_back();
        } else {
            cells.back() += row[at];
        }
    }
    return cells;
}

/// The texts between backticks.
std::vector<std::string> code_of(const std::string& cell) {
    std::vector<std::string> texts;
    for (std::size_t at = cell.find('`'); at != std::string::npos;) {
        const auto end = cell.find('`', at + 1);
        if (end == std::string::npos) break;
        texts.push_back(cell.substr(at + 1, end - at - 1));
        at = cell.find('`', end + 1);
    }
    return texts;
}

std::vector<std::string> described(const WholeList& list) {
    std::vector<std::string> texts;
    for (const ListedProxy& listed : list.proxies) {
        std::string text = listed.proxy.url();
        if (listed.proxy.country) text += " " + *listed.proxy.country;
        if (listed.proxy.city) text += (listed.proxy.country ? ", " : " ") + *listed.proxy.city;
        texts.push_back(text);
    }
    for (const Problem& problem : list.problems)
        texts.push_back(std::string(to_string(problem.verdict)) + ": " + problem.reason);
    return texts;
}

TEST(ListsPageTest, EveryExampleGivesItsResult) {
    std::ifstream page(PHAROX_LISTS_PAGE);
    ASSERT_TRUE(page) << PHAROX_LISTS_PAGE;
    std::size_t examples = 0;
    for (std::string line; std::getline(page, line);) {
        if (!line.starts_with("| ")) continue;
        const std::vector<std::string> cells = cells_of(line);
        ASSERT_GE(cells.size(), 3U) << line;
        const std::vector<std::string> example = code_of(cells[1]);
        if (example.empty()) continue;
        std::string text;
        for (const std::string& part : example) text += part + "\n";
        EXPECT_EQ(described(read_text(text)), code_of(cells[2])) << line;
        ++examples;
    }
    EXPECT_GT(examples, 30U);
}

}  // namespace
}  // namespace pharox::lists::test
