#include "capture/v4l2/control_names.h"

#include <array>
#include <cctype>

namespace camweave::v4l2 {
namespace {

constexpr std::array canonical_names{
    CanonicalName{V4L2_CID_EXPOSURE_AUTO, "auto_exposure", "", "", Mapping::auto_menu},
    CanonicalName{V4L2_CID_EXPOSURE_ABSOLUTE, "exposure_us", "us", "auto_exposure", Mapping::times_100},
    CanonicalName{V4L2_CID_AUTO_EXPOSURE_BIAS, "exposure_value", "EV", "", Mapping::thousandths},
    CanonicalName{V4L2_CID_AUTOGAIN, "auto_gain", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_GAIN, "gain", "", "auto_gain", Mapping::plain},
    CanonicalName{V4L2_CID_AUTO_WHITE_BALANCE, "auto_white_balance", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_WHITE_BALANCE_TEMPERATURE, "colour_temperature_k", "K", "auto_white_balance", Mapping::plain},
    CanonicalName{V4L2_CID_BRIGHTNESS, "brightness", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_CONTRAST, "contrast", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_SATURATION, "saturation", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_SHARPNESS, "sharpness", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_FOCUS_AUTO, "focus_mode", "", "", Mapping::focus_mode},
    CanonicalName{V4L2_CID_FOCUS_ABSOLUTE, "lens_position", "", "focus_mode", Mapping::plain},
    CanonicalName{V4L2_CID_ZOOM_ABSOLUTE, "zoom", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_HFLIP, "flip_h", "", "", Mapping::plain},
    CanonicalName{V4L2_CID_VFLIP, "flip_v", "", "", Mapping::plain},
};

}  // namespace

const CanonicalName* canonical_name(uint32_t id) {
  for (const CanonicalName& row : canonical_names) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

std::string own_name(std::string_view device_name) {
  std::string name;
  for (const char c : device_name) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

}  // namespace camweave::v4l2
