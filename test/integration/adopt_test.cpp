// pharox adopt, on the databases that released versions of the Python package made (test/adopt/make-dumps).
#include <fstream>
#include <nlohmann/json.hpp>

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "postgres_test.hpp"

namespace pharox::test {
namespace {

using Document = nlohmann::json;

const std::string id_prefix = "00000000-0000-4000-8000-0000000000";  // of the dumps' pools and proxies
const std::string full_proxy = id_prefix + "10";
const std::string banned_proxy = id_prefix + "12";
const std::string unlimited_proxy = id_prefix + "14";

class AdoptCase : public PostgresCommandLine {
  protected:
    AdoptCase() { secrets_ = {"p@ss", "w/rd", "anna", "not-told", "s3cret"}; }

    std::string psql(const std::string& database, const std::vector<std::string>& more) {
        std::vector<std::string> arguments = {"/usr/bin/psql",
                                              "-qAtX",
                                              "-v",
                                              "ON_ERROR_STOP=1",
                                              "-h",
                                              "127.0.0.1",
                                              "-p",
                                              std::to_string(server().port()),
                                              "-U",
                                              "postgres",
                                              "-d",
                                              database};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Finished done = run_process({.arguments = arguments, .environment = environment_});
        EXPECT_EQ(done.status, 0) << done.errors;
        return done.output;
    }

    /// Restores the dump as a new database, as if it had been made just now. Returns its name.
    std::string restore(const std::string& version) {
        static int made = 0;
        const std::string name = "reference_" + std::to_string(++made);
        server().query("CREATE DATABASE " + name);
        psql(name, {"-f", std::string(PHAROX_ADOPT_DUMPS) + "/" + version + ".sql"});
        psql(name, {"-c", R"(
            DO $$ DECLARE passed interval = now() - (SELECT max(created_at) FROM consumer); BEGIN
                UPDATE lease SET acquired_at = acquired_at + passed,
                    expires_at = CASE WHEN expires_at - acquired_at > interval '1 minute' THEN expires_at + passed ELSE expires_at END;
                UPDATE proxy SET checked_at = checked_at + passed;
                IF to_regclass('proxy_health_record') IS NOT NULL THEN
                    UPDATE proxy_health_record SET checked_at = checked_at + passed;
                END IF;
            END $$)"});
        return name;
    }
    static std::string source(const std::string& database) {
        return "postgresql+psycopg://postgres:not-told@127.0.0.1:" + std::to_string(server().port()) + "/" +
               database;
    }
    /// A new schema for the destination, selected by PHAROX_STORAGE.
    std::shared_ptr<IStorage> new_destination() {
        static int made = 0;
        const std::string schema = "adopted_" + std::to_string(++made);
        environment_["PHAROX_STORAGE"] = url("pharox_owner", schema);
        return postgres::make_storage(server().options("pharox_owner", schema));
    }

    Document json(std::vector<std::string> arguments, int status = 0) {
        arguments.emplace_back("--json");
        const Finished done = pharox(arguments);
        EXPECT_EQ(done.status, status) << done.errors;
        return done.output.empty() ? Document() : Document::parse(done.output);
    }
    Document proxy(const std::string& pool, const std::string& id) {
        const Finished done = pharox_unwatched({"proxy", "list", "--pool", pool, "--show-secrets", "--json"});
        const Document all = Document::parse(done.output);
        for (const Document& one : all["proxies"]) {
            if (one["id"] == id) return one;
        }
        return {};
    }
};

class AdoptTest : public AdoptCase, public ::testing::WithParamInterface<std::string> {
  protected:
    /// Adopts into the configured storage, and checks what came over.
    void adopt_and_check() {
        const std::string database = restore(GetParam());
        const std::string everything =
            "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM (SELECT p::text FROM proxy p UNION "
            "ALL SELECT "
            "l::text FROM lease l UNION ALL SELECT c::text FROM consumer c UNION ALL SELECT s::text FROM "
            "pool_selector_state s) AS t";
        const std::string before = psql(database, {"-c", everything});

        Document planned = json({"adopt", source(database), "--dry-run"});
        EXPECT_EQ(json({"pool", "list"})["pools"].size(), 0);
        EXPECT_EQ(json({"consumer", "list"})["consumers"].size(), 0);
        const Document done = json({"adopt", source(database)});
        EXPECT_EQ(planned["dry_run"], true);
        planned["dry_run"] = false;
        EXPECT_EQ(planned, done) << "the dry run says what the adoption does";
        EXPECT_EQ(psql(database, {"-c", everything}), before) << "the source is only read";

        EXPECT_EQ(done["pools"], (Document{{"found", 3}, {"adopted", 2}}));
        EXPECT_EQ(done["consumers"], (Document{{"found", 3}, {"adopted", 3}}));
        EXPECT_EQ(done["proxies"], (Document{{"found", 9}, {"adopted", 6}}));
        EXPECT_EQ(done["leases"], (Document{{"found", 5}, {"adopted", 5}}));
        EXPECT_EQ(done["ended_leases"], 2);
        const int records = GetParam() == "0.11.0" ? 5 : 0;
        EXPECT_EQ(done["health_records"], (Document{{"found", records}, {"adopted", records}}));
        check_notes(done["notes"]);
        check_proxies();
        check_leases(database);

        const Finished again = pharox({"adopt", source(database)});
        EXPECT_EQ(again.status, 1);
        EXPECT_NE(again.errors.find("exists already in the storage"), std::string::npos) << again.errors;
    }

