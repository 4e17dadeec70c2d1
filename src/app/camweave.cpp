// The `camweave` program: reads the command line and runs one command.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "app/commands.h"
#include "control/config/config_files.h"

namespace camweave {

void say_fatal(const std::string& line) { std::fprintf(stderr, "camweave: %s\n", line.c_str()); }

ExitCode say_bad_config(const Error& error) {
  say_fatal(error.message);
  return error.code == ErrorCode::invalid_argument ? exit_wrong_use : exit_failed;
}

namespace {

int check_config(const std::string& path) {
  auto config = load_config(find_config_file(path), {});
  if (!config) return say_bad_config(config.error());
  if (config->path.empty()) {
    std::printf("no configuration file: the cameras that are found are used\n");
  } else {
    std::printf("%s: fine, %zu camera%s\n", config->path.c_str(), config->cameras.size(),
                config->cameras.size() == 1 ? "" : "s");
  }
  return exit_fine;
}

struct CommandLine {
  CLI::App app{"Camweave: one server for every camera, and for every way to watch it.", "camweave"};
  ServeOptions serve_options;
  SnapshotOptions snapshot_options;
  std::string log_format;
  std::string config_to_check;
  bool as_json = false;
  bool wants_reference = false;
  CLI::App* serve_command = nullptr;
  CLI::App* cameras_command = nullptr;
  CLI::App* snapshot_command = nullptr;
  CLI::App* check_command = nullptr;

  CommandLine() {
    app.set_version_flag("--version", std::string("camweave ") + CAMWEAVE_VERSION);
    app.require_subcommand(1);
    serve_command = app.add_subcommand("serve", "Run the server");
    serve_command->add_option("--config", serve_options.config_path, "The configuration file")->type_name("FILE");
    serve_command->add_option("--set", serve_options.sets, "section.key=value over the file, as server.http=:5000")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    serve_command->add_option("--log", log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
    cameras_command = app.add_subcommand("cameras", "List the cameras that every driver finds");
    cameras_command->add_flag("--json", as_json, "As JSON");
    snapshot_command = app.add_subcommand("snapshot", "Take one picture");
    snapshot_command->add_option("CAMERA", snapshot_options.camera, "A running server's camera id, or a source")
        ->required();
    snapshot_command->add_option("-o", snapshot_options.output, "Where to write it (else stdout)")->type_name("FILE");
    snapshot_command->add_option("--url", snapshot_options.url, "The server to ask")->capture_default_str();
    snapshot_command->add_option("--api-key", snapshot_options.api_key, "Its API key")->envname("CAMWEAVE_API_KEY");
    check_command = app.add_subcommand("check-config", "Check a configuration file");
    check_command->add_option("FILE", config_to_check, "The file (else where serve looks)");
    check_command->add_flag("--reference", wants_reference, "Print the reference page of every key");
  }

  int run() {
    if (*serve_command) {
      if (!log_format.empty()) serve_options.log = log_format == "json" ? LogFormat::json : LogFormat::text;
      return serve(serve_options);
    }
    if (*cameras_command) return list_cameras(as_json ? ListFormat::json : ListFormat::text);
    if (*snapshot_command) return take_snapshot(snapshot_options);
    if (!wants_reference) return check_config(config_to_check);
    std::fputs(configuration_reference().c_str(), stdout);
    return exit_fine;
  }
};

}  // namespace
}  // namespace camweave

int main(int argc, char** argv) {
  camweave::CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return line.app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    camweave::say_fatal(std::string(wrong.what()) + " (see camweave --help)");
    return camweave::exit_wrong_use;
  }
  return line.run();
}
