#include "capture/libcamera/control_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace camweave::libcam {
namespace {

constexpr std::array canonical_names{
    CanonicalName{"AeEnable", "auto_exposure", "", "", Mapping::auto_switch},
    CanonicalName{"ExposureTimeMode", "auto_exposure", "", "", Mapping::auto_switch},
    CanonicalName{"ExposureTime", "exposure_us", "us", "auto_exposure", Mapping::plain},
    CanonicalName{"ExposureValue", "exposure_value", "EV", "", Mapping::plain},
    CanonicalName{"AnalogueGain", "gain", "x", "auto_exposure", Mapping::plain},
    CanonicalName{"AwbEnable", "auto_white_balance", "", "", Mapping::plain},
    CanonicalName{"ColourTemperature", "colour_temperature_k", "K", "auto_white_balance", Mapping::plain},
    CanonicalName{"ColourGains", "red_gain", "x", "auto_white_balance", Mapping::first_of_two},
    CanonicalName{"ColourGains", "blue_gain", "x", "auto_white_balance", Mapping::second_of_two},
    CanonicalName{"Brightness", "brightness", "", "", Mapping::plain},
    CanonicalName{"Contrast", "contrast", "", "", Mapping::plain},
    CanonicalName{"Saturation", "saturation", "", "", Mapping::plain},
    CanonicalName{"Sharpness", "sharpness", "", "", Mapping::plain},
    CanonicalName{"AfMode", "focus_mode", "", "", Mapping::plain},
    CanonicalName{"LensPosition", "lens_position", "dpt", "focus_mode", Mapping::plain},
    CanonicalName{"AfTrigger", "focus_now", "", "", Mapping::start},
    CanonicalName{"FrameDurationLimits", "frame_rate", "fps", "", Mapping::frame_rate},
    CanonicalName{"ScalerCrop", "zoom", "x", "", Mapping::zoom},
};

struct ChoiceName {
  std::string_view control;
  int64_t choice;
  std::string_view name;
};

constexpr std::array choice_names{
    ChoiceName{"AeMeteringMode", 0, "centre_weighted"},
    ChoiceName{"AeMeteringMode", 1, "spot"},
    ChoiceName{"AeMeteringMode", 2, "matrix"},
    ChoiceName{"AeMeteringMode", 3, "custom"},
    ChoiceName{"AeConstraintMode", 0, "normal"},
    ChoiceName{"AeConstraintMode", 1, "highlight"},
    ChoiceName{"AeConstraintMode", 2, "shadows"},
    ChoiceName{"AeConstraintMode", 3, "custom"},
    ChoiceName{"AeExposureMode", 0, "normal"},
    ChoiceName{"AeExposureMode", 1, "short"},
    ChoiceName{"AeExposureMode", 2, "long"},
    ChoiceName{"AeExposureMode", 3, "custom"},
    ChoiceName{"AwbMode", 0, "auto"},
    ChoiceName{"AwbMode", 1, "incandescent"},
    ChoiceName{"AwbMode", 2, "tungsten"},
    ChoiceName{"AwbMode", 3, "fluorescent"},
    ChoiceName{"AwbMode", 4, "indoor"},
    ChoiceName{"AwbMode", 5, "daylight"},
    ChoiceName{"AwbMode", 6, "cloudy"},
    ChoiceName{"AwbMode", 7, "custom"},
    ChoiceName{"AfMode", 0, "manual"},
    ChoiceName{"AfMode", 1, "auto"},
    ChoiceName{"AfMode", 2, "continuous"},
    ChoiceName{"AfRange", 0, "normal"},
    ChoiceName{"AfRange", 1, "macro"},
    ChoiceName{"AfRange", 2, "full"},
    ChoiceName{"AfSpeed", 0, "normal"},
    ChoiceName{"AfSpeed", 1, "fast"},
    ChoiceName{"AfMetering", 0, "auto"},
    ChoiceName{"AfMetering", 1, "windows"},
    ChoiceName{"NoiseReductionMode", 0, "off"},
    ChoiceName{"NoiseReductionMode", 1, "fast"},
    ChoiceName{"NoiseReductionMode", 2, "high_quality"},
    ChoiceName{"NoiseReductionMode", 3, "minimal"},
    ChoiceName{"NoiseReductionMode", 4, "zsl"},
};

// The library repeats the menu's name, or its end, in front of each item: "AwbDaylight" of AwbMode, "MeteringSpot" of
// AeMeteringMode, "HdrModeNight" of HdrMode.
std::string_view without_menus_name(std::string_view menu, std::string_view item) {
  for (size_t cut = 0; cut < menu.size(); ++cut) {
    for (const std::string_view tail : {std::string_view("Mode"), std::string_view("")}) {
      std::string_view head = menu.substr(cut);
      if (head.ends_with(tail)) head.remove_suffix(tail.size());
      if (head.size() >= 2 && std::isupper(static_cast<unsigned char>(head.front())) && item.starts_with(head) &&
          item.size() > head.size()) {
        item.remove_prefix(head.size());
        if (item.starts_with("Mode") && item.size() > 4) item.remove_prefix(4);
        return item;
      }
    }
  }
  return item;
}

}  // namespace

const CanonicalName* canonical_name(std::string_view device_name, const CanonicalName* after) {
  const auto* from = after ? after + 1 : canonical_names.data();
  const auto* end = canonical_names.data() + canonical_names.size();
  const auto* found = std::find_if(from, end, [&](const CanonicalName& row) { return device_name == row.device_name; });
  return found == end ? nullptr : found;
}

bool is_hidden(std::string_view device_name) {
  constexpr std::array<std::string_view, 6> hidden{"AnalogueGainMode",    "DigitalGain", "DigitalGainMode",
                                                   "AePrecaptureTrigger", "SyncMode",    "SyncFrames"};
  return std::ranges::find(hidden, device_name) != hidden.end();
}

std::string own_name(std::string_view device_name) {
  std::string name;
  for (size_t i = 0; i < device_name.size(); ++i) {
    const auto c = static_cast<unsigned char>(device_name[i]);
    if (!std::isalnum(c)) {
      if (!name.empty() && name.back() != '_') name += '_';
      continue;
    }
    const bool begins_word = std::isupper(c) && i > 0 && std::islower(static_cast<unsigned char>(device_name[i - 1]));
    if (begins_word) name += '_';
    name += static_cast<char>(std::tolower(c));
  }
  return name;
}

std::string choice_name(std::string_view device_name, int64_t choice, std::string_view librarys_name) {
  for (const ChoiceName& row : choice_names) {
    if (row.control == device_name && row.choice == choice) return std::string(row.name);
  }
  if (librarys_name.empty()) return fmt::format("{}", choice);
  return own_name(without_menus_name(device_name, librarys_name));
}

}  // namespace camweave::libcam
