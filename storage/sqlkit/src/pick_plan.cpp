#include "pick_plan.hpp"

namespace pharox::sqlkit {

std::vector<PickPlan> plan_pick(const Dialect& dialect, Selector selector, const ProxyFilters& filters,
                                bool allow_slow) {
    std::vector<PickPlan> plans(1);
    PickPlan& plan = plans.front();
    plan.selector = selector;
    if (!filters.empty()) {
        plan.equality = indexed_equality(filters);
        plan.filter = compile_filter(dialect, filters, plan.equality.attribute);
    }
    if (allow_slow) {
        plans.push_back(plan);
        plans.back().slow = true;
    }
    return plans;
}

}  // namespace pharox::sqlkit
