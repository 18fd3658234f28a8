// lease, release, renew, consumer, and changes of many proxies.
#include "pharox_test.hpp"
#include "terminal.hpp"

namespace pharox::test {
namespace {

class OperateTest : public PharoxTest {
  protected:
    std::string acquire(const std::string& consumer, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"acquire", "--pool", "latam", "--consumer", consumer, "--json"});
        const Finished got = pharox(std::move(more));
        EXPECT_EQ(got.status, 0) << got.errors;
        return json_member(got.output, "lease_id");
    }
};

constexpr const char* unknown_id = "01890a5d-ac96-774b-bcce-b302099a8057";

TEST_F(OperateTest, LeaseListSaysWhoHoldsWhat) {
    secrets_ = {"s3cret"};
    import("latam", "anna:s3cret@192.0.2.1:8080\n192.0.2.2:8080\n");
    import("eu", "192.0.2.1:8080\n");
    const std::string first = acquire("scraper");
    const std::string second = acquire("nightly");
    pharox({"acquire", "--pool", "eu", "--consumer", "nightly"});
    const auto listed = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"lease", "list"});
        const Finished done = pharox(std::move(options));
        EXPECT_EQ(done.status, 0) << done.errors;
        return done.output;
    };
    EXPECT_NE(listed({}).find(first + "  latam  scraper   http://***@192.0.2.1:8080"), std::string::npos)
        << listed({});
    EXPECT_EQ(listed({"--consumer", "scraper"}).find(second), std::string::npos);
    EXPECT_EQ(listed({"--pool", "eu"}).find(second), std::string::npos);
    EXPECT_NE(listed({"--consumer", "nightly", "--proxy", "192.0.2.2"}).find(second), std::string::npos);
    EXPECT_EQ(listed({"--consumer", "nightly", "--proxy", "http://192.0.2.2:8080"}).find(first),
              std::string::npos);
    const std::string json = listed({"--consumer", "scraper", "--json"});
    EXPECT_EQ(json_member(json, "consumer"), "scraper");
    EXPECT_EQ(json_member(json, "proxy"), "http://***@192.0.2.1:8080");
    EXPECT_EQ(json_member(json, "id"), first);
    EXPECT_NE(listed({"--limit", "1"}).find(first), std::string::npos);
    EXPECT_EQ(listed({"--limit", "1"}).find(second), std::string::npos);

    pharox({"release", first});
    EXPECT_EQ(listed({"--pool", "latam"}).find(first), std::string::npos);
    EXPECT_NE(listed({"--all"}).find("  released\n"), std::string::npos) << listed({"--all"});

    const Finished misspelt = pharox({"lease", "list", "--consumer", "nightley"});
    EXPECT_EQ(misspelt.status, 4);
    EXPECT_EQ(misspelt.errors, "pharox: consumer \"nightley\" does not exist; did you mean \"nightly\"?\n");
    EXPECT_EQ(pharox({"lease", "list", "--proxy", "192.0.2.7"}).status, 4);
    EXPECT_EQ(pharox({"lease", "list", "--pool", "asia"}).status, 4);
}

TEST_F(OperateTest, RevokeAsksUnlessLeasesAreNamed) {
    import("latam", "192.0.2.1:8080\n");
    const std::string named = acquire("scraper");
    acquire("scraper");
    const std::string others = acquire("nightly");
    EXPECT_EQ(pharox({"lease", "revoke", named}).output, "lease " + named + " revoked\n");
    EXPECT_EQ(pharox({"lease", "revoke", named}).output, "lease " + named + " had ended already (revoked)\n");

    const Finished unconfirmed = pharox({"lease", "revoke", "--consumer", "scraper"});
    EXPECT_EQ(unconfirmed.status, 2);
    EXPECT_NE(unconfirmed.errors.find("--yes"), std::string::npos) << unconfirmed.errors;
    EXPECT_EQ(pharox({"lease", "revoke", "--consumer", "scraper", "--dry-run", "--json"}).output,
              "{\"dry_run\":true,\"selected\":1}\n");
    EXPECT_EQ(leases_of("latam"), 2);
    EXPECT_EQ(pharox({"lease", "revoke", "--consumer", "scraper", "--yes"}).status, 0);
    EXPECT_EQ(json_member(pharox({"lease", "list", "--json"}).output, "id"), others);

    EXPECT_EQ(pharox({"lease", "revoke"}).status, 2);
    EXPECT_EQ(pharox({"lease", "revoke", others, "--consumer", "nightly"}).status, 2);
    EXPECT_EQ(pharox({"lease", "revoke", unknown_id}).status, 4);
}

