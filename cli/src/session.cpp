#include "session.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "exit_code.hpp"
#include "output.hpp"
#include "pharox/app/configuration.hpp"
#include "pharox/app/storages.hpp"
#include "pharox/errors.hpp"
#include "text.hpp"

namespace pharox::cli {
namespace {

/// A URL or a line of a list may have been typed in place of an id, a file or a number.
std::string text_of(const ValidationError& error) {
    const std::string shown = without_password(error.value());
    // Errors about a storage's URL do not contain its password, so they can show the rest of it.
    const bool harmless = shown == error.value() || error.field() == "storage";
    return harmless ? error.what() : ValidationError(error.field(), shown, error.rule()).what();
}

}  // namespace

IStorage& Session::storage() {
    if (storage_) return *storage_;
    const app::Configuration configuration = app::load_configuration(storage_flag);
    const StorageUrl url = StorageUrl::parse(configuration.storage);
    if (url.scheme == "memory" || url.rest == ":memory:") {
        throw ValidationError("storage", url.scheme + ":" + (url.scheme == "memory" ? "" : url.rest),
                              "would be lost when this command ends: use a file, as in sqlite:pools.db");
    }
    if (configuration.default_folder) app::make_private_folder(*configuration.default_folder);
    StorageRegistry registry;
    app::register_all_storages(registry);
    storage_ = registry.open(configuration.storage);
    return *storage_;
}

ICatalog& Session::catalog() { return require_catalog(storage()); }

ProxyManager& Session::manager() {
    if (!manager_) {
        storage();
        manager_ =
            std::make_unique<ProxyManager>(storage_, ManagerOptions{.register_unknown_consumers = true});
    }
    return *manager_;
}

ProxyPool Session::pool(const std::string& name) {
    if (auto found = catalog().get_pool(name)) return *std::move(found);
    throw PoolNotFoundError(name);
}

std::vector<ProxyPool> Session::pools() {
    std::vector<ProxyPool> all;
    ListRequest request{.limit = 1'000};
    do {
        Page<ProxyPool> page = catalog().list_pools(request);
        std::ranges::move(page.items, std::back_inserter(all));
        request.after = std::move(page.next);
    } while (!request.after.empty());
    return all;
}

std::string Session::unknown_pool_text(const std::string& name) {
    const std::string shown = without_password(name);
    std::string text = "pool \"" + shown + "\" does not exist";
    std::vector<std::string> names;
    for (const ProxyPool& pool : pools()) names.push_back(pool.name);
    if (const auto close = nearest(name, names)) return text + "; did you mean \"" + *close + "\"?";
    if (names.empty()) return text + "; there are no pools yet: pharox import --pool " + shown + " LIST";
    return text;
}

std::string Session::unknown_consumer_text(const std::string& name) {
    std::vector<std::string> names;
    ListRequest request{.limit = 1'000};
    do {
        Page<Consumer> page = catalog().list_consumers(request);
        for (Consumer& consumer : page.items) names.push_back(std::move(consumer.name));
        request.after = std::move(page.next);
    } while (!request.after.empty());
    const auto close = nearest(name, names);
    return "consumer \"" + without_password(name) + "\" does not exist" +
           (close ? "; did you mean \"" + *close + "\"?" : "");
}

int guarded(Session& session, const std::function<int()>& work) {
    try {
        try {
            return work();
        } catch (const PoolNotFoundError& error) {
            complain(session.unknown_pool_text(error.pool()));
            return exit_code::not_found;
        } catch (const ConsumerNotFoundError& error) {
            complain(session.unknown_consumer_text(error.consumer()));
            return exit_code::not_found;
        }
    } catch (const ValidationError& error) {
        complain(text_of(error));
        return exit_code::bad_input;
    } catch (const UsageError& error) {
        complain(error.what());
        return exit_code::bad_input;
    } catch (const ProxyNotFoundError& error) {
        complain(error.what());
        return exit_code::not_found;
    } catch (const NotFoundError& error) {
        complain(error.what());
        return exit_code::not_found;
    } catch (const LeaseEndedError& error) {
        complain(error.what());
        return exit_code::not_found;
    } catch (const StorageError& error) {
        complain(error.what());
        return exit_code::storage;
    } catch (const ConflictError& error) {
        // An import names lines of its list, without their text.
        complain(error.field() == "list" ? error.what() : without_quoted_passwords(error.what()));
        return exit_code::failure;
    } catch (const std::exception& error) {
        complain(error.what());
        return exit_code::failure;
    }
}

}  // namespace pharox::cli
