// import, and the commands that show its result.
#include <csignal>
#include <string>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class ImportTest : public PharoxTest {};

constexpr const char* mixed_list =
    "# a provider's list\r\n"
    "192.0.2.1:8080\r\n"
    "192.0.2.2:8080:anna:s3cret-one\r\n"
    "ben:s3cret-two:proxy.example:3128\r\n"
    "carl:s3cret@three@192.0.2.3:3128\r\n"
    "socks5://dora:s3cret%20four@[2001:db8::1]:1080/\r\n"
    "192.0.2.1:8080\r\n"
    "192.0.2.9:80800\r\n"
    "one.example:8080:two.example:9090\r\n"
    "192.0.2.4:8080:Germany\r\n"
    "\r\n";

TEST_F(ImportTest, ReportsAcceptedAndRefusedLines) {
    secrets_ = {"s3cret"};
    const std::string list = home_.write("list.txt", mixed_list);
    const Finished done = pharox({"import", "--pool", "latam", "--country", "AR", list});
    EXPECT_EQ(done.status, 0);
    EXPECT_EQ(done.output, "accepted 5 (active, unchecked) · duplicate 1 (" + list +
                               ":7 is the same proxy as " + list + ":2 …) · ambiguous 2 · rejected 1 (" +
                               list +
                               ":8 the port is above 65535)\n"
                               "pool \"latam\" did not exist and was created\n"
                               "lines without a protocol: 5, taken for http (--protocol says otherwise)\n");
    EXPECT_NE(done.errors.find(list + ":8: rejected: the port is above 65535\n"), std::string::npos)
        << done.errors;
    EXPECT_NE(done.errors.find(list + ":9: ambiguous: both ends may be host:port"), std::string::npos)
        << done.errors;
    EXPECT_NE(done.errors.find(list + ":10: ambiguous: three fields"), std::string::npos) << done.errors;

    const Finished listed = pharox({"proxy", "list", "--pool", "latam", "--country", "AR"});
    EXPECT_EQ(listed.status, 0);
    EXPECT_NE(listed.output.find("http://192.0.2.1:8080 "), std::string::npos) << listed.output;
    EXPECT_NE(listed.output.find("http://***@proxy.example:3128 "), std::string::npos) << listed.output;
    EXPECT_NE(listed.output.find("socks5://***@[2001:db8::1]:1080 "), std::string::npos) << listed.output;
    EXPECT_EQ(listed.output.find("inactive"), std::string::npos) << listed.output;

    const Finished shown = pharox_unwatched({"proxy", "list", "--pool", "latam", "--show-secrets"});
    EXPECT_NE(shown.output.find("socks5://dora:s3cret%20four@[2001:db8::1]:1080"), std::string::npos)
        << shown.output;
    EXPECT_NE(shown.output.find("http://carl:s3cret%40three@192.0.2.3:3128"), std::string::npos)
        << shown.output;
}

TEST_F(ImportTest, JsonContainsEveryProblem) {
    secrets_ = {"s3cret"};
    std::string list = mixed_list;
    for (int line = 0; line < 100; ++line) list += "s3cret:s3cret\n";
    const Finished done = pharox({"import", "--pool", "latam", "--json", "-"}, list);
    EXPECT_EQ(done.status, 0);
    EXPECT_EQ(json_member(done.output, "accepted"), "5");
    EXPECT_EQ(json_member(done.output, "duplicate"), "1");
    EXPECT_EQ(json_member(done.output, "ambiguous"), "2");
    EXPECT_EQ(json_member(done.output, "rejected"), "101");
    EXPECT_EQ(json_member(done.output, "checked"), "false");
    EXPECT_EQ(json_member(done.output, "pool_created"), "true");
    EXPECT_NE(done.output.find("\"line\":111"), std::string::npos) << done.output;
    EXPECT_EQ(done.errors, "");

    const Finished people = pharox({"import", "--pool", "latam", "-"}, list);
    EXPECT_NE(people.errors.find("… and 83 more (--json lists all)\n"), std::string::npos) << people.errors;
}

