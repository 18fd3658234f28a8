// Types and exceptions cross from a shared object that sees no symbols of this program. usage: plugin_host
// PLUGIN
#include <dlfcn.h>

#include <iostream>
#include <pharox/pharox.hpp>

int main(int count, char** arguments) {
    void* const plugin = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (plugin == nullptr) {
        std::cerr << "cannot load the plugin\n";
        return 1;
    }
    pharox::StorageRegistry registry;
    reinterpret_cast<void (*)(pharox::StorageRegistry&)>(dlsym(plugin, "register_plugin"))(registry);
    const auto storage = pharox::open("plugin:", registry);
    if (dynamic_cast<pharox::ForwardingStorage*>(storage.get()) == nullptr) return 1;
    pharox::bootstrap_pool(*storage, {.name = "eu"});
    if (pharox::ProxyManager(storage).acquire({.pool = "eu"}).miss() != pharox::Miss::nothing_matches)
        return 1;
    try {
        storage->get_pool_stats({.pool = "eu"});
    } catch (const pharox::StorageError& error) {
        return error.store() == "plugin" ? 0 : 1;
    }
    return 1;
}
