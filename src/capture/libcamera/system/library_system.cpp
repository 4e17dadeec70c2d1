#include "capture/libcamera/system/library_system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "capture/libcamera/system/compat.h"
#include "capture/libcamera/system/library_device.h"

namespace camweave::libcam {
namespace {

namespace fs = std::filesystem;

std::string line_of(const fs::path& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return line;
}

// The /dev/video of a USB camera. Its id ends as "-2.4:1.0-046d:0825": port and interface, vendor, product.
std::vector<std::string> video_devices_of(const std::string& id) {
  std::vector<std::string> devices;
  std::error_code error;
  for (const auto& node : fs::directory_iterator("/sys/class/video4linux", error)) {
    std::error_code ignored;
    const fs::path interface = fs::canonical(node.path() / "device", ignored);
    const std::string name = interface.filename();  // "1-2.4:1.0": the bus first
    const size_t dash = name.find('-');
    if (ignored || dash == std::string::npos) continue;
    const fs::path usb = interface.parent_path();
    const std::string end =
        fmt::format("{}-{}:{}", name.substr(dash), line_of(usb / "idVendor"), line_of(usb / "idProduct"));
    if (id.ends_with(end)) devices.push_back("/dev/" + node.path().filename().string());
  }
  std::ranges::sort(devices);
  return devices;
}

// libcamera leaves out what it may not open, without a word.
Result<void> check_permission() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    const std::string path = entry.path();
    if (!entry.path().filename().string().starts_with("media")) continue;
    const UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (device || (errno != EACCES && errno != EPERM)) continue;
    struct stat node {};
    const group* owner = ::stat(path.c_str(), &node) == 0 ? ::getgrgid(node.st_gid) : nullptr;
    const std::string name = owner ? owner->gr_name : "video";
    return Error{
        ErrorCode::permission_denied,
        fmt::format("{}: no permission: add the user to group '{}' (sudo usermod -aG {} USER), then log in again", path,
                    name, name)};
  }
  return {};
}

}  // namespace

LibrarySystem::LibrarySystem() : changes_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LibrarySystem::~LibrarySystem() {
  if (!library_) return;
  library_->cameraAdded.disconnect(this);
  library_->cameraRemoved.disconnect(this);
  library_->stop();
}

Result<void> LibrarySystem::start() {
  if (library_) return {};
  auto library = std::make_unique<libcamera::CameraManager>();
  library->cameraAdded.connect(this, &LibrarySystem::on_change);
  library->cameraRemoved.connect(this, &LibrarySystem::on_change);
  if (const int result = library->start(); result < 0) return system_error("starting libcamera", -result);
  library_ = std::move(library);
  return {};
}

void LibrarySystem::raise_change() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(changes_.get(), &one, sizeof one);
}

void LibrarySystem::on_change(std::shared_ptr<libcamera::Camera>) { raise_change(); }

void LibrarySystem::clear_changes() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(changes_.get(), &count, sizeof count);
}

Result<std::vector<CameraName>> LibrarySystem::cameras() {
  if (auto started = start(); !started) return started.error();
  std::vector<CameraName> names;
  for (const auto& camera : library_->cameras()) {
    CameraName name{camera->id(), compat::model_of(camera->properties()), video_devices_of(camera->id())};
    if (name.model.empty()) name.model = name.id;
    names.push_back(std::move(name));
  }
  if (names.empty()) {
    if (auto allowed = check_permission(); !allowed) return allowed.error();
  }
  return names;
}

Result<std::unique_ptr<CameraDevice>> LibrarySystem::take(const std::string& id) {
  auto names = cameras();
  if (!names) return names.error();
  for (CameraName& name : *names) {
    if (name.id != id) continue;
    auto camera = library_->get(id);
    if (camera) return LibraryDevice::take(std::move(camera), std::move(name), [this] { raise_change(); });
  }
  return Error{ErrorCode::not_found, id + ": unplugged"};
}

}  // namespace camweave::libcam
