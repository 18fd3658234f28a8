// --json: every command's output, on success, miss and refusal, is what docs/json/pharox.schema.json
// describes. The fixture checks this for the calls of all integration tests; here no command can be
// forgotten.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

/// Commands without a document: `run` prints what the command that it runs prints, others a script and a
/// page.
const std::set<std::string> without_json = {"completion", "man", "run"};

class JsonTest : public PharoxTest {
  protected:
    /// The names in the section "Subcommands" of a help.
    std::vector<std::string> subcommands(std::vector<std::string> command) {
        command.emplace_back("--help");
        std::istringstream help(pharox(command).output);
        std::vector<std::string> names;
        bool listed = false;
        for (std::string line; std::getline(help, line);) {
            if (line.starts_with("Subcommands:")) {
                listed = true;
            } else if (listed && line.starts_with("  ") && line.size() > 2 && line[2] != ' ') {
                names.push_back(line.substr(2, line.find(' ', 2) - 2));
            } else if (listed && line.empty()) {
                break;
            }
        }
        return names;
    }

    Finished json(std::vector<std::string> arguments, int status, const std::string& input = "") {
        arguments.emplace_back("--json");
        Finished done = pharox(arguments, input);
        EXPECT_EQ(done.status, status) << ::testing::PrintToString(arguments) << done.errors;
        if (status == 0) {
            const std::vector<std::string> known = commands_with_schema();
            const std::string two = arguments[0] + " " + arguments[1];
            called_.insert(std::ranges::find(known, two) != known.end() ? two : arguments[0]);
        }
        return done;
    }

    std::set<std::string> called_;  ///< with success
};

TEST_F(JsonTest, EveryCommandHasASchema) {
    std::set<std::string> commands;
    for (const std::string& command : subcommands({})) {
        if (without_json.contains(command)) continue;
        const std::vector<std::string> inner = subcommands({command});
        if (inner.empty()) commands.insert(command);
        for (const std::string& name : inner) commands.insert(std::string(command).append(" ").append(name));
    }
    const std::vector<std::string> described = commands_with_schema();
    EXPECT_EQ(commands, std::set<std::string>(described.begin(), described.end()));
}

TEST_F(JsonTest, OtherOutputIsAViolation) {
    const std::vector<std::string> list = {"--storage", "sqlite:a.db", "pool", "list", "--json"};
    EXPECT_EQ(schema_violation(list, 0, "{\"pools\": []}\n"), "");
    EXPECT_EQ(schema_violation({"pool", "list"}, 0, "POOL\n"), "");
    for (const char* output :
         {"", "POOL\n", "{\"pools\": [\n", "{\"pools\": []} x", "{}", R"({"pools": [], "more": 1})",
          R"({"pools": [{"id": "x", "name": "eu", "metadata": {}}]})"}) {
        EXPECT_NE(schema_violation(list, 0, output), "") << output;
    }
    EXPECT_NE(schema_violation({"absent", "--json"}, 0, "{}"), "");
    EXPECT_EQ(schema_violation(list, 5, ""), "");
    const std::string miss = R"({"miss":"all_busy","pool":"eu"})";
    EXPECT_EQ(schema_violation({"acquire", "--pool", "eu", "--json"}, 3, miss), "");
    EXPECT_NE(schema_violation({"acquire", "--pool", "eu", "--json"}, 0, miss), "");
}

TEST_F(JsonTest, OnSuccessMissAndRefusal) {
    const std::string absent = "01890a5d-ac96-774b-bcce-b302099a8057";
    json({"import", "--pool", "eu", "--country", "AR", "--max-concurrency", "1", "-"}, 0,
         "192.0.2.1:1:u:p\nsocks5://192.0.2.2:1\nx:1:b\n");
    json({"import", "--pool", "eu", "-"}, 2, "nothing\n");
    json({"import", "--pool", "eu", "--strict", "-"}, 2, "192.0.2.3:1\nx:1:b\n");
    json({"import", "--pool", "eu", "--dry-run", "-"}, 0, "192.0.2.3:1\n");

    json({"pool", "add", "us", "--description", "empty"}, 0);
    json({"pool", "add", "us"}, 1);
    json({"pool", "list"}, 0);
    json({"pool", "remove", "absent"}, 4);

    json({"stats"}, 0);
    json({"stats", "--pool", "absent"}, 4);

    const std::string hidden = json({"proxy", "list", "--pool", "eu"}, 0).output;
    json({"proxy", "list", "--pool", "eu", "--show-secrets"}, 0);
    json({"proxy", "list", "--pool", "absent"}, 4);

    const std::string lease = json_member(json({"acquire", "--pool", "eu"}, 0).output, "lease_id");
    json({"acquire", "--pool", "eu", "--show-url"}, 0);
    json({"acquire", "--pool", "eu"}, 3);
    json({"acquire", "--pool", "us"}, 3);
    json({"acquire", "--pool", "absent"}, 4);
    json({"acquire", "--pool", "eu", "--duration", "x"}, 2);
    json({"lease", "list"}, 0);
    json({"renew", lease}, 0);
    json({"renew", absent}, 4);
    json({"lease", "revoke", "--pool", "eu", "--dry-run"}, 0);
    json({"release", lease}, 0);
    json({"release", lease, absent}, 4);
    json({"release", "x"}, 2);
    const std::string other = json_member(json({"acquire", "--pool", "eu"}, 0).output, "lease_id");
    json({"proxy", "show", "--pool", "eu"}, 0);
    json({"lease", "revoke", other, absent}, 4);
    json({"lease", "revoke", other}, 0);
    json({"lease", "list", "--pool", "absent"}, 4);
    json({"cleanup"}, 0);
    json({"consumer", "add", "nightly"}, 0);
    json({"consumer", "add", "nightly"}, 1);
    json({"consumer", "list"}, 0);
    json({"consumer", "remove", "nightly"}, 0);
    json({"consumer", "remove", "nightly"}, 4);

    json({"export", "--pool", "eu", "--show-secrets", "--output", home_.file("eu.txt")}, 0);
    json({"export", "--pool", "eu"}, 2);
    json({"audit"}, 0);
    json({"audit", "--repair"}, 0);
    json({"bench", "--duration", "100ms"}, 0);
    json({"bench", "--duration", "1h"}, 2);
    json({"doctor"}, 0);
    json({"--storage", "sqlite://elsewhere/x", "doctor"}, 1);
    json({"backup", home_.file("copy.db")}, 0);
    json({"backup", home_.file("copy.db")}, 1);

    const std::string proxy = json_member(hidden, "id");
    json({"proxy", "set", proxy, "--weight", "2"}, 0);
    json({"proxy", "ban", proxy}, 0);
    json({"proxy", "set-status", "banned", proxy}, 0);
    json({"proxy", "set-status", "banned", absent}, 4);
    json({"proxy", "remove", proxy, "--force"}, 0);
    json({"proxy", "remove", absent}, 4);
    json({"pool", "remove", "eu"}, 1);
    json({"pool", "remove", "eu", "--force"}, 0);

    json({"migrate"}, 1);
    json({"--storage", "sqlite:///absent/a.db", "pool", "list"}, 5);

    // Their success needs a server: tests of the programs with one.
    called_.insert({"migrate", "adopt"});
    const std::vector<std::string> described = commands_with_schema();
    EXPECT_EQ(called_, std::set<std::string>(described.begin(), described.end()));
}

}  // namespace
}  // namespace pharox::test
