#include "capture/libcamera/system/values.h"

#include <libcamera/formats.h>
#include <libcamera/geometry.h>

#include <array>
#include <cstring>

#include "capture/libcamera/system/compat.h"

namespace camweave::libcam {
namespace {

using libcamera::ControlValue;
namespace formats = libcamera::formats;

struct FormatRow {
  libcamera::PixelFormat theirs;
  PixelFormat ours;
};

// libcamera names packed RGB by the word's bits, as DRM does: its BGR888 has R in the first byte.
constexpr std::array format_table{
    FormatRow{formats::MJPEG, PixelFormat::jpeg},         FormatRow{formats::YUV420, PixelFormat::i420},
    FormatRow{formats::NV12, PixelFormat::nv12},          FormatRow{formats::YUYV, PixelFormat::yuyv},
    FormatRow{formats::UYVY, PixelFormat::uyvy},          FormatRow{formats::BGR888, PixelFormat::rgb24},
    FormatRow{formats::RGB888, PixelFormat::bgr24},       FormatRow{formats::R8, PixelFormat::grey},
    FormatRow{formats::SRGGB8, PixelFormat::bayer_rggb8}, FormatRow{formats::SGRBG8, PixelFormat::bayer_grbg8},
    FormatRow{formats::SGBRG8, PixelFormat::bayer_gbrg8}, FormatRow{formats::SBGGR8, PixelFormat::bayer_bggr8},
};

// Reads from the bytes and not by get<T>(), which asserts that the type is the one expected.
template <typename T>
T element(const ControlValue& value, size_t index) {
  T number{};
  const auto bytes = value.data();
  if ((index + 1) * sizeof(T) <= bytes.size()) std::memcpy(&number, bytes.data() + index * sizeof(T), sizeof(T));
  return number;
}

std::optional<double> real_at(const ControlValue& value, size_t index) {
  switch (type_of(value.type())) {
    case ValueType::boolean:
      return element<bool>(value, index) ? 1 : 0;
    case ValueType::integer:
      if (value.type() == libcamera::ControlTypeByte) return element<uint8_t>(value, index);
      if (value.type() == libcamera::ControlTypeInteger64) return static_cast<double>(element<int64_t>(value, index));
      return element<int32_t>(value, index);
    case ValueType::real:
      return element<float>(value, index);
    case ValueType::rectangle:
    case ValueType::other:
      break;
  }
  return std::nullopt;
}

std::optional<int64_t> whole_of(const ControlValue& value) {
  if (value.type() == libcamera::ControlTypeByte) return element<uint8_t>(value, 0);
  if (value.type() == libcamera::ControlTypeInteger32) return element<int32_t>(value, 0);
  if (value.type() == libcamera::ControlTypeInteger64) return element<int64_t>(value, 0);
  return std::nullopt;
}

template <typename T>
ControlValue array_of(const std::vector<double>& numbers) {
  std::vector<T> elements;
  for (const double number : numbers) elements.push_back(static_cast<T>(number));
  return ControlValue(libcamera::Span<const T>(elements.data(), elements.size()));
}

std::optional<ControlValue> several(const libcamera::ControlId& id, const std::vector<double>& numbers) {
  switch (id.type()) {
    case libcamera::ControlTypeInteger32:
      return array_of<int32_t>(numbers);
    case libcamera::ControlTypeInteger64:
      return array_of<int64_t>(numbers);
    case libcamera::ControlTypeFloat:
      return array_of<float>(numbers);
    case libcamera::ControlTypeRectangle:
      if (numbers.size() != 4) return std::nullopt;
      return ControlValue(libcamera::Rectangle(static_cast<int>(numbers[0]), static_cast<int>(numbers[1]),
                                               static_cast<unsigned>(numbers[2]), static_cast<unsigned>(numbers[3])));
    default:
      return std::nullopt;
  }
}

}  // namespace

ValueType type_of(libcamera::ControlType type) {
  switch (type) {
    case libcamera::ControlTypeBool:
      return ValueType::boolean;
    case libcamera::ControlTypeByte:
    case libcamera::ControlTypeInteger32:
    case libcamera::ControlTypeInteger64:
      return ValueType::integer;
    case libcamera::ControlTypeFloat:
      return ValueType::real;
    case libcamera::ControlTypeRectangle:
      return ValueType::rectangle;
    default:
      return ValueType::other;  // strings, sizes, and what later versions add
  }
}

DeviceValue from_library(const ControlValue& value) {
  if (value.isNone()) return {};
  if (value.type() == libcamera::ControlTypeRectangle) {
    const auto rectangle = element<libcamera::Rectangle>(value, 0);
    return std::vector<double>{static_cast<double>(rectangle.x), static_cast<double>(rectangle.y),
                               static_cast<double>(rectangle.width), static_cast<double>(rectangle.height)};
  }
  if (value.isArray()) {
    std::vector<double> numbers;
    for (size_t i = 0; i < value.numElements(); ++i) {
      if (const auto number = real_at(value, i)) numbers.push_back(*number);
    }
    return numbers;
  }
  if (value.type() == libcamera::ControlTypeBool) return element<bool>(value, 0);
  if (const auto whole = whole_of(value)) return *whole;
  if (const auto real = real_at(value, 0)) return *real;
  return {};
}

std::optional<ControlValue> to_library(const libcamera::ControlId& id, const DeviceValue& value) {
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) return several(id, *numbers);
  if (const auto* on = std::get_if<bool>(&value)) {
    if (id.type() == libcamera::ControlTypeBool) return ControlValue(*on);
    return std::nullopt;
  }
  double number = 0;
  if (const auto* whole = std::get_if<int64_t>(&value)) {
    number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    number = *real;
  } else {
    return std::nullopt;
  }
  switch (id.type()) {
    case libcamera::ControlTypeByte:
      return ControlValue(static_cast<uint8_t>(number));
    case libcamera::ControlTypeInteger32:
      return ControlValue(static_cast<int32_t>(number));
    case libcamera::ControlTypeInteger64:
      return ControlValue(static_cast<int64_t>(number));
    case libcamera::ControlTypeFloat:
      return ControlValue(static_cast<float>(number));
    default:
      return std::nullopt;
  }
}

DeviceControl describe(const libcamera::ControlId& id, const libcamera::ControlInfo& info) {
  DeviceControl control;
  control.name = id.name();
  control.type = type_of(id.type());
  control.is_array = compat::is_array(id);
  control.min = from_library(info.min());
  control.max = from_library(info.max());
  control.default_value = from_library(info.def());
  for (const ControlValue& choice : info.values()) {
    if (const auto number = whole_of(choice)) control.choices.push_back(*number);
  }
  control.choice_names = compat::choice_names(id);
  return control;
}

std::optional<double> number_in(const libcamera::ControlList& list, unsigned id) {
  if (!list.contains(id)) return std::nullopt;
  return real_at(list.get(id), 0);
}

std::optional<int64_t> whole_in(const libcamera::ControlList& list, unsigned id) {
  if (!list.contains(id)) return std::nullopt;
  return whole_of(list.get(id));
}

std::optional<PixelFormat> from_library(libcamera::PixelFormat format) {
  for (const FormatRow& row : format_table) {
    if (row.theirs == format) return row.ours;
  }
  return std::nullopt;
}

libcamera::PixelFormat to_library(PixelFormat format) {
  for (const FormatRow& row : format_table) {
    if (row.ours == format) return row.theirs;
  }
  return {};
}

}  // namespace camweave::libcam