    static void check_notes(const Document& notes) {
        std::map<std::string, std::string> by_id;
        for (const Document& note : notes)
            by_id[note["id"].get<std::string>()] +=
                note["outcome"].get<std::string>() + ": " + note["reason"].get<std::string>() + "\n";
        EXPECT_EQ(by_id[id_prefix + "20"].find("left_out: host: \"not a host\""), 0)
            << by_id[id_prefix + "20"];
        EXPECT_EQ(by_id[id_prefix + "21"],
                  "changed: without latitude: 1000.0 is above 90.0\nchanged: without asn: "
                  "-5 is below 0\n");
        EXPECT_EQ(by_id[id_prefix + "22"], "merged: is the same proxy as " + full_proxy + "\n");
        EXPECT_EQ(by_id[id_prefix + "23"], "left_out: its pool is left out\n");
        EXPECT_EQ(by_id[id_prefix + "03"].find("left_out: name: "), 0) << by_id[id_prefix + "03"];
        EXPECT_EQ(notes.size(), 7) << notes;
    }

    void check_proxies() {
        const Document full = proxy("latam", full_proxy);
        EXPECT_EQ(full["credentials"],
                  (Document{{"user", "anna b"}, {"password", "p@ss:w/rd+ü"}, {"template", false}}));
        EXPECT_EQ(full["status"], "active");
        EXPECT_EQ(full["max_concurrency"], 2);
        EXPECT_EQ(full["current_leases"], 3) << "two, and that of its twin";
        EXPECT_EQ(full["city"], "Córdoba");
        EXPECT_EQ(full["country"], "AR");
        EXPECT_EQ(full["isp"], "ISP S.A.");
        EXPECT_EQ(full["source"], "list-a");
        EXPECT_EQ(full["asn"], 64500);
        EXPECT_EQ(full["latitude"], -31.4);
        EXPECT_EQ(full["longitude"], -64.2);
        // 0.8 does not keep the latency.
        EXPECT_EQ(full.contains("latency_ms"), GetParam() != "0.8.1");
        EXPECT_EQ(full.value("latency_ms", 120.0), 120);

        const Document inactive = proxy("latam", id_prefix + "11");
        EXPECT_EQ(inactive["status"], "inactive");
        EXPECT_EQ(inactive["host"], "2001:db8::1");
        EXPECT_EQ(inactive["protocol"], "socks5");
        EXPECT_FALSE(inactive.contains("credentials"));
        EXPECT_FALSE(inactive.contains("max_concurrency"));
        const Document banned = proxy("latam", banned_proxy);
        EXPECT_EQ(banned["status"], "banned");
        EXPECT_EQ(banned["host"], "proxy.example.com");
        EXPECT_EQ(banned["current_leases"], 1);
        EXPECT_EQ(proxy("Europe (ü)", id_prefix + "13")["status"], "slow");
        EXPECT_FALSE(proxy("latam", id_prefix + "21").contains("latitude"));
        const Document pools = json({"pool", "list"});
        for (const Document& pool : pools["pools"]) {
            EXPECT_EQ(pool["metadata"], Document::object());
            EXPECT_EQ(pool.value("description", ""),
                      pool["name"] == "latam" ? "residential, paid monthly" : "");
        }
    }

