// Filters on where a proxy is.
#include <random>

#include "cases/finding/found.hpp"
#include "runner/case.hpp"

namespace pharox::testkit {

namespace {

Edit at(double latitude, double longitude) {
    return [=](Proxy& it) {
        it.latitude = latitude;
        it.longitude = longitude;
    };
}

ProxyFilters near(double latitude, double longitude, std::optional<double> radius_km = std::nullopt) {
    return {.latitude = latitude, .longitude = longitude, .radius_km = radius_km};
}

void place_without_a_radius(Context& context) {
    const auto pool = context.add_pool();
    context.add_proxy(pool);
    const auto exact = context.add_proxy(pool, at(-34.6, -58.4));
    const auto close = context.add_proxy(pool, at(-34.6 + 9e-7, -58.4 - 9e-7));
    context.add_proxy(pool, at(-34.6 + 1.2e-6, -58.4));
    context.add_proxy(pool, at(-34.6, -58.4 + 1.2e-6));
    const auto origin = context.add_proxy(pool, at(0, 0));
    expect_found(context, near(-34.6, -58.4), {exact, close});
    expect_found(context, near(0, 0), {origin});
    expect_found(context, near(-0.0, 0), {origin});
}

void place_within_a_radius(Context& context) {
    const auto pool = context.add_pool();
    const auto nowhere = context.add_proxy(pool);
    const auto london = context.add_proxy(pool, at(51.5074, -0.1278));
    const auto paris = context.add_proxy(pool, at(48.8566, 2.3522));
    const auto new_york = context.add_proxy(pool, at(40.7128, -74.0060));
    expect_found(context, near(51.5074, -0.1278, 1), {london});
    expect_found(context, near(51.5074, -0.1278, 330), {london});
    expect_found(context, near(51.5074, -0.1278, 350), {london, paris});
    expect_found(context, near(40.7128, -74.0060, 20'000), {london, paris, new_york});
    expect_found(context, near(40.7128, -74.0060, 0.0001), {new_york});
    expect_found(context, {.country = "GB", .latitude = 51.5, .longitude = -0.1, .radius_km = 100.0}, {});
    expect_found(context, {.none_of = {near(48.8566, 2.3522, 400)}}, {nowhere, new_york});
}

void rim_of_a_radius(Context& context) {
    const auto pool = context.add_pool();
    const auto rim = context.add_proxy(pool, at(10.5, 20.25));
    const double distance = haversine_distance_km(10, 20, 10.5, 20.25);
    EXPECT_TRUE(context.find("pool", near(10, 20, distance + 0.0011))) << rim;
    EXPECT_FALSE(context.find("pool", near(10, 20, distance - 0.0011))) << rim;
    // Far away, a mean radius of 6371.0088 km or the equator's instead of 6371.0 is wrong by more than a
    // metre.
    const auto far = haversine_distance_km(-70, -150, 10.5, 20.25);
    EXPECT_TRUE(context.find("pool", near(-70, -150, far + 0.0011))) << far << " km";
    EXPECT_FALSE(context.find("pool", near(-70, -150, far - 0.0011))) << far << " km";
}

void radius_across_the_antimeridian(Context& context) {
    const auto pool = context.add_pool();
    const auto east = context.add_proxy(pool, at(-17, 179.9));
    const auto west = context.add_proxy(pool, at(-17, -179.9));
    const auto edge = context.add_proxy(pool, at(-17, 180));
    const auto other_edge = context.add_proxy(pool, at(-17, -180));
    context.add_proxy(pool, at(-17, 0));
    expect_found(context, near(-17, 179.9, 30), {east, west, edge, other_edge});
    expect_found(context, near(-17, -179.9, 30), {east, west, edge, other_edge});
    expect_found(context, near(-17, 180, 1), {edge, other_edge});
}

void radius_at_the_poles(Context& context) {
    const auto pool = context.add_pool();
    const auto pole = context.add_proxy(pool, at(90, 0));
    const auto near_pole = context.add_proxy(pool, at(89.9, 170));
    const auto behind = context.add_proxy(pool, at(89.9, -10));
    const auto south = context.add_proxy(pool, at(-90, 77));
    expect_found(context, near(90, -120, 1), {pole});
    expect_found(context, near(89.9, -10, 30), {pole, near_pole, behind});
    expect_found(context, near(-90, 0, 1), {south});
    expect_found(context, near(90, 0, 20'016), {pole, near_pole, behind, south});
}

void radius_agrees_with_the_formula(Context& context) {
    const auto pool = context.add_pool();
    std::mt19937_64 random(20'261'004);
    std::uniform_real_distribution<double> latitude(-90, 90);
    std::uniform_real_distribution<double> longitude(-180, 180);
    std::vector<Proxy> proxies;
    for (int i = 0; i < 30; ++i) {
        proxies.push_back(context.add_proxy(pool, at(latitude(random), longitude(random))));
    }
    for (const double radius : {50.0, 500.0, 3'000.0, 9'000.0, 15'000.0}) {
        const auto filters = near(latitude(random), longitude(random), radius);
        std::vector<Proxy> wanted;
        for (const auto& proxy : proxies) {
            if (matches(filters, proxy)) {
                wanted.push_back(proxy);
            }
        }
        expect_found(context, filters, wanted);
    }
}

}  // namespace

std::vector<Case> place_cases() {
    return {
        {"place_without_a_radius", {"X-07"}, {}, place_without_a_radius},
        {"place_within_a_radius", {"X-08"}, {}, place_within_a_radius},
        {"rim_of_a_radius", {"X-08"}, {}, rim_of_a_radius},
        {"radius_across_the_antimeridian", {"X-08"}, {}, radius_across_the_antimeridian},
        {"radius_at_the_poles", {"X-08"}, {}, radius_at_the_poles},
        {"radius_agrees_with_the_formula", {"X-08", "X-15"}, {}, radius_agrees_with_the_formula},
    };
}

}  // namespace pharox::testkit
