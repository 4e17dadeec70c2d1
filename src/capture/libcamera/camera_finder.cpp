#include "capture/libcamera/camera_finder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace camweave::libcam {
namespace {

bool all_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

std::string listed(const std::vector<CameraName>& cameras) {
  std::string text;
  for (size_t i = 0; i < cameras.size(); ++i) {
    text += fmt::format("{}{}: {} ({})", i ? ", " : "", i, cameras[i].id, cameras[i].model);
  }
  return text.empty() ? "none" : text;
}

Error missing(const std::vector<CameraName>& cameras, const std::string& what) {
  return {ErrorCode::not_found, fmt::format("libcamera has no camera {}; present: {}", what, listed(cameras))};
}

Result<CameraName> by_index(const std::vector<CameraName>& cameras, std::string_view text) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::invalid_argument, fmt::format("index={} is no whole number", text)};
  }
  if (index >= cameras.size()) return missing(cameras, fmt::format("number {}", index));
  return cameras[index];
}

Result<CameraName> by(std::string CameraName::*member, const std::vector<CameraName>& cameras,
                      const std::string& wanted) {
  std::vector<CameraName> found;
  std::ranges::copy_if(cameras, std::back_inserter(found),
                       [&](const CameraName& camera) { return camera.*member == wanted; });
  if (found.size() == 1) return found.front();
  if (found.empty()) return missing(cameras, fmt::format("'{}'", wanted));
  return Error{ErrorCode::invalid_argument, fmt::format("'{}' means {} cameras: name one by its id or index: {}",
                                                        wanted, found.size(), listed(cameras))};
}

}  // namespace

bool is_usb(const CameraName& name) {
  const std::string_view id = name.id;
  if (id.size() < 10) return false;
  const std::string_view end = id.substr(id.size() - 10);  // "-1d6b:0104"
  return end[0] == '-' && end[5] == ':' && all_hex(end.substr(1, 4)) && all_hex(end.substr(6));
}

void sort_as_indexed(std::vector<CameraName>& cameras) {
  std::ranges::sort(cameras, [](const CameraName& a, const CameraName& b) {
    return std::pair(is_usb(a), b.id) < std::pair(is_usb(b), a.id);
  });
}

Result<CameraName> find_camera(const std::vector<CameraName>& cameras, const std::string& wanted) {
  if (wanted.empty()) return by_index(cameras, "0");
  if (wanted.starts_with("id=")) return by(&CameraName::id, cameras, wanted.substr(3));
  if (wanted.starts_with("index=")) return by_index(cameras, std::string_view(wanted).substr(6));
  if (wanted.starts_with("model=")) return by(&CameraName::model, cameras, wanted.substr(6));
  if (std::ranges::find(cameras, wanted, &CameraName::id) != cameras.end()) return by(&CameraName::id, cameras, wanted);
  if (std::ranges::all_of(wanted, [](char c) { return c >= '0' && c <= '9'; })) return by_index(cameras, wanted);
  return by(&CameraName::model, cameras, wanted);
}

std::string source_of(const CameraName& camera) { return "libcamera:" + camera.id; }

}  // namespace camweave::libcam
