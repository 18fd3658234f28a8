// Models to text records and back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "independent/planted.hpp"
#include "pharox/model/health.hpp"
#include "pharox/model/lease.hpp"
#include "pharox/model/proxy.hpp"

namespace pharox::testkit::independent {

/// A proxy, and what only the store knows of it. `proxy.current_leases` is the counter.
struct ProxyRecord {
    Proxy proxy;
    std::int64_t use_mark = 0;
    std::int64_t token = 0;
};

class Codec {
  public:
    explicit Codec(Planted planted) : planted_(std::move(planted)) {}

    [[nodiscard]] std::string encode(const ProxyRecord& record) const;
    [[nodiscard]] std::string encode(const ProxyPool& pool) const;
    [[nodiscard]] std::string encode(const Consumer& consumer) const;
    [[nodiscard]] std::string encode(const Lease& lease) const;
    [[nodiscard]] std::string encode(const HealthCheckResult& result) const;
    [[nodiscard]] std::string encode(const ProxyHealthRecord& record) const;

    [[nodiscard]] ProxyRecord proxy(const std::string& text) const;
    [[nodiscard]] ProxyPool pool(const std::string& text) const;
    [[nodiscard]] Consumer consumer(const std::string& text) const;
    [[nodiscard]] Lease lease(const std::string& text) const;
    [[nodiscard]] HealthCheckResult result(const std::string& text) const;
    [[nodiscard]] ProxyHealthRecord record(const std::string& text) const;

  private:
    using Fields = std::map<std::string, std::string, std::less<>>;
    [[nodiscard]] std::string joined(const Fields& fields) const;
    [[nodiscard]] Fields split(const std::string& text) const;
    [[nodiscard]] std::string tags_text(const std::set<std::string>& tags) const;
    [[nodiscard]] std::set<std::string> tags(const std::string& text) const;
    [[nodiscard]] std::string number_text(double number) const;
    [[nodiscard]] std::string metadata_text(const Json& metadata) const;
    [[nodiscard]] std::string time_text(Timestamp time) const;
    [[nodiscard]] std::string attribute(std::string text) const;

    Planted planted_;
};

}  // namespace pharox::testkit::independent
