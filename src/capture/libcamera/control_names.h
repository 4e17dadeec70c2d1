// The table that maps libcamera's controls to the canonical names and units of docs/reference/controls.md, and the
// words for its menus' numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace camweave::libcam {

// How a value of libcamera's becomes ours.
enum class Mapping {
  plain,         // the same
  auto_switch,   // AeEnable; from libcamera 0.5 on ExposureTimeMode and AnalogueGainMode beside it: 0 auto, 1 manual
  first_of_two,  // an array of two: its first number
  second_of_two,
  frame_rate,  // two frame durations in µs, the same in both → frames per second
  zoom,        // a rectangle on the sensor, in its middle → how many times smaller than the largest
  start,       // a menu of which 0 starts something → an action
};

struct CanonicalName {
  const char* device_name;
  const char* name;
  const char* unit;
  const char* auto_partner;  // "" none
  Mapping mapping;
};

// The row after `after` (nullptr: from the first) for this control; nullptr: none (any more).
const CanonicalName* canonical_name(std::string_view device_name, const CanonicalName* after = nullptr);

// Controls that others here stand for, or that mean something to programs only.
bool is_hidden(std::string_view device_name);

// "AeMeteringMode" → "ae_metering_mode".
std::string own_name(std::string_view device_name);

// "MeteringCentreWeighted" of "AeMeteringMode" → "centre_weighted"; where the library knows no names: those of the
// menus that every version has, or the number.
std::string choice_name(std::string_view device_name, int64_t choice, std::string_view librarys_name);

}  // namespace camweave::libcam
