// Records of health checks are forgotten: by their age, and by their number.
#include "fixture.hpp"
#include "raw_connection.hpp"

namespace pharox::postgres {
namespace {

using namespace std::chrono_literals;

class HealthRecords : public PostgresTest {
  protected:
    /// Of two proxies: the first is checked, the second was once, an hour ago.
    void check_each() {
        const auto proxies = store_->catalog()->list_proxies({.pool = "pool"}).items;
        checked_ = proxies.at(0).id;
        other_ = proxies.at(1).id;
        save(other_, 1h);
    }
    void save(ProxyId proxy, Duration ago) {
        store_->health_log()->save_health_record(
            {.proxy_id = proxy, .checked_at = current_time() - ago, .reachable = true});
    }
    /// How long ago, in hours.
    std::vector<std::int64_t> listed(ProxyId proxy) {
        std::vector<std::int64_t> hours;
        for (const auto& record : store_->health_log()->list_health_records({.proxy_id = proxy})) {
            hours.push_back(
                std::chrono::round<std::chrono::hours>(current_time() - record.checked_at).count());
        }
        return hours;
    }
    std::string stored(ProxyId proxy) {
        return RawConnection(server().as("postgres") + " dbname=pharox")
            .query("SELECT count(*) FROM " + schema_ + ".health_record WHERE proxy_id = '" +
                   proxy.to_string() + "'");
    }
    void open_with(const std::function<void(Options&)>& edit) {
        Options options = this->options();
        edit(options);
        store_ = make_storage(options);
        fill(*store_, 2);
        check_each();
    }

    std::shared_ptr<IStorage> store_;
    ProxyId checked_;
    ProxyId other_;
};

TEST_F(HealthRecords, older_ones_than_are_kept_go_with_the_next_check_and_are_not_told_before) {
    open_with([](Options& options) { options.health_retention = 5h; });
    save(checked_, 4h);
    save(checked_, 6h);
    EXPECT_EQ(listed(checked_), (std::vector<std::int64_t>{4}));
    save(checked_, 2h);
    EXPECT_EQ(listed(checked_), (std::vector<std::int64_t>{2, 4}));
    EXPECT_EQ(stored(checked_), "2");
    EXPECT_EQ(listed(other_), (std::vector<std::int64_t>{1}));

    // For a storage with a shorter retention.
    Options options = this->options();
    options.health_retention = 3h;
    store_ = make_storage(options);
    EXPECT_EQ(listed(checked_), (std::vector<std::int64_t>{2}));
    EXPECT_EQ(stored(checked_), "2");
    save(checked_, 1h);
    EXPECT_EQ(listed(checked_), (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(stored(checked_), "2");
}

TEST_F(HealthRecords, the_latest_ones_of_each_proxy_are_kept) {
    open_with([](Options& options) { options.health_records_per_proxy = 3; });
    for (const Duration ago : {9h, 3h, 7h, 5h, 1h}) save(checked_, ago);
    EXPECT_EQ(listed(checked_), (std::vector<std::int64_t>{1, 3, 5}));
    EXPECT_EQ(stored(checked_), "3");
    EXPECT_EQ(listed(other_), (std::vector<std::int64_t>{1}));
}

}  // namespace
}  // namespace pharox::postgres
