// A schema of its own for each test.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>

#include "pharox/storage/catalog.hpp"
#include "pharox/storage/health_log.hpp"
#include "pharox/storage/lease_control.hpp"
#include "pharox/storage/maintenance.hpp"
#include "server.hpp"
#include "tcp_gate.hpp"

namespace pharox::postgres {

class PostgresTest : public testing::Test {
  protected:
    PostgresTest() : schema_("t" + std::to_string(++schemas_made)) { server().migrate_and_grant(schema_); }

    static TestServer& server() { return TestServer::shared(); }
    [[nodiscard]] Options options() const { return server().options("pharox_app", schema_); }
    [[nodiscard]] Options through(int port) const {
        Options options = this->options();
        options.connection = server().as("pharox_app", port) + " sslmode=disable";
        return options;
    }
    [[nodiscard]] std::shared_ptr<IStorage> open() const { return make_storage(options()); }

    /// A pool "pool" of active proxies, and the consumer "default".
    static ProxyPool fill(IStorage& store, int proxies, const std::function<void(int, Proxy&)>& edit = {}) {
        const ProxyPool pool = store.catalog()->add_pool({.name = "pool"});
        store.ensure_consumer({.name = "default"});
        std::vector<Proxy> some;
        for (int i = 0; i < proxies; ++i) {
            Proxy proxy{.pool_id = pool.id,
                        .host = "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) +
                                "." + std::to_string(i % 256),
                        .port = 8080,
                        .status = ProxyStatus::active};
            proxy.max_concurrency = 1;
            if (edit) edit(i, proxy);
            some.push_back(std::move(proxy));
        }
        store.catalog()->add_proxies({.proxies = std::move(some)});
        return pool;
    }
    static std::int64_t leases(IStorage& store) {
        return store.get_pool_stats({.pool = "pool"})->total_leases;
    }

    std::string schema_;

  private:
    static inline std::atomic<int> schemas_made{0};
};

}  // namespace pharox::postgres
