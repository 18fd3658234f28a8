// TLS with verification, passwords and where they come from; and that nothing tells them.
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "fixture.hpp"
#include "pharox/errors.hpp"
#include "raw_connection.hpp"
#include "spawn.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto password = "s3cret&p=w%d";

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// A server that lets pharox_app in with TLS and a scram password alone, and its certificate for "localhost".
class SecureServer : public TestServer {
  public:
    SecureServer() {
        migrate_and_grant("pharox");
        openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ours"
            " -keyout ca.key -out ca.crt");
        openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=theirs"
            " -keyout other.key -out other.crt");
        openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost"
            " -keyout server.key -out server.csr");
        openssl("x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt");
        query("SET password_encryption = 'scram-sha-256'; ALTER ROLE pharox_app PASSWORD '" +
              std::string(password) + "'");
        stop("fast");
        std::ofstream(folder() / "data" / "pg_hba.conf")
            << "hostssl all pharox_app 127.0.0.1/32 scram-sha-256\n"
               "host all postgres,pharox_owner 127.0.0.1/32 trust\n";
        set("ssl=on");
        for (const char* const part : {"ssl_cert_file=server.crt", "ssl_key_file=server.key"}) {
            const std::string setting(part);
            const auto value = setting.find('=') + 1;
            set(setting.substr(0, value) + file(setting.substr(value)));
        }
        start();
    }
    [[nodiscard]] std::string file(const std::string& name) const { return (folder() / name).string(); }
    static SecureServer& shared() {
        static SecureServer server;
        return server;
    }

  private:
    void openssl(const std::string& arguments) const {
        std::vector<std::string> command = {"/usr/bin/openssl"};
        std::istringstream words(arguments);
        for (std::string word; words >> word;) {
            const bool is_file = word.ends_with(".key") || word.ends_with(".crt") || word.ends_with(".csr");
            command.push_back(is_file ? file(word) : word);
        }
        int status = 0;
        ::waitpid(spawn_as_postgres(command, folder() / "openssl.log"), &status, 0);
        if (status != 0) throw std::runtime_error("openssl: " + text_of(folder() / "openssl.log"));
    }
};

/// An environment variable for as long as it lives.
class Variable {
  public:
    Variable(const char* name, const std::string& value) : name_(name) {
        ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no other thread is there
    }
    ~Variable() { ::unsetenv(name_); }  // NOLINT(concurrency-mt-unsafe): as above
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

  private:
    const char* name_;
};

class Security : public testing::Test {
  protected:
    static SecureServer& server() { return SecureServer::shared(); }
    static std::string port() { return std::to_string(server().port()); }
    static std::string target(const std::string& host = "localhost", const std::string& ca = "ca.crt") {
        return "host=" + host + " hostaddr=127.0.0.1 port=" + port() +
               " dbname=pharox user=pharox_app sslmode=verify-full sslrootcert=" + server().file(ca);
    }
    [[nodiscard]] Options options(const std::string& connection) {
        Options options{.connection = connection, .migrations = Migrations::expect};
        options.warn = [this](std::string_view what) { said_ += what; };
        return options;
    }
    void expect_served(const std::string& connection) {
        const auto store = make_storage(options(connection));
        EXPECT_FALSE(store->get_pool_stats({.pool = "none"}));
        EXPECT_NE(server().query("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                                 " WHERE ssl AND usename = 'pharox_app'"),
                  "0");
    }
    void expect_refused(const std::string& connection, const std::string& why) {
        try {
            make_storage(options(connection));
            ADD_FAILURE() << "was let in: " << why;
        } catch (const StorageError& error) {
            said_ += error.what();
            EXPECT_FALSE(error.retryable()) << error.what();
            EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
        }
    }
    void TearDown() override {
        for (const std::string& secret : {std::string(password), std::string("gu3ss")}) {
            EXPECT_EQ(said_.find(secret), std::string::npos) << said_;
            EXPECT_EQ(text_of(server().folder() / "log").find(secret), std::string::npos);
        }
    }

    std::string said_;
};

TEST_F(Security, certificate_is_verified) {
    const std::string with_password = " password='" + std::string(password) + "'";
    expect_served(target() + with_password);
    expect_served("postgresql://pharox_app:s3cret%26p%3Dw%25d@localhost:" + port() +
                  "/pharox?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=" + server().file("ca.crt"));
    expect_refused(target("localhost", "other.crt") + with_password, "certificate verify failed");
    expect_refused(target("elsewhere.example") + with_password, "does not match host name");
    expect_refused(target("localhost", "absent.crt") + with_password, "root certificate file");
}

TEST_F(Security, plain_text_is_refused_by_either_side) {
    const std::string with_password = " password='" + std::string(password) + "'";
    expect_refused(
        "host=127.0.0.1 sslmode=disable dbname=pharox user=pharox_app port=" + port() + with_password,
        "28000");
    expect_refused(TestServer::shared().as("pharox_app") + " sslmode=require" + with_password,
                   "does not support SSL");
}

TEST_F(Security, wrong_and_missing_passwords_are_refused) {
    expect_refused(target() + " password=gu3ss", "28P01");
    expect_refused(target(), "no password supplied");
}

TEST_F(Security, what_the_caller_leaves_out_comes_from_the_environment) {
    const std::string folder = server().folder().string();
    const auto write = [&](const std::string& name, const std::string& text) {
        std::string file = folder + '/' + name;
        std::ofstream(file) << text;
        std::filesystem::permissions(file, std::filesystem::perms::owner_read);
        return file;
    };
    {
        const Variable secret("PGPASSWORD", password);
        expect_served(target());
    }
    const std::string right =
        write("right.pgpass", "localhost:" + port() + ":pharox:pharox_app:" + password + "\n");
    const std::string wrong = write("wrong.pgpass", "localhost:" + port() + ":*:*:gu3ss\n");
    {
        const Variable file("PGPASSFILE", right);
        expect_served(target());
    }
    expect_served(target() + " passfile=" + right);
    expect_refused(target() + " passfile=" + wrong, "28P01");
    const Variable services("PGSERVICEFILE",
                            write("services", "[leases]\nhost=localhost\nhostaddr=127.0.0.1\nport=" + port() +
                                                  "\ndbname=pharox\nuser=pharox_app\n"
                                                  "sslmode=verify-full\nsslrootcert=" +
                                                  server().file("ca.crt") + "\npassfile=" + right + "\n"));
    expect_served("service=leases");
    expect_served("postgresql:///?service=leases");
    expect_refused("service=absent", "definition of service");
    const Variable service("PGSERVICE", "leases");
    EXPECT_FALSE(make_storage(options(""))->get_pool_stats({.pool = "none"}));
    StorageRegistry registry;
    register_postgres(registry);
    EXPECT_FALSE(registry.open("postgres:?migrations=expect")->get_pool_stats({.pool = "none"}));
}

TEST_F(Security, wrong_keywords_are_refused_at_once) {
    expect_refused(target() + " sslmode=sometimes password=gu3ss", "invalid sslmode");
    try {
        make_storage(options(target() + " port=none password=gu3ss"));
        ADD_FAILURE() << "was let in";
    } catch (const ValidationError& error) {
        said_ += error.what();
        EXPECT_NE(std::string(error.what()).find("port that is not a number"), std::string::npos)
            << error.what();
    }
}

}  // namespace
}  // namespace pharox::postgres
