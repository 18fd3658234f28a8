// acquire, release, stats, pool and proxy; and every exit status.
#include <sstream>

#include "pharox_test.hpp"

namespace pharox::test {
namespace {

class LeasesTest : public PharoxTest {};

TEST_F(LeasesTest, AcquireHoldsUntilReleased) {
    secrets_ = {"s3cret"};
    import("latam", "anna:s3cret@192.0.2.1:8080\n", {"--max-concurrency", "1"});
    const Finished got = pharox({"acquire", "--pool", "latam", "--json"});
    ASSERT_EQ(got.status, 0) << got.errors;
    const std::string lease = json_member(got.output, "lease_id");
    EXPECT_EQ(json_member(got.output, "proxy"), "http://***@192.0.2.1:8080");
    EXPECT_EQ(json_member(got.output, "pool"), "latam");
    EXPECT_EQ(json_member(got.output, "url"), "");
    EXPECT_EQ(leases_of("latam"), 1);

    const Finished miss = pharox({"acquire", "--pool", "latam", "--json"});
    EXPECT_EQ(miss.status, 3);
    EXPECT_EQ(json_member(miss.output, "miss"), "all_busy");
    EXPECT_EQ(miss.errors, "pharox: no proxy available in pool \"latam\": every proxy that fits is in use\n");

    EXPECT_EQ(pharox({"release", lease}).output, "lease " + lease + " released\n");
    EXPECT_EQ(leases_of("latam"), 0);
    const Finished again = pharox({"release", lease});
    EXPECT_EQ(again.status, 0);
    EXPECT_EQ(again.output, "lease " + lease + " had ended already (released)\n");
}

TEST_F(LeasesTest, UrlIsShownOnlyOnRequest) {
    secrets_ = {"s3cret"};
    import("latam", "anna:s3cret@192.0.2.1:8080\n");
    const Finished hidden = pharox({"acquire", "--pool", "latam"});
    EXPECT_NE(hidden.output.find("proxy    http://***@192.0.2.1:8080\n"), std::string::npos) << hidden.output;
    const Finished shown = pharox_unwatched({"acquire", "--pool", "latam", "--show-url"});
    EXPECT_NE(shown.output.find("proxy    http://anna:s3cret@192.0.2.1:8080\n"), std::string::npos)
        << shown.output;
    const Finished json = pharox_unwatched({"acquire", "--pool", "latam", "--show-url", "--json"});
    EXPECT_EQ(json_member(json.output, "url"), "http://anna:s3cret@192.0.2.1:8080");
}

TEST_F(LeasesTest, ExpiredLeasesDoNotCount) {
    import("latam", "192.0.2.1:8080\n", {"--max-concurrency", "1"});
    const Finished first = pharox({"acquire", "--pool", "latam", "--duration", "300ms", "--json"});
    ASSERT_EQ(first.status, 0) << first.errors;
    EXPECT_TRUE(eventually([&] { return pharox({"acquire", "--pool", "latam"}).status == 0; }));
    const Finished late = pharox({"release", json_member(first.output, "lease_id")});
    EXPECT_EQ(late.status, 0);
    EXPECT_NE(late.output.find("had ended already (expired)"), std::string::npos) << late.output;
    EXPECT_EQ(pharox({"cleanup"}).output, "expired leases ended: 0\n");
}

TEST_F(LeasesTest, RoundRobinUsesTheWholeList) {
    import("latam", "192.0.2.1:1\n192.0.2.2:2\n192.0.2.3:3\n");
    std::string seen;
    for (int time = 0; time < 3; ++time)
        seen += json_member(pharox({"acquire", "--pool", "latam", "--json"}).output, "proxy") + "\n";
    for (const char* proxy : {"192.0.2.1:1\n", "192.0.2.2:2\n", "192.0.2.3:3\n"})
        EXPECT_NE(seen.find(proxy), std::string::npos) << seen;
}

TEST_F(LeasesTest, FiltersSelectProxies) {
    import("world", "192.0.2.1:1\n", {"--country", "AR", "--tag", "mobile", "--tag", "fast"});
    import("world", "192.0.2.2:2\n", {"--country", "BR", "--tag", "mobile"});
    import("world", "socks5://192.0.2.3:3\n", {"--source", "provider"});
    const auto proxy_for = [&](std::vector<std::string> filters) {
        filters.insert(filters.begin(), {"acquire", "--pool", "world", "--json"});
        const Finished got = pharox(std::move(filters));
        return got.status == 0 ? json_member(got.output, "proxy") : std::to_string(got.status);
    };
    EXPECT_EQ(proxy_for({"--country", "BR"}), "http://192.0.2.2:2");
    EXPECT_EQ(proxy_for({"--country", "UY", "--country", "BR"}), "http://192.0.2.2:2");
    EXPECT_EQ(proxy_for({"--tag", "mobile", "--tag", "fast"}), "http://192.0.2.1:1");
    EXPECT_EQ(proxy_for({"--protocol", "socks5"}), "socks5://192.0.2.3:3");
    EXPECT_EQ(proxy_for({"--source", "provider"}), "socks5://192.0.2.3:3");
    EXPECT_EQ(proxy_for({"--metadata", "/plan=gold"}), "3");
    EXPECT_EQ(proxy_for({"--near", "1,2"}), "3");
    EXPECT_EQ(proxy_for({"--radius-km", "5"}), "2");
    EXPECT_EQ(proxy_for({"--near", "1,2", "--radius-km", "0x5"}), "2");
    EXPECT_EQ(proxy_for({"--asn", "0x5"}), "2");
    EXPECT_EQ(proxy_for({"--asn", "5", "--asn", "007"}), "3");
    EXPECT_EQ(proxy_for({"--near", "95,2", "--radius-km", "5"}), "2");
    EXPECT_EQ(proxy_for({"--protocol", "ftp"}), "2");
    EXPECT_EQ(proxy_for({"--exclude", "not-an-id"}), "2");
}

TEST_F(LeasesTest, StatsCountPools) {
    import("latam", "192.0.2.1:1\n192.0.2.2:2\n", {"--max-concurrency", "1"});
    import("eu", "192.0.2.1:1\n");
    pharox({"acquire", "--pool", "latam"});
    EXPECT_EQ(pharox({"stats"}).output,
              "POOL   PROXIES  ACTIVE  AVAILABLE  LEASES\n"
              "eu           1       1          1       0\n"
              "latam        2       2          1       1\n");
    EXPECT_EQ(pharox({"stats", "--pool", "eu"}).output,
              "POOL  PROXIES  ACTIVE  AVAILABLE  LEASES\n"
              "eu          1       1          1       0\n");
}

TEST_F(LeasesTest, WatchShowsTheRateOfAcquires) {
    import("latam", "192.0.2.1:1\n");
    pharox({"acquire", "--pool", "latam"});
    ProcessOptions options = command({"stats", "--watch", "--interval", "100ms"});
    options.arguments.insert(
        options.arguments.begin(),
        {"/bin/sh", "-c", R"(out=$1; shift; exec "$@" >"$out")", "sh", home_.file("seen")});
    Process watching(options);
    // Whether a sample shows that rate, or, without an argument, a rate other than these two.
    const auto showed = [&](const std::string& rate) {
        std::istringstream lines(home_.read("seen"));
        for (std::string line; std::getline(lines, line);) {
            const std::string last = line.substr(line.rfind(' ') + 1);
            if (line.starts_with("latam") && (rate.empty() ? last != "-" && last != "0.0" : last == rate))
                return true;
        }
        return false;
    };
    EXPECT_TRUE(eventually([&] { return showed("0.0"); }));
    EXPECT_TRUE(
        home_.read("seen").starts_with("POOL   PROXIES  ACTIVE  AVAILABLE  LEASES  ACQUIRES/S\n"
                                       "latam        1       1          1       1           -\n"))
        << home_.read("seen");
    EXPECT_FALSE(showed("")) << home_.read("seen");
    pharox({"run", "--pool", "latam", "--", "true"});
    EXPECT_TRUE(eventually([&] { return showed(""); })) << home_.read("seen");
    watching.send(SIGTERM);
    watching.wait();
}

TEST_F(LeasesTest, PoolsAndProxiesAreAddedAndRemoved) {
    EXPECT_EQ(pharox({"pool", "add", "eu", "--description", "for tests"}).output, "pool \"eu\" added\n");
    EXPECT_EQ(pharox({"pool", "add", "eu"}).status, 1);
    EXPECT_EQ(pharox({"pool", "list"}).output, "POOL  DESCRIPTION\neu    for tests\n");
    import("eu", "192.0.2.1:1\n");
    const std::string id = json_member(pharox({"proxy", "list", "--pool", "eu", "--json"}).output, "id");

    EXPECT_EQ(pharox({"proxy", "set-status", "banned", id}).output, "set to banned: 1 of 1\n");
    EXPECT_EQ(pharox({"acquire", "--pool", "eu"}).status, 3);
    EXPECT_EQ(pharox({"proxy", "set-status", "active", id}).status, 0);
    EXPECT_EQ(pharox({"acquire", "--pool", "eu"}).status, 0);
    EXPECT_EQ(pharox({"proxy", "set-status", "sleepy", id}).status, 2);

    EXPECT_EQ(pharox({"proxy", "remove", id}).status, 1) << "it has an active lease";
    EXPECT_EQ(pharox({"proxy", "remove", "--force", id, "01890a5d-ac96-774b-bcce-b302099a8057"}).status, 4);
    EXPECT_EQ(leases_of("eu"), 1) << "all of them, or none";
    EXPECT_EQ(pharox({"proxy", "remove", "--force", id}).output, "removed 1, leases revoked: 1\n");
    EXPECT_EQ(pharox({"proxy", "remove", id}).status, 4);
    EXPECT_EQ(pharox({"pool", "remove", "eu"}).output, "pool \"eu\" removed, leases revoked: 0\n");
    EXPECT_EQ(pharox({"pool", "remove", "eu"}).status, 4);
}

TEST_F(LeasesTest, MisspeltPoolGetsASuggestion) {
    import("latam", "192.0.2.1:1\n");
    const std::string expected = "pharox: pool \"latm\" does not exist; did you mean \"latam\"?\n";
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"acquire", "--pool", "latm"},
                                               {"stats", "--pool", "latm"},
                                               {"proxy", "list", "--pool", "latm"},
                                               {"pool", "remove", "latm"}}) {
        const Finished done = pharox(arguments);
        EXPECT_EQ(done.status, 4) << arguments[0];
        EXPECT_EQ(done.errors, expected) << arguments[0];
    }
    EXPECT_EQ(pharox({"run", "--pool", "latm", "--", "true"}).errors, expected);
}

