#include "control/supervisor/driver_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "control/config/nearest_name.h"

namespace camweave {
namespace {

constexpr std::array<std::string_view, 1> v4l2_schemes{"v4l2"};
constexpr std::array<std::string_view, 1> libcamera_schemes{"libcamera"};
constexpr std::array<std::string_view, 1> genicam_schemes{"genicam"};
constexpr std::array<std::string_view, 1> mvs_schemes{"mvs"};
constexpr std::array<std::string_view, 1> spinnaker_schemes{"spinnaker"};
constexpr std::array<std::string_view, 1> gphoto2_schemes{"gphoto2"};
constexpr std::array<std::string_view, 8> stream_schemes{"rtsp",     "rtsps",     "http",     "https",
                                                         "tcp+jpeg", "ws+bundle", "camweave", "camweave+https"};
constexpr std::array<std::string_view, 1> file_schemes{"file"};
constexpr std::array<std::string_view, 1> exec_schemes{"exec"};
constexpr std::array<std::string_view, 1> pattern_schemes{"pattern"};

// In the order in which found cameras are listed.
constexpr std::array drivers{
    DriverRow{"libcamera", libcamera_schemes, "Raspberry Pi and other camera modules"},
    DriverRow{"v4l2", v4l2_schemes, "USB and other kernel cameras"},
    DriverRow{"genicam", genicam_schemes, "GigE Vision and USB3 Vision cameras"},
    DriverRow{"mvs", mvs_schemes, "Hikvision machine-vision cameras"},
    DriverRow{"spinnaker", spinnaker_schemes, "FLIR machine-vision cameras"},
    DriverRow{"gphoto2", gphoto2_schemes, "DSLR and other photo cameras"},
    DriverRow{"stream", stream_schemes, "IP cameras and other servers"},
    DriverRow{"file", file_schemes, "video files and folders of pictures", NotFound::failed},
    DriverRow{"exec", exec_schemes, "programs that write pictures", NotFound::failed},
    DriverRow{"pattern", pattern_schemes, "test patterns"},
};

}  // namespace

std::span<const DriverRow> driver_table() { return drivers; }

Result<const DriverRow*> driver_for_scheme(std::string_view scheme) {
  std::vector<std::string_view> known;
  for (const DriverRow& driver : drivers) {
    if (std::ranges::find(driver.schemes, scheme) != driver.schemes.end()) return &driver;
    known.insert(known.end(), driver.schemes.begin(), driver.schemes.end());
  }
  return Error{ErrorCode::not_found, fmt::format("no driver for '{}:'{}", scheme, did_you_mean(scheme, known))};
}

WorkerPrograms WorkerPrograms::beside_this_program() {
  std::vector<std::string> directories;
  if (const char* chosen = std::getenv("CAMWEAVE_LIBEXEC"); chosen && *chosen) directories.emplace_back(chosen);
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (!error) {
    directories.push_back(own.string());
    directories.push_back((own.parent_path() / "libexec/camweave").string());
  }
  return WorkerPrograms(std::move(directories));
}

Result<std::string> WorkerPrograms::find(const DriverRow& driver) const {
  const std::string program = fmt::format("camweave-capture-{}", driver.name);
  for (const std::string& directory : directories_) {
    const std::string path = directory + "/" + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return Error{ErrorCode::not_found,
               fmt::format("the driver '{}' isn't here: install {} beside camweave", driver.name, program)};
}

}  // namespace camweave
