#include "pharox/model/health.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <sstream>

#include "test/thrown.hpp"

namespace {

using namespace std::chrono_literals;
using pharox::HealthCheckOptions;
using pharox::HealthCheckResult;
using pharox::ProxyHealthRecord;

template <class Model>
struct Breach {
    std::function<void(Model&)> change;
    std::string refusal;
};

template <class Model, std::size_t N>
void expect_refusals(const Model& good, const Breach<Model> (&breaches)[N]) {
    EXPECT_EQ(validated(good), good);
    for (const auto& [change, refusal] : breaches) {
        Model model = good;
        change(model);
        EXPECT_EQ(refusal_of([&] { return validated(model); }), refusal);
    }
}

TEST(HealthCheckOptions, NamesTheFieldTheValueAndTheRule) {
    using Options = HealthCheckOptions;
    const Breach<Options> breaches[] = {
        {[](Options& o) { o.target_url = ""; }, "target_url |  | is empty"},
        {[](Options& o) { o.target_url = "ftp://a"; },
         "target_url | ftp://a | is not an absolute http or https URL"},
        {[](Options& o) { o.target_url = "/ip"; }, "target_url | /ip | is not an absolute http or https URL"},
        {[](Options& o) { o.target_url = "https://"; }, "target_url | https:// | has no host"},
        {[](Options& o) { o.target_url = "https:///a"; }, "target_url | https:///a | has no host"},
        {[](Options& o) { o.target_url = "http://?a"; }, "target_url | http://?a | has no host"},
        {[](Options& o) { o.target_url = "http://a/ b"; }, "target_url | http://a/ b | contains white space"},
        {[](Options& o) { o.timeout = 0ms; }, "timeout_ms | 0 | is below 1"},
        {[](Options& o) { o.attempts = 0; }, "attempts | 0 | is below 1"},
        {[](Options& o) { o.attempts = 6; }, "attempts | 6 | is above 5"},
        {[](Options& o) { o.expected_status_codes = {}; }, "expected_status_codes |  | is empty"},
        {[](Options& o) { o.expected_status_codes = {200, 99}; },
         "expected_status_codes | 99 | is below 100"},
        {[](Options& o) { o.expected_status_codes = {600}; }, "expected_status_codes | 600 | is above 599"},
        {[](Options& o) { o.slow_threshold = -1ms; }, "slow_threshold_ms | -1 | is below 0"},
        {[](Options& o) { o.headers = {{"a b", "x"}}; }, "headers | a b | is not a header name (RFC 9110)"},
        {[](Options& o) { o.headers = {{"a:", "x"}}; }, "headers | a: | is not a header name (RFC 9110)"},
        {[](Options& o) { o.headers = {{"", "x"}}; }, "headers |  | is empty"},
        {[](Options& o) { o.headers = {{"Authorization", "hunter2\r\nX: y"}}; },
         "headers.Authorization | *** | is not a header value (RFC 9110)"},
    };
    expect_refusals(Options{}, breaches);
}

TEST(HealthCheckOptions, OutputContainsNoSecret) {
    HealthCheckOptions options{.headers = {{"Authorization", "hunter2"}}};
    std::ostringstream out;
    out << options;
    EXPECT_EQ(out.str().find("hunter2"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("Authorization"), std::string::npos) << out.str();
    for (const char* const url :
         {"https://user:hunter2@target.example/", "ftp://user:hunter2@target.example/",
          "user:hunter2@target.example", "http://user:hunter2@target.example/ x"}) {
        options.target_url = url;
        const auto error = thrown_by<pharox::ValidationError>([&] { return validated(options); });
        EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
        EXPECT_EQ(error.value().find("hunter2"), std::string::npos);
    }
    options.target_url = "https://target.example/@user";
    EXPECT_NO_THROW(static_cast<void>(validated(options))) << "an @ in the path is not user info";
}

TEST(HealthCheckResult, NamesTheFieldTheValueAndTheRule) {
    using Result = HealthCheckResult;
    const Breach<Result> breaches[] = {
        {[](Result& r) { r.proxy_id = {}; }, "proxy_id | 00000000-0000-0000-0000-000000000000 | is nil"},
        {[](Result& r) { r.latency_ms = -1; }, "latency_ms | -1.0 | is below 0.0"},
        {[](Result& r) { r.latency_ms = HUGE_VAL; }, "latency_ms | inf | is not finite"},
        {[](Result& r) { r.attempts = 0; }, "attempts | 0 | is below 1"},
        {[](Result& r) { r.status_code = 99; }, "status_code | 99 | is below 100"},
        {[](Result& r) { r.status_code = 600; }, "status_code | 600 | is above 599"},
        {[](Result& r) { r.error_message = ""; }, "error_message |  | is empty"},
    };
    expect_refusals(Result{.proxy_id = pharox::ProxyId::make(), .latency_ms = 0.0}, breaches);
}

TEST(ProxyHealthRecord, NamesTheFieldTheValueAndTheRule) {
    using Record = ProxyHealthRecord;
    const Breach<Record> breaches[] = {
        {[](Record& r) { r.id = {}; }, "id | 00000000-0000-0000-0000-000000000000 | is nil"},
        {[](Record& r) { r.proxy_id = {}; }, "proxy_id | 00000000-0000-0000-0000-000000000000 | is nil"},
        {[](Record& r) { r.latency_ms = -1; }, "latency_ms | -1.0 | is below 0.0"},
        {[](Record& r) { r.error = "\xFF"; }, "error | \xFF | is not UTF-8"},
    };
    expect_refusals(Record{.proxy_id = pharox::ProxyId::make()}, breaches);
}

TEST(HealthFailure, ReadsExactlyWhatItWrites) {
    for (const std::string name : {"dns", "connect", "timeout", "tls", "proxy_auth", "proxy_protocol",
                                   "target_status", "target_unreachable", "cancelled"}) {
        EXPECT_EQ(to_string(pharox::parse_health_failure(name)), name);
    }
    EXPECT_EQ(refusal_of([] { return pharox::parse_health_failure("DNS"); }),
              "failure | DNS | is not dns, connect, timeout, tls, proxy_auth, proxy_protocol, target_status, "
              "target_unreachable or cancelled");
}

}  // namespace
