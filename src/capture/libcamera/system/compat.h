// Where libcamera's versions differ (0.0.3 of Debian 12, 0.4 of Debian 13, 0.5 and later of Raspberry Pi OS): asked of
// the headers themselves at compile time, one function for each difference, and none of them anywhere else.
#pragma once

#include <libcamera/camera.h>
#include <libcamera/controls.h>
#include <libcamera/property_ids.h>
#include <libcamera/transform.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

namespace camweave::libcam::compat {

// 0.0.3: config.transform. Since 0.2: config.orientation.
template <typename Configuration>
void set_transform(Configuration& configuration, libcamera::Transform transform) {
  if constexpr (requires { configuration.orientation; }) {
    using Orientation = decltype(configuration.orientation);
    configuration.orientation = Orientation::Rotate0 * transform;
  } else {
    configuration.transform = transform;
  }
}

template <typename Configuration>
bool has_transform(const Configuration& configuration, libcamera::Transform transform) {
  if constexpr (requires { configuration.orientation; }) {
    using Orientation = std::remove_cvref_t<decltype(configuration.orientation)>;
    return configuration.orientation == Orientation::Rotate0 * transform;
  } else {
    return configuration.transform == transform;
  }
}

// Until 0.7 a std::string, since then a string_view.
template <typename Properties>
std::string model_of(const Properties& properties) {
  const auto model = properties.get(libcamera::properties::Model);
  return model ? std::string(*model) : std::string();
}

// Since 0.4 a control knows whether it is an array.
template <typename Id>
bool is_array(const Id& id) {
  if constexpr (requires { id.isArray(); }) {
    return id.isArray();
  } else {
    constexpr std::array<std::string_view, 5> arrays{"ColourGains", "FrameDurationLimits", "ColourCorrectionMatrix",
                                                     "SensorBlackLevels", "AfWindows"};
    return std::ranges::find(arrays, id.name()) != arrays.end();
  }
}

// Since 0.4 a menu knows its items' names.
template <typename Id>
std::map<int64_t, std::string> choice_names(const Id& id) {
  std::map<int64_t, std::string> names;
  if constexpr (requires { id.enumerators(); }) {
    for (const auto& [number, name] : id.enumerators()) names.emplace(number, name);
  }
  return names;
}

// Since 0.4 there are controls that only metadata has.
template <typename Id>
bool can_be_set(const Id& id) {
  if constexpr (requires { id.isInput(); }) {
    return id.isInput();
  } else {
    return true;
  }
}

}  // namespace camweave::libcam::compat
