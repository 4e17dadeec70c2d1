// The table that maps V4L2's controls to the canonical names and units of docs/reference/controls.md.
#pragma once

#include <linux/videodev2.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace camweave::v4l2 {

// How a V4L2 number becomes ours.
enum class Mapping {
  plain,         // the same number
  times_100,     // 100 µs units → µs
  auto_menu,     // V4L2_CID_EXPOSURE_AUTO: auto or aperture priority are `true`
  focus_mode,    // 0 and 1 are the options "manual" and "auto"
  thousandths,   // an integer menu of 0.001 EV → EV
};

struct CanonicalName {
  uint32_t id;
  const char* name;
  const char* unit;
  const char* auto_partner;  // "" none
  Mapping mapping;
};

// nullptr: no canonical name; the control keeps the device's own, by own_name().
const CanonicalName* canonical_name(uint32_t id);

// "White Balance, Auto & Preset" → "white_balance_auto_preset": as v4l2-ctl writes it.
std::string own_name(std::string_view device_name);

}  // namespace camweave::v4l2
