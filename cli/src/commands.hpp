// One function per command: it declares the options and the action.
#pragma once

#include <string>
#include <vector>

#include "session.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own name
class App;
}

namespace pharox::cli {

void add_adopt_command(CLI::App& app, Session& session);
void add_import_command(CLI::App& app, Session& session);
void add_export_command(CLI::App& app, Session& session);
void add_pool_command(CLI::App& app, Session& session);
void add_proxy_command(CLI::App& app, Session& session);
void add_consumer_command(CLI::App& app, Session& session);
void add_stats_command(CLI::App& app, Session& session);
void add_acquire_command(CLI::App& app, Session& session);
void add_release_command(CLI::App& app, Session& session);
void add_renew_command(CLI::App& app, Session& session);
void add_lease_command(CLI::App& app, Session& session);
void add_cleanup_command(CLI::App& app, Session& session);
void add_audit_command(CLI::App& app, Session& session);
void add_backup_command(CLI::App& app, Session& session);
void add_doctor_command(CLI::App& app, Session& session);
void add_completion_command(CLI::App& app, Session& session);
void add_man_command(CLI::App& app, Session& session);
void add_bench_command(CLI::App& app, Session& session);
void add_migrate_command(CLI::App& app, Session& session);
/// `command` contains the arguments after `--`; it must outlive the session.
void add_run_command(CLI::App& app, Session& session, const std::vector<std::string>& command);

}  // namespace pharox::cli