TEST_F(ImportTest, DuplicatesFollowThePolicy) {
    const std::string list = "192.0.2.1:1\n192.0.2.2:2\n";
    import("latam", list, {"--country", "AR"});
    EXPECT_NE(pharox({"import", "--pool", "latam", "-"}, list)
                  .output.find("accepted 0 (active, unchecked) · duplicate 2"),
              std::string::npos);
    const Finished updated =
        pharox({"import", "--pool", "latam", "--country", "BR", "--on-duplicate", "update", "-"}, list);
    EXPECT_NE(updated.output.find("updated 2"), std::string::npos) << updated.output;
    EXPECT_NE(pharox({"proxy", "list", "--pool", "latam", "--country", "BR"}).output.find("192.0.2.2:2"),
              std::string::npos);

    const Finished rejected =
        pharox({"import", "--pool", "latam", "--on-duplicate", "reject", "-"}, "192.0.2.3:3\n192.0.2.1:1\n");
    EXPECT_EQ(rejected.status, 1) << rejected.errors;
    EXPECT_EQ(pharox({"proxy", "list", "--pool", "latam"}).output.find("192.0.2.3:3"), std::string::npos)
        << "a refused import left a part of itself";
    const Finished twice =
        pharox({"import", "--pool", "latam", "--on-duplicate", "reject", "-"}, "192.0.2.4:4\n192.0.2.4:4\n");
    EXPECT_EQ(twice.status, 1);
    EXPECT_NE(twice.errors.find("\"standard input:2\" is the same proxy as standard input:1"),
              std::string::npos)
        << twice.errors;
}

TEST_F(ImportTest, StrictAndDryRunStoreNothing) {
    const Finished strict = pharox({"import", "--pool", "latam", "--strict", "-"}, "192.0.2.1:1\nbroken\n");
    EXPECT_EQ(strict.status, 2);
    EXPECT_NE(strict.output.find("nothing was stored"), std::string::npos) << strict.output;
    const Finished dry =
        pharox({"import", "--pool", "latam", "--dry-run", "-"}, "192.0.2.1:1\n192.0.2.1:1\nbroken\n");
    EXPECT_EQ(dry.status, 0);
    EXPECT_NE(dry.output.find("dry run, nothing was stored: accepted 1 (active, unchecked) · duplicate 1"),
              std::string::npos)
        << dry.output;
    EXPECT_EQ(pharox({"proxy", "list", "--pool", "latam"}).status, 4) << "the pool exists";
}

