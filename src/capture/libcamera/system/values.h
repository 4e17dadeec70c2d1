// libcamera's values and formats as this driver has them, and back. Pure.
#pragma once

#include <libcamera/controls.h>
#include <libcamera/pixel_format.h>

#include <optional>

#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

DeviceValue from_library(const libcamera::ControlValue& value);
ValueType type_of(libcamera::ControlType type);

// As the control wants it; none where the value doesn't fit its type.
std::optional<libcamera::ControlValue> to_library(const libcamera::ControlId& id, const DeviceValue& value);

DeviceControl describe(const libcamera::ControlId& id, const libcamera::ControlInfo& info);

// A number in a request's metadata, of whatever type it is there; none where it isn't.
std::optional<double> number_in(const libcamera::ControlList& list, unsigned id);
std::optional<int64_t> whole_in(const libcamera::ControlList& list, unsigned id);

// None for formats that the encoders don't take.
std::optional<PixelFormat> from_library(libcamera::PixelFormat format);
libcamera::PixelFormat to_library(PixelFormat format);

}  // namespace camweave::libcam
