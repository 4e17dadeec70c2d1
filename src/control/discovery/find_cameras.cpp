#include "control/discovery/find_cameras.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "ipc/json.h"

extern char** environ;

namespace camweave {
namespace {

using nlohmann::json;
constexpr size_t max_list_bytes = size_t{4} << 20;

struct Listing {
  pid_t pid = -1;
  UniqueFd output, errors;
};

Result<Listing> start_listing(const std::string& program) {
  std::array<int, 2> output{}, errors{};
  if (::pipe2(output.data(), O_CLOEXEC) != 0) return system_error("pipe");
  UniqueFd output_read(output[0]), output_write(output[1]);
  if (::pipe2(errors.data(), O_CLOEXEC) != 0) return system_error("pipe");
  UniqueFd errors_read(errors[0]), errors_write(errors[1]);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output_write.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, errors_write.get(), 2);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::string list = "--list";
  std::array<char*, 3> arguments{const_cast<char*>(program.c_str()), list.data(), nullptr};
  Listing listing;
  const int failed = ::posix_spawn(&listing.pid, program.c_str(), &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed) return system_error(program, failed);
  listing.output = std::move(output_read);
  listing.errors = std::move(errors_read);
  return listing;
}

// Both pipes until their ends or the deadline; false when it was too late or too much.
bool read_until_end(Listing& listing, Timestamp deadline, std::string& output, std::string& errors) {
  std::array<pollfd, 2> fds{{{listing.output.get(), POLLIN, 0}, {listing.errors.get(), POLLIN, 0}}};
  std::array<std::string*, 2> texts{&output, &errors};
  std::array<char, 16 * 1024> block;
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || output.size() + errors.size() > max_list_bytes) return false;
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) <= 0) continue;
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || !fds[i].revents) continue;
      const ssize_t n = ::read(fds[i].fd, block.data(), block.size());
      if (n > 0) texts[i]->append(block.data(), static_cast<size_t>(n));
      if (n <= 0) fds[i].fd = -1;
    }
  }
  return true;
}

std::string first_line(std::string_view text) {
  if (text.starts_with("error ")) text.remove_prefix(6);
  return std::string(text.substr(0, text.find('\n')));
}

DriverFindings ask(const DriverRow& driver, const std::string& program, Timestamp deadline) {
  DriverFindings findings{driver.name, {}, ""};
  auto listing = start_listing(program);
  if (!listing) {
    findings.problem = listing.error().message;
    return findings;
  }
  std::string output, errors;
  const bool is_whole = read_until_end(*listing, deadline, output, errors);
  if (!is_whole) ::kill(-listing->pid, SIGKILL);
  int status = 0;
  while (::waitpid(listing->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!is_whole) {
    findings.problem = "took too long to look for cameras";
  } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    findings.problem = errors.empty() ? "failed to look for cameras" : first_line(errors);
  } else {
    auto cameras = parse_camera_list(driver.name, output);
    if (cameras) findings.cameras = *std::move(cameras);
    if (!cameras) findings.problem = cameras.error().message;
  }
  return findings;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<ipc::Mode> mode_of(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto format = parse_pixel_format(text_of(object, "format"));
  const auto number = [&object](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : 0.0;
  };
  const double width = number("width"), height = number("height"), fps = number("fps");
  if (!format || width < 1 || height < 1 || width > max_dimension || height > max_dimension || fps < 0 || fps > 1e5) {
    return std::nullopt;
  }
  return ipc::Mode{*format, {static_cast<int>(width), static_cast<int>(height)}, static_cast<int>(fps * 1000 + 0.5)};
}

}  // namespace

Result<std::vector<DiscoveredCamera>> parse_camera_list(std::string_view driver, std::string_view json_text) {
  const json list = json::parse(json_text, nullptr, false);
  if (!list.is_array()) return Error{ErrorCode::protocol, "gave no list of cameras"};
  std::vector<DiscoveredCamera> cameras;
  for (const json& object : list) {
    if (!object.is_object()) return Error{ErrorCode::protocol, "gave a camera that is no object"};
    DiscoveredCamera camera;
    camera.driver = driver;
    camera.source = text_of(object, "source");
    camera.make = text_of(object, "make");
    camera.model = text_of(object, "model");
    camera.serial = text_of(object, "serial");
    camera.problem = text_of(object, "problem");
    if (const auto modes = object.find("modes"); modes != object.end() && modes->is_array()) {
      for (const json& mode : *modes) {
        if (const auto read = mode_of(mode)) camera.modes.push_back(*read);
      }
    }
    if (const auto controls = object.find("controls"); controls != object.end()) {
      auto read = ipc::controls_from_json(*controls);
      if (read) camera.controls = *std::move(read);
    }
    if (const auto devices = object.find("devices"); devices != object.end() && devices->is_array()) {
      for (const json& device : *devices) {
        if (device.is_string()) camera.devices.push_back(device.get<std::string>());
      }
    }
    if (camera.source.empty()) return Error{ErrorCode::protocol, "gave a camera without a source"};
    cameras.push_back(std::move(camera));
  }
  return cameras;
}

std::vector<DriverFindings> find_cameras(const WorkerPrograms& programs, std::chrono::milliseconds patience) {
  const Timestamp deadline = std::chrono::steady_clock::now() + patience;
  std::vector<DriverFindings> findings;
  std::vector<std::thread> threads;
  findings.reserve(driver_table().size());
  for (const DriverRow& driver : driver_table()) {
    const auto program = programs.find(driver);
    if (!program) continue;
    DriverFindings& place = findings.emplace_back();
    threads.emplace_back([&place, &driver, path = *program, deadline] { place = ask(driver, path, deadline); });
  }
  for (std::thread& thread : threads) thread.join();
  name_shared_cameras_once(findings);
  return findings;
}

void name_shared_cameras_once(std::vector<DriverFindings>& findings) {
  const auto of_driver = [&findings](std::string_view name) { return std::ranges::find(findings, name, &DriverFindings::driver); };
  const auto libcamera = of_driver("libcamera"), v4l2 = of_driver("v4l2");
  if (libcamera == findings.end() || v4l2 == findings.end()) return;
  for (DiscoveredCamera& camera : libcamera->cameras) {
    const auto has_a_device_of_it = [&camera](const DiscoveredCamera& other) {
      return std::ranges::find_first_of(other.devices, camera.devices) != other.devices.end();
    };
    const auto same = std::ranges::find_if(v4l2->cameras, has_a_device_of_it);
    if (same != v4l2->cameras.end()) camera.problem = fmt::format("the same camera as {}: use that", same->source);
  }
}

std::vector<CameraConfig> configuration_of(const std::vector<DriverFindings>& findings) {
  std::vector<CameraConfig> cameras;
  std::set<std::string> serials;  // with the model: many makers give every device the same one
  const auto add = [&cameras](std::string source) {
    CameraConfig camera;
    camera.id = fmt::format("cam{}", cameras.size());
    camera.source = std::move(source);
    cameras.push_back(std::move(camera));
  };
  for (const DriverFindings& finding : findings) {
    std::set<std::string> of_this_driver;
    for (const DiscoveredCamera& camera : finding.cameras) {
      const std::string serial = camera.serial.empty() ? "" : camera.model + "\n" + camera.serial;
      if (!camera.problem.empty() || (!serial.empty() && serials.contains(serial))) continue;
      of_this_driver.insert(serial);
      add(camera.source);
    }
    serials.merge(of_this_driver);
  }
  if (cameras.empty()) {
    add("pattern:bars?size=1280x720&fps=30");
    add("pattern:clock?size=1280x720&fps=30");
  }
  return cameras;
}

}  // namespace camweave
