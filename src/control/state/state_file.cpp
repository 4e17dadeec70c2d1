#include "control/state/state_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>

#include "base/unique_fd.h"

namespace camweave {
namespace {

constexpr size_t max_state_bytes = size_t{16} << 20;

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  char block[16 * 1024];
  while (true) {
    const ssize_t n = ::read(fd, block, sizeof block);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path);
    text.append(block, static_cast<size_t>(n));
    if (text.size() > max_state_bytes) return Error{ErrorCode::exhausted, path + ": larger than any state of ours"};
  }
}

}  // namespace

FileCalls system_file_calls() {
  return {[](const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }, ::write, ::fsync,
          [](const char* from, const char* to) { return ::rename(from, to); }};
}

StateFile::StateFile(std::string path, FileCalls calls)
    : path_(std::move(path)), temporary_path_(path_ + ".tmp"), calls_(std::move(calls)) {}

Result<StateFile::Loaded> StateFile::load() {
  UniqueFd fd(calls_.open(path_.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!fd && errno == ENOENT) return Loaded{};
  if (!fd) return system_error(path_);
  auto text = read_all(fd.get(), path_);
  if (!text) return text.error();
  auto document = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (document.is_object()) return Loaded{std::move(document), ""};
  return Loaded{nullptr, set_aside(text->empty() ? "is empty" : "is damaged")};
}

std::string StateFile::set_aside(const std::string& problem) {
  const std::string aside = fmt::format("{}.damaged-{}", path_, std::time(nullptr));
  if (calls_.rename(path_.c_str(), aside.c_str()) != 0) {
    return fmt::format("{} {} and can't be put aside; defaults are used", path_, problem);
  }
  return fmt::format("{} {}; it is kept as {}, defaults are used", path_, problem, aside);
}

Result<void> StateFile::save(const nlohmann::json& document) {
  const std::string text = document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (auto written = write_temporary(text); !written) {
    ::unlink(temporary_path_.c_str());
    return written;
  }
  if (calls_.rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    const Error error = system_error(path_);
    ::unlink(temporary_path_.c_str());
    return error;
  }
  return sync_directory();
}

Result<void> StateFile::write_temporary(const std::string& text) {
  constexpr mode_t owner_only = 0600;  // what cameras are set to, and where they are, is nobody else's business
  UniqueFd fd(calls_.open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only));
  if (!fd) return system_error(temporary_path_);
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = calls_.write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(temporary_path_);
    done += static_cast<size_t>(n);
  }
  if (calls_.fsync(fd.get()) != 0) return system_error(temporary_path_);
  return {};
}

// Without this the rename itself may be lost with the power.
Result<void> StateFile::sync_directory() {
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  UniqueFd fd(calls_.open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (!fd || calls_.fsync(fd.get()) != 0) return system_error(directory);
  return {};
}

}  // namespace camweave
