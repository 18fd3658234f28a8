#include "pharox/rules/requests.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "pharox/errors.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pharox;
using namespace pharox::rules;

TEST(RulesOfRequests, NormalisingFillsInWhatIsMissing) {
    const AcquireRequest request{.pool = "eu"};
    const Normalised normalised(request);
    EXPECT_EQ(normalised->consumer, default_consumer_name);
    EXPECT_FALSE(normalised->lease_id.is_nil());
    EXPECT_EQ(normalised->pool, "eu");
    EXPECT_NE(Normalised(request)->lease_id, normalised->lease_id);

    const AcquireRequest given{.pool = "eu", .consumer = "crawler", .lease_id = LeaseId::make()};
    EXPECT_EQ(&*Normalised(given), &given) << "what is complete is not copied";
    const AcquireRequest without_id{.pool = "eu", .consumer = "crawler"};
    EXPECT_EQ(Normalised(without_id)->consumer, "crawler");

    const CreateLeaseRequest create{.proxy_id = ProxyId::make()};
    EXPECT_FALSE(Normalised(create)->lease_id.is_nil());
    EXPECT_EQ(Normalised(create)->proxy_id, create.proxy_id);
    const CreateLeaseRequest with_id{.lease_id = LeaseId::make()};
    EXPECT_EQ(&*Normalised(with_id), &with_id);
}

TEST(RulesOfRequests, NormalisingValidates) {
    const AcquireRequest acquire{.pool = ""};
    EXPECT_THROW(Normalised{acquire}, ValidationError);
    const CreateLeaseRequest create{.duration = 0ms};
    EXPECT_THROW(Normalised{create}, InvalidLeaseError);
}

AcquireRequest full_request() {
    return {.pool = "eu",
            .consumer = "crawler",
            .duration = 90s,
            .filters = {.country = "DE"},
            .selector = Selector::least_used,
            .lease_id = LeaseId::make(),
            .metadata = Json::object({{"job", 3}}),
            .allow_slow = true,
            .max_tenure = 1h,
            .wait = 5s};
}

TEST(RulesOfRequests, AnAcquireSplitsIntoFindAndCreate) {
    const AcquireRequest request = full_request();
    const FindRequest find = find_request(request);
    EXPECT_EQ(find.pool, request.pool);
    EXPECT_EQ(find.filters, request.filters);
    EXPECT_EQ(find.selector, request.selector);
    EXPECT_TRUE(find.allow_slow);
    const CreateLeaseRequest create = create_request(request);
    EXPECT_TRUE(create.proxy_id.is_nil());
    EXPECT_EQ(create.consumer, request.consumer);
    EXPECT_EQ(create.duration, request.duration);
    EXPECT_EQ(create.lease_id, request.lease_id);
    EXPECT_EQ(create.metadata, request.metadata);
    EXPECT_TRUE(create.allow_slow);
    EXPECT_EQ(create.max_tenure, request.max_tenure);
}

TEST(RulesOfRequests, RequestsAreComparedFieldByField) {
    struct Row {
        const char* field;
        std::function<void(AcquireRequest&)> change;
        bool same_statement;
        bool same_answer;
    };
    for (const Row& row : std::vector<Row>{
             {"none", [](AcquireRequest&) {}, true, true},
             {"lease_id", [](AcquireRequest& it) { it.lease_id = LeaseId::make(); }, true, true},
             {"wait", [](AcquireRequest& it) { it.wait = 9s; }, true, true},
             {"pool", [](AcquireRequest& it) { it.pool = "us"; }, false, false},
             {"consumer", [](AcquireRequest& it) { it.consumer = "other"; }, false, false},
             {"duration", [](AcquireRequest& it) { it.duration = 91s; }, false, true},
             {"filters", [](AcquireRequest& it) { it.filters.country = "FR"; }, false, false},
             {"selector", [](AcquireRequest& it) { it.selector = Selector::random; }, false, false},
             {"metadata", [](AcquireRequest& it) { it.metadata = Json::object(); }, false, true},
             {"allow_slow", [](AcquireRequest& it) { it.allow_slow = false; }, false, false},
             {"max_tenure", [](AcquireRequest& it) { it.max_tenure.reset(); }, false, true},
         }) {
        const AcquireRequest one = full_request();
        AcquireRequest other = one;
        row.change(other);
        EXPECT_EQ(same_except_lease_id(one, other), row.same_statement) << row.field;
        EXPECT_EQ(answer_key(one) == answer_key(other), row.same_answer) << row.field;
    }
}

TEST(RulesOfRequests, ExclusionsAndPredicatesHaveNoAnswerInCommon) {
    AcquireRequest request = full_request();
    EXPECT_TRUE(answer_key(request));
    request.filters.exclude = {ProxyId::make()};
    EXPECT_FALSE(answer_key(request));
    AcquireRequest asking = full_request();
    asking.filters.predicate = [](const Proxy&) { return true; };
    EXPECT_FALSE(answer_key(asking));
    EXPECT_FALSE(same_except_lease_id(asking, asking));
}

}  // namespace
