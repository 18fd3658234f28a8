// The program on a PostgreSQL server: migrate, then the usual commands as a role that only leases.
#include "postgres_test.hpp"

namespace pharox::test {
namespace {

std::string schemas() {
    return postgres::TestServer::shared().query("SELECT count(*) FROM pg_namespace WHERE nspname = 'fleet'");
}

TEST_F(PostgresCommandLine, MigrateThenLease) {
    secrets_ = {"not-told"};
    const std::string owner = url("pharox_owner", "fleet");

    environment_["PHAROX_STORAGE"] = url("pharox_app", "fleet", "&migrations=expect");
    const Finished early = pharox({"stats"});
    EXPECT_EQ(early.status, 5);
    EXPECT_NE(early.errors.find("run pharox migrate"), std::string::npos) << early.errors;

    const Finished plan = pharox({"--storage", owner, "migrate", "--dry-run"});
    EXPECT_EQ(plan.status, 0) << plan.errors;
    EXPECT_NE(plan.output.find("CREATE TABLE \"fleet\".lease"), std::string::npos) << plan.output;
    EXPECT_TRUE(plan.output.starts_with("BEGIN;\n")) << plan.output;
    EXPECT_TRUE(plan.output.ends_with("COMMIT;\n")) << plan.output;
    EXPECT_EQ(schemas(), "0") << "a dry run changes nothing";

    const Finished done = pharox({"--storage", owner, "migrate"});
    EXPECT_EQ(done.output, "migrated from version 0 to 1\n") << done.errors;
    const Finished again = pharox({"--storage", owner, "migrate"});
    EXPECT_EQ(again.output, "the schema is up to date (version 1)\n") << again.errors;
    EXPECT_EQ(pharox({"--storage", owner, "migrate", "--dry-run"}).output, "");
    EXPECT_EQ(pharox({"--storage", owner, "--json", "migrate"}).output, "{\"from\":1,\"to\":1}\n");

    const Finished mistyped = pharox({"--storage", owner + "&max_conections=4", "stats"});
    EXPECT_EQ(mistyped.status, 2) << mistyped.errors;
    EXPECT_NE(mistyped.errors.find("max_conections"), std::string::npos) << mistyped.errors;
    for (const std::string part :
         {"//u:x?not-told=y@127.0.0.1/db", "//u@127.0.0.1/db?password=x&not-told=y"}) {
        const Finished refused = pharox({"--storage", "postgresql:" + part, "stats"});
        EXPECT_EQ(refused.status, 2) << refused.errors;
        EXPECT_NE(refused.errors.find("%26"), std::string::npos) << refused.errors;
    }

    server().query(postgres::grants_for("fleet"));
    import("eu", "192.0.2.1:8080\n192.0.2.2:8080\n", {"--max-concurrency", "1"});
    const Finished ran = pharox({"run", "--pool", "eu", "--", "sh", "-c", "echo $http_proxy"});
    EXPECT_EQ(ran.output, "http://192.0.2.1:8080\n") << ran.errors;
    const Finished next = pharox({"run", "--pool", "eu", "--", "sh", "-c", "echo $http_proxy"});
    EXPECT_EQ(next.output, "http://192.0.2.2:8080\n") << "one after the other: " << next.errors;
    EXPECT_EQ(leases_of("eu"), 0);

    const Finished held = pharox({"acquire", "--pool", "eu", "--json"});
    ASSERT_EQ(held.status, 0) << held.errors;
    ASSERT_EQ(pharox({"acquire", "--pool", "eu"}).status, 0);
    Process waiting(command({"acquire", "--pool", "eu", "--wait", "1m"}));
    EXPECT_EQ(pharox({"acquire", "--pool", "eu"}).status, 3) << "both are in use";
    pharox({"release", json_member(held.output, "lease_id")});
    EXPECT_EQ(watched(waiting.wait()).status, 0);
}

TEST_F(PostgresCommandLine, ErrorsContainNoPassword) {
    secrets_ = {"not-told"};
    const Finished absent = pharox(
        {"--storage", "postgresql://pharox_app:not-told@127.0.0.1:1/pharox?recovery_time_ms=100", "stats"});
    EXPECT_EQ(absent.status, 5);
    EXPECT_NE(absent.errors.find("storage postgres"), std::string::npos) << absent.errors;
    const Finished odd = pharox({"--storage", url("pharox_app", "fleet", "&max_connections=0"), "stats"});
    EXPECT_EQ(odd.status, 2);
    EXPECT_NE(odd.errors.find("max_connections: 0 is not between 1 and 1000"), std::string::npos)
        << odd.errors;
}

/// What differs from a file: the server's clock and schema, no backup, no privileges of the owner.
TEST_F(PostgresCommandLine, OperatorsCommands) {
    secrets_ = {"not-told"};
    const std::string owner = url("pharox_owner", "operated");
    environment_["PHAROX_STORAGE"] = url("pharox_app", "operated", "&migrations=expect");
    const Finished before = pharox({"doctor"});
    EXPECT_EQ(before.status, 0) << "a warning: " << before.output;
    EXPECT_NE(before.output.find("run pharox migrate"), std::string::npos) << before.output;
    ASSERT_EQ(pharox({"--storage", owner, "migrate"}).status, 0);
    server().query(postgres::grants_for("operated"));

    import("eu", "192.0.2.1:8080\n192.0.2.2:8080\n", {"--country", "AR"});
    const std::string lease = json_member(
        pharox({"acquire", "--pool", "eu", "--consumer", "nightly", "--json"}).output, "lease_id");
    ASSERT_EQ(pharox({"acquire", "--pool", "eu", "--consumer", "scraper"}).status, 0);
    const Finished listed = pharox({"lease", "list", "--consumer", "nightly", "--json"});
    EXPECT_EQ(json_member(listed.output, "id"), lease) << listed.errors;
    EXPECT_EQ(json_member(listed.output, "consumer"), "nightly");
    EXPECT_EQ(pharox({"renew", lease, "--duration", "1h"}).status, 0);
    EXPECT_EQ(pharox({"release", "--consumer", "nightly"}).output, "lease " + lease + " released\n");
    EXPECT_EQ(pharox({"lease", "revoke", "--pool", "eu", "--yes"}).status, 0);
    EXPECT_EQ(leases_of("eu"), 0);

    EXPECT_EQ(pharox({"proxy", "set", "--pool", "eu", "--country", "AR", "--max-concurrency", "3"}).output,
              "changed: 2 of 2\n");
    EXPECT_EQ(pharox({"proxy", "ban", "192.0.2.2"}).output, "set to banned: 1 of 1\n");
    EXPECT_EQ(pharox({"proxy", "remove", "--pool", "eu", "--status", "banned", "--yes"}).output,
              "removed 1, leases revoked: 0\n");
    EXPECT_EQ(pharox({"consumer", "remove", "nightly"}).output, "removed 1, leases revoked: 0\n");
    EXPECT_EQ(pharox({"audit", "--repair"}).status, 0);
    EXPECT_EQ(pharox({"export", "--pool", "eu"}).output, "192.0.2.1:8080\n");
    EXPECT_EQ(pharox({"__complete", "stats", "--pool", ""}).output, "eu\t\n");

    const Finished checked = pharox({"doctor"});
    EXPECT_EQ(checked.status, 0) << checked.output;
    for (const char* check : {"schema         ok", "store          ok", "clock          ok"})
        EXPECT_NE(checked.output.find(check), std::string::npos) << checked.output;
    const Finished bench = pharox({"bench", "--duration", "200ms", "--json"});
    EXPECT_EQ(bench.status, 0) << bench.errors;
    EXPECT_EQ(json_member(bench.output, "errors"), "0");
    const Finished backup = pharox({"backup", home_.file("copy")});
    EXPECT_EQ(backup.status, 1);
    EXPECT_NE(backup.errors.find("pg_dump"), std::string::npos) << backup.errors;
}

}  // namespace
}  // namespace pharox::test
