#include "proxies.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace pharox::test {
namespace {

constexpr const char* log_name = "log";

std::string user_name() {
    const passwd* user = ::getpwuid(::getuid());
    if (user == nullptr) throw std::runtime_error("this user has no name");
    return user->pw_name;
}

std::string run_tool(const std::vector<std::string>& arguments) {
    const Finished done = run_process({.arguments = arguments, .environment = {{"PATH", "/usr/bin:/bin"}}});
    if (done.status != 0) throw std::runtime_error(arguments.front() + " failed: " + done.errors);
    return done.output;
}

}  // namespace

std::string RunningProxy::log() const { return folder_.read(log_name); }

Tinyproxy::Tinyproxy(const ProxyUser& user) {
    const std::string program = find_program("tinyproxy", "tinyproxy");
    const std::string config = folder_.write("tinyproxy.conf", "Port " + std::to_string(port()) +
                                                                   "\n"
                                                                   "Listen 127.0.0.1\n"
                                                                   "Timeout 60\n"
                                                                   "MaxClients 100\n"
                                                                   "LogLevel Connect\n"
                                                                   "LogFile \"" +
                                                                   folder_.file(log_name) +
                                                                   "\"\n"
                                                                   "ViaProxyName \"tinyproxy-under-test\"\n"
                                                                   "BasicAuth " +
                                                                   user.name + " " + user.password + "\n");
    server_ = std::make_unique<ServerProcess>(std::vector<std::string>{program, "-d", "-c", config}, port());
}

Microsocks::Microsocks(const ProxyUser& user) {
    const std::string program = find_program("microsocks", "microsocks");
    // The server logs to standard error, which the shell redirects to the file of log().
    const std::string script = R"(exec "$0" -i 127.0.0.1 -p "$1" -u "$2" -P "$3" 2>"$4")";
    server_ = std::make_unique<ServerProcess>(
        std::vector<std::string>{"/bin/sh", "-c", script, program, std::to_string(port()), user.name,
                                 user.password, folder_.file(log_name)},
        port());
}

Dante::Dante() {
    const std::string program = find_program("danted", "dante-server");
    const bool root = ::geteuid() == 0;
    const std::string config =
        folder_.write("danted.conf", "logoutput: " + folder_.file(log_name) +
                                         "\n"
                                         "internal: 127.0.0.1 port = " +
                                         std::to_string(port()) +
                                         "\n"
                                         "external: 127.0.0.1\n"
                                         "socksmethod: none\n"
                                         "clientmethod: none\n"
                                         "user.privileged: " +
                                         user_name() +
                                         "\n"
                                         "user.unprivileged: " +
                                         (root ? "nobody" : user_name()) +
                                         "\n"
                                         "client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }\n"
                                         "socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0\n"
                                         "  log: connect }\n");
    server_ = std::make_unique<ServerProcess>(std::vector<std::string>{program, "-f", config}, port());
}

Squid::Squid(const ProxyUser& user) {
    const std::string program = find_program("squid", "squid-openssl");
    const std::string openssl = find_program("openssl", "openssl");
    ::chmod(folder_.path().c_str(), 0777);  // a server drops root's privileges before it opens its logs
    run_tool({openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
              "-days", "2", "-keyout", folder_.file("key.pem"), "-out", certificate(), "-subj",
              "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"});
    ::chmod(folder_.file("key.pem").c_str(), 0644);
    folder_.write("passwords", user.name + ":" + run_tool({openssl, "passwd", "-apr1", user.password}));
    const std::string config =
        folder_.write("squid.conf", "https_port 127.0.0.1:" + std::to_string(port()) +
                                        " tls-cert=" + certificate() + " tls-key=" + folder_.file("key.pem") +
                                        "\n"
                                        "auth_param basic program /usr/lib/squid/basic_ncsa_auth " +
                                        folder_.file("passwords") +
                                        "\n"
                                        "auth_param basic children 1\n"
                                        "acl known proxy_auth REQUIRED\n"
                                        "http_access allow known\n"
                                        "http_access deny all\n"
                                        "cache deny all\n"
                                        "pid_filename none\n"
                                        "access_log stdio:" +
                                        folder_.file(log_name) +
                                        "\n"
                                        "cache_log " +
                                        folder_.file("cache.log") +
                                        "\n"
                                        "cache_store_log none\n"
                                        "netdb_filename none\n"
                                        "coredump_dir none\n"
                                        "shutdown_lifetime 0 seconds\n"
                                        "visible_hostname squid-under-test\n");
    server_ = std::make_unique<ServerProcess>(std::vector<std::string>{program, "-N", "-f", config}, port());
}

}  // namespace pharox::test