TEST_F(ImportTest, InvalidAttributesAndFilesAreBadInput) {
    for (const std::vector<std::string>& more :
         std::vector<std::vector<std::string>>{{"--max-concurrency", "0"},
                                               {"--max-concurrency", "0x10"},
                                               {"--weight", "-1"},
                                               {"--weight", "0x1p3"},
                                               {"--country", ""},
                                               {"--protocol", "ftp"},
                                               {"--order", "sideways"},
                                               {"--format", "xml"},
                                               {"--json-path", "data"},
                                               {"--geo", "/nowhere/city.mmdb"},
                                               {"--on-duplicate", "guess"}}) {
        std::vector<std::string> arguments = {"import", "--pool", "latam", "-"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Finished done = pharox(arguments, "192.0.2.1:1\n");
        EXPECT_EQ(done.status, 2) << more[0] << done.output << done.errors;
        EXPECT_TRUE(done.errors.starts_with("pharox: ")) << done.errors;
    }
    EXPECT_EQ(pharox({"import", "--pool", "latam", home_.file("absent.txt")}).status, 2);
    EXPECT_EQ(pharox({"import", "--pool", "latam", home_.path().string()}).status, 2);
    const Finished page = pharox({"import", "--pool", "latam", "-"}, "<html>\n");
    EXPECT_EQ(page.status, 2);
    EXPECT_EQ(page.errors, "pharox: list: \"standard input\" is HTML, a page and not a list\n");
    const Finished useless = pharox({"import", "--pool", "latam", "-"}, "broken\n");
    EXPECT_EQ(useless.status, 2);
    EXPECT_NE(useless.errors.find("no line contains a proxy"), std::string::npos) << useless.errors;
    EXPECT_EQ(pharox({"import", "--pool", "latam", "-"}, "").status, 2) << "a download that failed";
    EXPECT_EQ(pharox({"import", "--pool", "latam", "-"}, "# none yet\n").status, 2);
    EXPECT_EQ(pharox({"pool", "list"}).output, "POOL  DESCRIPTION\n") << "bad input changes nothing";
}

TEST_F(ImportTest, ADryRunForetellsTheImport) {
    import("latam", "192.0.2.1:1\n");
    for (const std::string& policy : std::vector<std::string>{"skip", "update", "reject"}) {
        for (const std::string& pool : {std::string("latam"), "fresh-" + policy}) {
            const std::string list = "192.0.2.1:1\n192.0.2.2:" + std::to_string(policy.size()) + "\nbroken\n";
            const std::vector<std::string> call = {"import", "--pool", pool, "--on-duplicate", policy, "-"};
            std::vector<std::string> dry_call = call;
            dry_call.emplace_back("--dry-run");
            const Finished dry = pharox(dry_call, list);
            const Finished real = pharox(call, list);
            EXPECT_EQ(dry.status, real.status) << policy << ' ' << pool << dry.errors << real.errors;
            EXPECT_EQ(dry.errors, real.errors);
            const auto counts = [](const std::string& output) {
                const auto at = output.find("accepted");
                return at == std::string::npos ? std::string()
                                               : output.substr(at, output.find('\n', at) - at);
            };
            EXPECT_EQ(counts(dry.output), counts(real.output));
            EXPECT_EQ(dry.output.find("would be created") != std::string::npos,
                      real.output.find("was created") != std::string::npos);
        }
    }
}

TEST_F(ImportTest, AnInterruptedImportTakesBackWhatItAdded) {
    import("latam", "192.0.2.1:1\n");
    std::string list;
    for (int n = 0; n < 100'000; ++n) {
        list += "10." + std::to_string(n / 65'536) + "." + std::to_string(n / 256 % 256) + "." +
                std::to_string(n % 256) + ":80\n";
    }
    const std::string file = home_.write("long.txt", list);
    const auto proxies_of = [&](const std::string& pool) {
        const Finished stats = pharox({"stats", "--pool", pool, "--json"});
        return stats.status == 0 ? std::stol(json_member(stats.output, "total_proxies")) : -1;
    };
    for (const auto& [pool, before] : {std::pair<std::string, long>{"latam", 1}, {"fresh", -1}}) {
        Process running(command({"import", "--pool", pool, file}));
        ASSERT_TRUE(eventually([&] { return proxies_of(pool) > 1; }));
        running.send(SIGINT);
        const Finished done = watched(running.wait());
        EXPECT_EQ(done.status, 128 + SIGINT) << done.errors;
        EXPECT_EQ(done.errors, "pharox: interrupted: nothing was imported\n");
        EXPECT_EQ(proxies_of(pool), before);
    }
}

TEST_F(ImportTest, FormatsAreRecognisedAndSaid) {
    const std::string csv =
        home_.write("list.csv", "ip,port,user,pass,country\n192.0.2.1,80,anna,s3cret,AR\n");
    const std::string json = home_.write(
        "list.json", R"({"results":[{"proxy_address":"192.0.2.2","port":80,"country_code":"BR"}]})");
    secrets_ = {"s3cret"};
    const Finished done = pharox({"import", "--pool", "latam", "--country", "CL", csv, json});
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_NE(done.output.find(csv + ": read as csv\n"), std::string::npos) << done.output;
    EXPECT_NE(done.output.find(json + ": read as json\n"), std::string::npos) << done.output;
    const std::string listed = pharox({"proxy", "list", "--pool", "latam"}).output;
    EXPECT_NE(listed.find(" AR "), std::string::npos) << "what the list says stays: " << listed;
    EXPECT_EQ(listed.find(" CL "), std::string::npos) << listed;
    const Finished decided = pharox({"import", "--pool", "latam", "--order", "auto", "-"},
                                    "one.example:8080:user:9090\n192.0.2.3:80:user:s3cret\n");
    EXPECT_NE(decided.output.find("standard input: the order is host-first: 1 lines show it"),
              std::string::npos)
        << decided.output;
}

TEST_F(ImportTest, SyncMakesThePoolEqualToTheList) {
    secrets_ = {"s3cret"};
    import("latam", "192.0.2.1:80:anna:s3cret-1\n192.0.2.2:80\n192.0.2.3:80\n192.0.2.4:80\n",
           {"--country", "AR"});
    EXPECT_EQ(pharox({"proxy", "set", "--pool", "latam", "--max-concurrency", "2", "192.0.2.3"}).status, 0);
    const std::string list = "192.0.2.1:80:anna:s3cret-2\n192.0.2.2:80\n192.0.2.3:80\n192.0.2.5:80\n";
    const std::vector<std::string> call = {"import", "--sync", "--pool", "latam", "--country", "AR", "-"};
    std::vector<std::string> dry = call;
    dry.emplace_back("--dry-run");
    const std::string difference =
        "added 1 · updated 0 · passwords changed 1 · restored 0 · retired 1 · unchanged 2\n";
    EXPECT_EQ(pharox(dry, list).output, "dry run, nothing was changed: " + difference);
    const Finished done = pharox(call, list);
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_EQ(done.output, difference);
    const std::string listed =
        pharox_unwatched({"proxy", "list", "--pool", "latam", "--show-secrets"}).output;
    EXPECT_NE(listed.find("anna:s3cret-2@192.0.2.1:80"), std::string::npos) << listed;
    EXPECT_EQ(listed.find("s3cret-1"), std::string::npos) << listed;
    EXPECT_EQ(listed.find("192.0.2.4"), std::string::npos) << listed;
    EXPECT_NE(listed.find("192.0.2.5"), std::string::npos) << listed;
    const std::string again = pharox({"import", "--sync", "--pool", "latam", "--json", "-"}, list).output;
    EXPECT_EQ(json_member(again, "unchanged"), "4") << again;
    EXPECT_EQ(json_member(again, "added"), "0") << again;
}

TEST_F(ImportTest, SyncRetiresALeasedProxyAndRemovesItAfterItsLease) {
    import("latam", "192.0.2.1:80\n");
    const Finished leased = pharox({"acquire", "--pool", "latam", "--json"});
    const std::string lease = json_member(leased.output, "lease_id");
    EXPECT_EQ(pharox({"import", "--pool", "latam", "-"}, "192.0.2.2:80\n").status, 0);
    const std::vector<std::string> call = {"import", "--sync", "--pool", "latam", "-"};
    const Finished retired = pharox(call, "192.0.2.2:80\n");
    EXPECT_NE(retired.output.find("retired 1 ·"), std::string::npos) << retired.output << retired.errors;
    EXPECT_NE(retired.output.find("retired proxies that are still leased: 1"), std::string::npos)
        << retired.output;
    EXPECT_NE(pharox({"acquire", "--pool", "latam"}).output.find("192.0.2.2"), std::string::npos);
    // Listed again before the lease has ended: it is the same proxy, and active.
    const Finished restored = pharox(call, "192.0.2.1:80\n192.0.2.2:80\n");
    EXPECT_NE(restored.output.find("restored 1 ·"), std::string::npos) << restored.output;
    EXPECT_NE(pharox(call, "192.0.2.2:80\n").output.find("retired 1 ·"), std::string::npos);
    EXPECT_EQ(pharox({"release", lease}).status, 0);
    EXPECT_EQ(pharox(call, "192.0.2.2:80\n").status, 0);
    EXPECT_EQ(pharox({"proxy", "list", "--pool", "latam"}).output.find("192.0.2.1:80"), std::string::npos);
}

TEST_F(ImportTest, SyncRefusesAListThatShrinksByMoreThanHalf) {
    import("latam", "192.0.2.1:80\n192.0.2.2:80\n192.0.2.3:80\n");
    const Finished refused = pharox({"import", "--sync", "--pool", "latam", "-"}, "192.0.2.1:80\n");
    EXPECT_EQ(refused.status, 2);
    EXPECT_NE(refused.errors.find("more than half of the pool: --allow-shrink does so"), std::string::npos)
        << refused.errors;
    EXPECT_NE(pharox({"proxy", "list", "--pool", "latam"}).output.find("192.0.2.3"), std::string::npos);
    EXPECT_EQ(pharox({"import", "--sync", "--pool", "latam", "-"}, "").status, 2) << "a download that failed";
    EXPECT_EQ(
        pharox({"import", "--sync", "--on-duplicate", "update", "--pool", "latam", "-"}, "192.0.2.1:80\n")
            .status,
        2);
    EXPECT_EQ(pharox({"import", "--sync", "--allow-shrink", "--pool", "latam", "-"}, "192.0.2.1:80\n").status,
              0);
    EXPECT_EQ(pharox({"proxy", "list", "--pool", "latam"}).output.find("192.0.2.3"), std::string::npos);
}

TEST_F(ImportTest, PlaceholdersAreFilledFromTheEnvironment) {
    secrets_ = {"s3cret"};
    environment_["PROVIDER_PASSWORD"] = "s3cret";
    const std::string list = "http://anna:{{PROVIDER_PASSWORD}}@192.0.2.1:80\n";
    EXPECT_EQ(pharox({"import", "--pool", "latam", "-"}, list).status, 2);
    EXPECT_EQ(pharox({"import", "--pool", "latam", "--expand-env", "-"}, list).status, 0);
    EXPECT_NE(
        pharox_unwatched({"proxy", "list", "--pool", "latam", "--show-secrets"}).output.find("anna:s3cret@"),
        std::string::npos);
}

TEST_F(ImportTest, NumbersAreDecimal) {
    import("latam", "192.0.2.1:1\n", {"--max-concurrency", "010", "--weight", "02.5"});
    const std::string listed = pharox({"proxy", "list", "--pool", "latam", "--json"}).output;
    EXPECT_EQ(json_member(listed, "max_concurrency"), "10") << listed;
    EXPECT_EQ(json_member(listed, "weight"), "2.5") << listed;
    EXPECT_EQ(pharox({"import", "--pool", "latam", "--max-concurrency", "0x10", "-"}, "").errors,
              "pharox: max-concurrency: \"0x10\" is not a whole decimal number up to 2147483647\n");
}

TEST_F(ImportTest, StoredTextIsEscapedOnATerminal) {
    import("latam", "192.0.2.1:1\n", {"--country", "A\x1b[31mR"});
    const Finished listed = pharox({"proxy", "list", "--pool", "latam"});
    EXPECT_EQ(listed.output.find('\x1b'), std::string::npos);
    EXPECT_NE(listed.output.find("A\\x1b[31mR"), std::string::npos) << listed.output;
}

}  // namespace
}  // namespace pharox::test