    /// With their ids, holders and ends, so that whoever holds one can renew or release it.
    void check_leases(const std::string& database) {
        const Document leases = json({"lease", "list"})["leases"];
        ASSERT_EQ(leases.size(), 5);
        std::map<std::string, int> by_proxy;
        for (const Document& lease : leases) {
            const std::string id = lease["id"];
            const std::string difference = psql(
                database, {"-c", "SELECT least(expires_at, now() + interval '30 days') - timestamptz '" +
                                     lease["expires_at"].get<std::string>() +
                                     "' BETWEEN interval '-2 s' AND interval '30 s' FROM lease WHERE id = '" +
                                     id + "'"});
            EXPECT_EQ(difference, "t\n") << lease;
            const std::string holder = psql(
                database,
                {"-c", "SELECT c.name FROM lease l JOIN consumer c ON c.id = l.consumer_id WHERE l.id = '" +
                           id + "'"});
            EXPECT_EQ(lease["consumer"].get<std::string>() + "\n", holder);
            ++by_proxy[lease["proxy_id"]];
        }
        EXPECT_EQ(by_proxy,
                  (std::map<std::string, int>{{full_proxy, 3}, {banned_proxy, 1}, {unlimited_proxy, 1}}));
        EXPECT_EQ(json({"stats", "--pool", "latam"})["pools"][0]["total_leases"], 4);
        const Finished full = pharox({"acquire", "--pool", "latam", "--country", "AR"});
        EXPECT_EQ(full.status, 3) << full.output;
        const std::string id = leases[0]["id"];
        EXPECT_EQ(json({"release", id})["leases"][0]["released"], true);
    }
};

TEST_P(AdoptTest, IntoSqlite) { adopt_and_check(); }

TEST_P(AdoptTest, IntoPostgres) {
    const auto storage = new_destination();
    adopt_and_check();
    const auto records = storage->health_log()->list_health_records({.proxy_id = ProxyId::parse(full_proxy)});
    if (GetParam() != "0.11.0") {
        EXPECT_EQ(records.size(), 0);
        return;
    }
    ASSERT_EQ(records.size(), 3);
    EXPECT_EQ(records[0].error, "timed out");
    EXPECT_FALSE(records[0].reachable);
    EXPECT_EQ(records[1].latency_ms, 120);
    EXPECT_EQ(records[1].status_after, ProxyStatus::active);
    EXPECT_EQ(records[2].latency_ms, 250);
}

INSTANTIATE_TEST_SUITE_P(Released, AdoptTest, ::testing::Values("0.8.1", "0.9.0", "0.10.0", "0.11.0"),
                         [](const auto& about) {
                             std::string name = about.param;
                             std::ranges::replace(name, '.', '_');
                             return name;
                         });

TEST_F(AdoptCase, NamesOfEnumerationsMayBeUpperCase) {
    const std::string database = restore("0.8.1");  // up to 0.8.0 they were
    psql(database, {"-c", "UPDATE proxy SET status = upper(status), protocol = upper(protocol)"});
    psql(database, {"-c", "UPDATE lease SET status = upper(status)"});
    const Document done = json({"adopt", source(database)});
    EXPECT_EQ(done["proxies"]["adopted"], 6);
    EXPECT_EQ(done["leases"]["adopted"], 5);
    EXPECT_EQ(done["ended_leases"], 2);
}

TEST_F(AdoptCase, OnlyTheRequestedPools) {
    const std::string database = restore("0.11.0");
    const Document done = json({"adopt", source(database), "--pool", "Europe (ü)", "--health-records", "1"});
    EXPECT_EQ(done["pools"], (Document{{"found", 1}, {"adopted", 1}}));
    EXPECT_EQ(done["proxies"], (Document{{"found", 2}, {"adopted", 2}}));
    EXPECT_EQ(done["leases"], (Document{{"found", 1}, {"adopted", 1}}));
    EXPECT_EQ(done["health_records"], (Document{{"found", 1}, {"adopted", 1}}));
    json({"adopt", source(database), "--pool", "absent"}, 4);
    const Document rest = json({"adopt", source(database), "--pool", "latam"});
    EXPECT_EQ(rest["consumers"], (Document{{"found", 3}, {"adopted", 0}})) << "they exist";
    EXPECT_EQ(rest["health_records"]["found"], 4);
}

TEST_F(AdoptCase, AFailureTakesBackWhatWasAdded) {
    const auto storage = new_destination();
    ProxyPool other{.name = "other"};
    storage->catalog()->add_pool(other);
    storage->catalog()->add_proxy(
        {.id = ProxyId::parse(full_proxy), .pool_id = other.id, .host = "192.0.2.200", .port = 1});
    const std::string database = restore("0.11.0");
    const Finished refused = pharox({"adopt", source(database)});
    EXPECT_EQ(refused.status, 1);
    EXPECT_NE(refused.errors.find(full_proxy), std::string::npos) << refused.errors;
    EXPECT_EQ(json({"pool", "list"})["pools"].size(), 1);
    EXPECT_EQ(json({"consumer", "list"})["consumers"].size(), 0);
    storage->catalog()->remove_pool("other", false);
    EXPECT_EQ(json({"adopt", source(database)})["leases"]["adopted"], 5);
}

TEST_F(AdoptCase, AKilledAdoptionIsTakenBackByTheNext) {
    const auto storage = new_destination();
    const std::string database = restore("0.11.0");
    // Many records, so that there is time to kill it once the pools are there.
    psql(database, {"-c", "INSERT INTO proxy_health_record SELECT gen_random_uuid(), '" + full_proxy +
                              "', now() - n * interval '1 second', true, n, 'http', NULL, 'active', NULL "
                              "FROM generate_series(1, 20000) AS n"});
    Process killed(command({"adopt", source(database), "--health-records", "100000"}));
    const auto half_done = [&] {
        return !storage->health_log()->list_health_records({.proxy_id = ProxyId::parse(full_proxy)}).empty();
    };
    ASSERT_TRUE(eventually(half_done));
    killed.send(SIGKILL);
    EXPECT_EQ(watched(killed.wait()).status, 128 + SIGKILL);
    EXPECT_EQ(json({"pool", "list"})["pools"].size(), 2);
    EXPECT_EQ(pharox({"acquire", "--pool", "Europe (ü)"}).status, 3) << "no proxy can be leased yet";

    EXPECT_EQ(json({"adopt", source(database), "--health-records", "10"})["leases"]["adopted"], 5);
    EXPECT_EQ(storage->health_log()->list_health_records({.proxy_id = ProxyId::parse(full_proxy)}).size(),
              10);
}

TEST_F(AdoptCase, ThePageShowsItsOutput) {
    std::ifstream file(PHAROX_ADOPT_PAGE);
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const std::string command = "$ pharox adopt postgresql://pharox@db/pharox\n";
    const auto begin = page.find(command) + command.size();
    const std::string shown = page.substr(begin, page.find("```", begin) - begin);
    const Finished done = pharox({"adopt", source(restore("0.11.0"))});
    EXPECT_EQ(shown, done.errors + done.output);
}

TEST_F(AdoptCase, OtherSourcesAreRefused) {
    const Finished other = pharox({"adopt", source("postgres")});
    EXPECT_EQ(other.status, 5);
    EXPECT_NE(other.errors.find("this is no database of the Python package pharox"), std::string::npos)
        << other.errors;
    const Finished absent = pharox({"adopt", "postgresql://u:s3cret@127.0.0.1:1/x"});
    EXPECT_EQ(absent.status, 5);
    EXPECT_NE(absent.errors.find("Connection refused"), std::string::npos) << absent.errors;
    for (const char* url : {"sqlite:a.db", "u:s3cret@host", "postgresql://u:p@s3cret@host/x",
                            "postgresql://u:s3cret/x", "postgresql://u@host/x?s3cret=1"}) {
        EXPECT_EQ(pharox({"adopt", url}).status, 2) << url;
    }
}

}  // namespace
}  // namespace pharox::test
