#include "control/config/config_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace camweave {
namespace {

constexpr const char* system_file = "/etc/camweave/camweave.toml";
constexpr const char* local_file = "camweave.toml";
constexpr size_t max_file_bytes = size_t{4} << 20;

Error unreadable(const std::string& path, int error_number) {
  Error error = system_error(path, error_number);
  if (error.code == ErrorCode::permission_denied) error.message += ": let the user that runs camweave read it";
  if (error.code == ErrorCode::not_found) error.message += ": give the configuration's path, or none at all";
  return error;
}

Result<std::string> read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(path, errno);
  std::string text;
  std::vector<char> block(64 * 1024);
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    text.append(block.data(), static_cast<size_t>(file.gcount()));
    if (text.size() > max_file_bytes)
      return Error{ErrorCode::invalid_argument, path + ": is over 4 MiB: no configuration"};
  }
  if (file.bad()) return Error{ErrorCode::io, path + ": can't be read (a directory?)"};
  return text;
}

Result<void> make_usable(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error(fmt::format("state directory {}", directory), error.value());
  if (::access(directory.c_str(), W_OK | X_OK) != 0) return system_error(fmt::format("state directory {}", directory));
  return {};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::vector<std::string> candidates(const Config& config) {
  if (!config.server.state_dir.empty()) return {config.server.state_dir};
  std::vector<std::string> list;
  if (const std::string given = environment("STATE_DIRECTORY"); !given.empty()) {
    list.push_back(given.substr(0, given.find(':')));
  }
  if (!config.path.empty()) list.emplace_back("/var/lib/camweave");
  if (const std::string base = environment("XDG_STATE_HOME"); !base.empty()) {
    list.push_back(base + "/camweave");
  } else if (const std::string home = environment("HOME"); !home.empty()) {
    list.push_back(home + "/.local/state/camweave");
  }
  if (list.empty()) list.emplace_back("/var/lib/camweave");
  return list;
}

}  // namespace

std::optional<std::string> find_config_file(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  for (const char* path : {local_file, system_file}) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return path;
  }
  return std::nullopt;
}

Result<Config> load_config(const std::optional<std::string>& path, const std::vector<std::string>& sets) {
  std::string text;
  if (path) {
    auto read = read_whole(*path);
    if (!read) return read.error();
    text = std::move(*read);
  }
  auto config = parse_config(text, path.value_or(""), sets);
  if (config && path) config->path = *path;
  return config;
}

Result<std::string> state_directory(const Config& config) {
  std::optional<Error> first_error;
  for (const std::string& directory : candidates(config)) {
    auto usable = make_usable(directory);
    if (usable) return directory;
    if (!first_error) first_error = usable.error();
  }
  first_error->message += ": set server.state_dir to a directory that this user may write";
  return *first_error;
}

}  // namespace camweave
