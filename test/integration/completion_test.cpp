// Completion in bash, zsh and fish; the manual page; suggestions for mistyped options.
#include <filesystem>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class CompletionTest : public PharoxTest {
  protected:
    CompletionTest() {
        const std::string program = PHAROX_PROGRAM;
        environment_["PATH"] = program.substr(0, program.rfind('/')) + ":/usr/bin:/bin";
    }
    /// The candidates without descriptions, each followed by a space.
    std::string complete(std::vector<std::string> words) {
        words.insert(words.begin(), "__complete");
        const Finished done = pharox(std::move(words));
        EXPECT_EQ(done.status, 0);
        EXPECT_EQ(done.errors, "");
        std::string names;
        for (std::size_t begin = 0; begin < done.output.size();) {
            const auto end = done.output.find('\n', begin);
            names += done.output.substr(begin, done.output.find('\t', begin) - begin) + " ";
            begin = end + 1;
        }
        return names;
    }
    std::string shell(std::vector<std::string> arguments) {
        const Finished done =
            watched(run_process({.arguments = std::move(arguments), .environment = environment_}));
        EXPECT_EQ(done.status, 0);
        EXPECT_EQ(done.errors, "");
        return done.output;
    }
};

TEST_F(CompletionTest, KnowsCommandsOptionsAndStoredNames) {
    EXPECT_EQ(complete({"st"}), "stats ");
    EXPECT_EQ(complete({"lease", ""}), "list revoke ");
    EXPECT_EQ(complete({"stats", "--po"}), "--pool ");
    EXPECT_EQ(complete({"stats", "--st"}), "--storage ");
    EXPECT_EQ(complete({"proxy", "list", "--status", "ba"}), "banned ");
    EXPECT_EQ(complete({"proxy", "set-status", "ba"}), "banned ");
    EXPECT_EQ(complete({"stats", "--pool", ""}), "") << "there is no store yet";
    EXPECT_EQ(complete({"stats", "--pool", "", "--storage", "nonsense:"}), "");
    EXPECT_FALSE(std::filesystem::exists(home_.file(".local"))) << "and completion creates none";

    import("latam", "192.0.2.1:1\n");
    import("latin america", "192.0.2.1:1\n");
    import("eu", "192.0.2.1:1\n");
    EXPECT_EQ(complete({"stats", "--pool", "la"}), "latam latin america ");
    EXPECT_EQ(complete({"stats", "-p", "eu"}), "eu ");
    EXPECT_EQ(complete({"stats", "--pool", "=", "eu"}), "eu ") << "as bash splits --pool=eu";
    EXPECT_EQ(complete({"--storage", "sqlite:other.db", "stats", "-p", ""}), "");
    EXPECT_EQ(complete({"pool", "remove", "e"}), "eu ");
    EXPECT_EQ(complete({"run", "--pool", "eu", "--", "la"}), "") << "another program's words";
    const std::string lease =
        json_member(pharox({"acquire", "-p", "eu", "--consumer", "nightly", "--json"}).output, "lease_id");
    EXPECT_EQ(complete({"lease", "list", "--consumer", "n"}), "nightly ");
    EXPECT_EQ(complete({"consumer", "remove", "n"}), "nightly ");
    EXPECT_EQ(complete({"release", ""}), lease + " ");
    EXPECT_EQ(complete({"renew", lease, ""}), lease + " ") << "it takes several";
}

TEST_F(CompletionTest, BashCompletes) {
    import("latin america", "192.0.2.1:1\n");
    EXPECT_EQ(shell({"/bin/bash", "-c",
                     "source <(pharox completion bash); COMP_WORDS=(pharox stats --pool la); COMP_CWORD=3; "
                     "_pharox; printf '%s|' \"${COMPREPLY[@]}\"; complete -p pharox"}),
              "latin\\ america|complete -o bashdefault -o default -F _pharox pharox\n");
}

TEST_F(CompletionTest, ZshCompletes) {
    import("latam", "192.0.2.1:1\n");
    EXPECT_EQ(shell({"/usr/bin/zsh", "-f", "-c",
                     "source <(pharox completion zsh); compadd() { print -l -- \"${names[@]}\" }; "
                     "words=(pharox stats --pool la); CURRENT=4; _pharox; print $_comps[pharox]"}),
              "latam\n_pharox\n");
}

TEST_F(CompletionTest, FishCompletes) {
    import("latam", "192.0.2.1:1\n");
    EXPECT_EQ(shell({"/usr/bin/fish", "-N", "-c",
                     "pharox completion fish | source; complete -C 'pharox stats --pool la'; "
                     "complete -C 'pharox doc'"}),
              "latam\ndoctor\tCheck configuration, files, disk, schema, store and clock\n");
}

TEST_F(CompletionTest, ManualPageDescribesEveryCommand) {
    const std::string page = home_.write("pharox.1", pharox({"man"}).output);
    environment_["MANWIDTH"] = "100";
    const Finished shown =
        watched(run_process({.arguments = {"/usr/bin/man", "--warnings", "-P", "/bin/cat", "-l", page},
                             .environment = environment_}));
    EXPECT_EQ(shown.status, 0);
    EXPECT_EQ(shown.errors, "");
    for (const char* part : {"pharox lease revoke\n", "--max-concurrency TEXT", "pharox import\n",
                             "pharox acquire --pool latam --duration 10m --json\n"})
        EXPECT_NE(shown.output.find(part), std::string::npos) << part << shown.output;
    EXPECT_EQ(shown.output.find("__complete"), std::string::npos);
}

TEST_F(CompletionTest, MistypedOptionsGetASuggestion) {
    const Finished done = pharox({"proxy", "set", "--max-concurency=3", "--pool", "latam"});
    EXPECT_EQ(done.status, 2);
    EXPECT_EQ(
        done.errors,
        "pharox: \"--max-concurency\" is not expected here; did you mean \"--max-concurrency\"? (pharox "
        "--help)\n");
}

}  // namespace
}  // namespace pharox::test