TEST_F(OperateTest, RevokeAsksOnATerminal) {
    import("latam", "192.0.2.1:8080\n");
    acquire("scraper");
    for (const char* answer : {"n\n", "\n", "y\n"}) {
        TerminalProcess asking(command({"lease", "revoke", "--consumer", "scraper"}));
        const auto shows = [&](const std::string& part) {
            return eventually([&] { return asking.output().find(part) != std::string::npos; });
        };
        ASSERT_TRUE(shows("This revokes 1 lease. [y/N] ")) << asking.output();
        EXPECT_EQ(leases_of("latam"), 1);
        asking.type(answer);
        const bool yes = answer[0] == 'y';
        EXPECT_TRUE(shows(yes ? "revoked" : "nothing was changed")) << asking.output();
        EXPECT_EQ(asking.wait(), yes ? 0 : 1) << answer;
    }
    EXPECT_EQ(leases_of("latam"), 0);
}

TEST_F(OperateTest, ReleaseTakesAConsumerOrAProxy) {
    import("latam", "192.0.2.1:8080\n192.0.2.2:8080\n");
    const std::string first = acquire("scraper");  // round robin: of the first proxy
    const std::string second = acquire("scraper");
    acquire("nightly");
    const Finished by_proxy = pharox({"release", "--consumer", "scraper", "--proxy", "192.0.2.2:8080"});
    EXPECT_EQ(by_proxy.output, "lease " + second + " released\n") << by_proxy.errors;
    const Finished by_consumer = pharox({"release", "--consumer", "scraper", "--json"});
    EXPECT_EQ(json_member(by_consumer.output, "lease_id"), first);
    EXPECT_EQ(json_member(by_consumer.output, "release_reason"), "released");
    EXPECT_EQ(leases_of("latam"), 1);
    EXPECT_EQ(pharox({"release", "--consumer", "scraper"}).status, 0) << "nothing left is no error";
    EXPECT_EQ(pharox({"release"}).status, 2);
}

TEST_F(OperateTest, RenewExtendsLeases) {
    import("latam", "192.0.2.1:8080\n");
    const std::string lease = acquire("scraper", {"--duration", "1m"});
    const Finished renewed = pharox({"renew", lease, "--duration", "1h30m", "--json"});
    EXPECT_EQ(renewed.status, 0) << renewed.errors;
    EXPECT_EQ(json_member(renewed.output, "renewed"), "true");
    const std::string until = json_member(renewed.output, "expires_at");
    EXPECT_GT(until, json_member(renewed.output, "acquired_at"));
    const Finished shorter = pharox({"renew", lease, "--duration", "1s", "--json"});
    EXPECT_EQ(json_member(shorter.output, "expires_at"), until) << "a renewal never shortens a lease";
    pharox({"release", lease});
    const Finished late = pharox({"renew", lease});
    EXPECT_EQ(late.status, 4);
    EXPECT_EQ(late.output, "lease " + lease + " had ended already (released)\n");
    EXPECT_EQ(pharox({"renew", lease, "--duration", "0"}).status, 2);
    EXPECT_EQ(pharox({"renew", unknown_id}).status, 4);
}

TEST_F(OperateTest, ProxiesAreChangedByFilter) {
    import("latam", "192.0.2.1:8080\n192.0.2.2:8080\n", {"--country", "AR"});
    import("latam", "192.0.2.3:8080\n", {"--country", "BR"});
    const std::vector<std::string> change{
        "proxy", "set", "--pool", "latam", "--country", "AR", "--max-concurrency", "3"};
    auto dry = change;
    dry.emplace_back("--dry-run");
    EXPECT_EQ(pharox(dry).output, "would be changed: 2 of 2\n");
    const auto with_limit = [&] {
        const std::string json = pharox({"proxy", "list", "--pool", "latam", "--json"}).output;
        int count = 0;
        for (auto at = json.find("\"max_concurrency\":3"); at != std::string::npos;
             at = json.find("\"max_concurrency\":3", at + 1))
            ++count;
        return count;
    };
    EXPECT_EQ(with_limit(), 0);
    EXPECT_EQ(pharox(change).output, "changed: 2 of 2\n");
    EXPECT_EQ(with_limit(), 2);
    EXPECT_EQ(pharox(change).output, "changed: 0 of 2\n");
    EXPECT_EQ(
        pharox({"proxy", "set", "192.0.2.3", "--max-concurrency", "3", "--add-tag", "new", "--json"}).output,
        "{\"dry_run\":false,\"selected\":1,\"updated\":1}\n");
    EXPECT_EQ(pharox({"proxy", "set", "--pool", "latam", "--max-concurrency", "none"}).output,
              "changed: 3 of 3\n");
    EXPECT_EQ(with_limit(), 0);
    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{"proxy", "set", "--pool", "latam"},
                                               {"proxy", "set", "--max-concurrency", "3"},
                                               {"proxy", "set", "--pool", "latam", "--max-concurrency", "0"},
                                               {"proxy", "set", "--pool", "latam", "--weight", "-1"}})
        EXPECT_EQ(pharox(wrong).status, 2) << wrong.back();
    EXPECT_EQ(pharox({"proxy", "set", "--pool", "asia", "--weight", "2"}).status, 4);
}