TEST_F(LeasesTest, ExitStatusesAreAsDocumented) {
    import("latam", "192.0.2.1:1\n");
    const auto status = [&](std::vector<std::string> arguments) {
        return pharox(std::move(arguments)).status;
    };
    EXPECT_EQ(status({"--help"}), 0);
    EXPECT_EQ(status({"--version"}), 0);
    EXPECT_EQ(status({"run", "--help"}), 0);
    EXPECT_EQ(status({"pool", "add", "latam"}), 1);
    EXPECT_EQ(status({}), 2);
    EXPECT_EQ(status({"sats"}), 2);
    EXPECT_EQ(status({"stats", "--no-such-option"}), 2);
    EXPECT_EQ(status({"acquire", "--pool", "latam", "--duration", "soon"}), 2);
    EXPECT_EQ(status({"acquire", "--pool", "latam", "--duration", "31d"}), 2);
    EXPECT_EQ(status({"acquire", "--pool", "latam", "--wait", "365000d"}), 2);
    EXPECT_EQ(status({"run", "--pool", "latam", "--wait", "365000d", "--", "true"}), 125);
    EXPECT_EQ(status({"acquire", "--pool", "latam", "--selector", "best"}), 2);
    EXPECT_EQ(status({"release", "no-id"}), 2);
    EXPECT_EQ(status({"acquire", "--pool", "latam", "--country", "AR"}), 3);
    EXPECT_EQ(status({"acquire", "--pool", "europe"}), 4);
    EXPECT_EQ(status({"release", "01890a5d-ac96-774b-bcce-b302099a8057"}), 4);
    home_.write("no-database", std::string(8192, 'x'));
    EXPECT_EQ(status({"stats", "--storage", "sqlite://" + home_.file("no-database")}), 5);
    const Finished command = pharox({"sats"});
    const Finished without_dashes = pharox({"run", "--pool", "latam", "true"});
    EXPECT_EQ(without_dashes.status, 125);
    EXPECT_NE(without_dashes.errors.find("the command follows --"), std::string::npos)
        << without_dashes.errors;
    EXPECT_EQ(command.errors, "pharox: unknown command \"sats\"; did you mean \"stats\"? (pharox --help)\n");
}

TEST_F(LeasesTest, FullDiskIsAFailure) {
    import("latam", "192.0.2.1:1\n");
    ProcessOptions options = command({"stats"});
    options.arguments.insert(options.arguments.begin(), {"/bin/sh", "-c", R"(exec "$@" >/dev/full)", "sh"});
    const Finished done = watched(run_process(options));
    EXPECT_EQ(done.status, 1);
    EXPECT_EQ(done.errors, "pharox: standard output: cannot be written\n");
    options = command({"acquire", "--pool", "latam"});
    options.arguments.insert(options.arguments.begin(), {"/bin/sh", "-c", R"(exec "$@" >/dev/full)", "sh"});
    EXPECT_EQ(watched(run_process(options)).status, 1);
    EXPECT_EQ(leases_of("latam"), 0) << "a lease whose acquire was not reported";
}

}  // namespace
}  // namespace pharox::test
