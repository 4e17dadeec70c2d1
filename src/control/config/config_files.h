// Where the configuration comes from and where state goes. Touches the file system; blocks for as long as that does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"

namespace camweave {

// `wanted` when not empty, else ./camweave.toml, else /etc/camweave/camweave.toml, else none.
std::optional<std::string> find_config_file(const std::string& wanted);

// Reads and checks it; without a file the defaults with `sets`.
Result<Config> load_config(const std::optional<std::string>& path, const std::vector<std::string>& sets);

// server.state_dir, else $STATE_DIRECTORY (systemd), else /var/lib/camweave with a configuration file, else
// $XDG_STATE_HOME/camweave or ~/.local/state/camweave. The first of these that exists or can be made and is writable;
// a configured one is not replaced by another. The error names the directory and the cure.
Result<std::string> state_directory(const Config& config);

}  // namespace camweave