TEST_F(OperateTest, ManyProxiesAreChangedBesideLeases) {
    std::string list;
    for (int host = 0; host < 400; ++host)
        list += "192.0." + std::to_string(host / 250) + "." + std::to_string(host % 250 + 1) + ":8080\n";
    import("latam", list);
    Process changing(command({"proxy", "set", "--pool", "latam", "--max-concurrency", "2"}));
    int acquired = 0;
    while (!changing.ended()) acquired += pharox({"acquire", "--pool", "latam"}).status == 0 ? 1 : 0;
    const Finished changed = watched(changing.wait());
    EXPECT_EQ(changed.output, "changed: 400 of 400\n") << changed.errors;
    EXPECT_EQ(leases_of("latam"), acquired) << "an update keeps the lease counts";
    EXPECT_EQ(pharox({"proxy", "remove", "--pool", "latam", "--yes", "--force"}).output,
              "removed 400, leases revoked: " + std::to_string(acquired) + "\n");
}

TEST_F(OperateTest, ProxiesAreShownBannedAndRemovedByHost) {
    secrets_ = {"s3cret"};
    import("latam", "anna:s3cret@192.0.2.1:8080\n192.0.2.1:8081\nsocks5://[2001:db8::1]:1080\n");
    const std::string lease = acquire("scraper", {"--protocol", "socks5h"});
    const Finished shown = pharox({"proxy", "show", "2001:DB8::1"});
    EXPECT_TRUE(shown.output.starts_with("socks5://[2001:db8::1]:1080\n")) << shown.output << shown.errors;
    EXPECT_NE(shown.output.find("  lease: " + lease), std::string::npos) << shown.output;
    EXPECT_NE(shown.output.find("  status: active\n"), std::string::npos) << shown.output;
    EXPECT_NE(pharox_unwatched({"proxy", "show", "192.0.2.1:8080", "--show-secrets"}).output.find("s3cret"),
              std::string::npos);
    EXPECT_EQ(json_member(pharox({"proxy", "show", "192.0.2.1:8080", "--json"}).output, "last_check"),
              "null");

    EXPECT_EQ(pharox({"proxy", "ban", "192.0.2.1"}).output, "set to banned: 2 of 2\n");
    EXPECT_EQ(
        pharox({"proxy", "set-status", "active", "--pool", "latam", "--status", "banned", "--json"}).output,
        "{\"dry_run\":false,\"selected\":2,\"status\":\"active\",\"updated\":2}\n");
    const Finished unknown = pharox({"proxy", "ban", "192.0.2.1:9", "192.0.2.1"});
    EXPECT_EQ(unknown.status, 4);
    EXPECT_EQ(unknown.errors, "pharox: no proxy with the host 192.0.2.1 and the port 9\n");
    EXPECT_EQ(pharox({"proxy", "ban", "anna:s3cret@192.0.2.1:8080"}).status, 2);

    EXPECT_EQ(pharox({"proxy", "remove", "192.0.2.1:8081"}).status, 2) << "it was not confirmed";
    EXPECT_EQ(pharox({"proxy", "remove", "192.0.2.1:8081", "--dry-run"}).output, "would be removed: 1\n");
    EXPECT_EQ(pharox({"proxy", "remove", "192.0.2.1:8081", "--yes"}).output,
              "removed 1, leases revoked: 0\n");
    EXPECT_EQ(pharox({"proxy", "remove", "socks5://[2001:db8::1]", "--yes"}).status, 1) << "it is leased";
}

TEST_F(OperateTest, ConsumersAreListedAddedAndRemoved) {
    import("latam", "192.0.2.1:8080\n");
    EXPECT_EQ(pharox({"consumer", "add", "nightly"}).output, "consumer \"nightly\" added\n");
    EXPECT_EQ(pharox({"consumer", "add", "nightly"}).status, 1);
    acquire("scraper");
    const std::string listed = pharox({"consumer", "list"}).output;
    EXPECT_NE(listed.find("\nnightly   "), std::string::npos) << listed;
    EXPECT_NE(listed.find("\nscraper   "), std::string::npos) << listed;
    EXPECT_EQ(pharox({"consumer", "remove", "scraper"}).status, 1) << "it has a lease";
    EXPECT_EQ(pharox({"consumer", "remove", "nightly", "scrapr"}).status, 4);
    EXPECT_EQ(pharox({"consumer", "remove", "nightly", "scraper", "--force"}).output,
              "removed 2, leases revoked: 1\n");
    EXPECT_EQ(leases_of("latam"), 0);
}

}  // namespace
}  // namespace pharox::test
