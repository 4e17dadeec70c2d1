// Layout: FF E1, length, "Exif\0\0", a big-endian TIFF: IFD0 (Make, Model, pointer) and the Exif IFD. All times ASCII.
#include "media/jpeg/exif.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <string>

namespace camweave::jpeg {
namespace {

constexpr size_t tiff_offset = 10;  // in the segment: what offsets in the TIFF count from
constexpr size_t longest_text = 63;

enum Type : uint16_t { byte_type = 1, ascii = 2, u16_type = 3, u32_type = 4, rational = 5, undefined = 7 };
enum Tag : uint16_t {
  make_tag = 0x010f, model_tag = 0x0110, exif_pointer = 0x8769,
  exposure_time = 0x829a, iso = 0x8827, exif_version = 0x9000, date_time_original = 0x9003, offset_time_original = 0x9011,
  sub_sec_time_original = 0x9291, image_number = 0x9211, body_serial_number = 0xa431,
};
// An unknown field keeps its entry as one padding entry: Microsoft's Padding tag, which readers know to skip.
constexpr uint16_t padding_tag = 0xea1c;

struct Entry {
  uint16_t tag;
  uint16_t type;
  uint32_t count;
  std::string value;  // big-endian
};

void put_u16(std::string& out, uint32_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}
void put_u32(std::string& out, uint32_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value & 0xffff);
}

Entry text_entry(uint16_t tag, std::string_view text) {
  std::string value(text.substr(0, longest_text));
  for (char& c : value) c = c >= 0x20 && c < 0x7f ? c : '?';
  value += '\0';
  return {tag, ascii, static_cast<uint32_t>(value.size()), value};
}

// Where each entry's value lies, relative to the TIFF's start; in the order of `entries`.
struct WrittenIfd {
  std::vector<size_t> entry_offsets, value_offsets;
};

WrittenIfd write_ifd(std::string& tiff, const std::vector<Entry>& entries) {
  WrittenIfd written;
  size_t values_at = tiff.size() + 2 + entries.size() * 12 + 4;
  std::string values;
  put_u16(tiff, static_cast<uint32_t>(entries.size()));
  for (const Entry& entry : entries) {
    written.entry_offsets.push_back(tiff.size());
    put_u16(tiff, entry.tag);
    put_u16(tiff, entry.type);
    put_u32(tiff, entry.count);
    if (entry.value.size() <= 4) {
      written.value_offsets.push_back(tiff.size());
      tiff += entry.value;
      tiff.append(4 - entry.value.size(), '\0');
    } else {
      written.value_offsets.push_back(values_at + values.size());
      put_u32(tiff, static_cast<uint32_t>(values_at + values.size()));
      values += entry.value;
      if (values.size() % 2) values += '\0';
    }
  }
  put_u32(tiff, 0);
  tiff += values;
  return written;
}

}  // namespace

ExifWriter::ExifWriter(std::string_view make, std::string_view model, std::string_view serial) {
  std::vector<Entry> main_entries;
  if (!make.empty()) main_entries.push_back(text_entry(make_tag, make));
  if (!model.empty()) main_entries.push_back(text_entry(model_tag, model));
  main_entries.push_back({exif_pointer, u32_type, 1, std::string(4, '\0')});

  // Sorted by tag, as TIFF wants.
  std::vector<Entry> exif_entries{
      {exposure_time, rational, 1, std::string(8, '\0')},
      {iso, u16_type, 1, std::string(2, '\0')},
      {exif_version, undefined, 4, "0232"},
      text_entry(date_time_original, "0000:00:00 00:00:00"),
      text_entry(offset_time_original, "+00:00"),
      {image_number, u32_type, 1, std::string(4, '\0')},
      text_entry(sub_sec_time_original, "000000"),
  };
  if (!serial.empty()) exif_entries.push_back(text_entry(body_serial_number, serial));

  std::string tiff("MM\0\x2a\0\0\0\x08", 8);
  const WrittenIfd main_ifd = write_ifd(tiff, main_entries);
  const auto exif_at = static_cast<uint32_t>(tiff.size());
  const WrittenIfd exif_ifd = write_ifd(tiff, exif_entries);

  std::string segment("\xff\xe1", 2);
  put_u16(segment, static_cast<uint32_t>(2 + 6 + tiff.size()));
  segment.append("Exif\0\0", 6);
  segment += tiff;
  const auto bytes = std::as_bytes(std::span(segment));
  segment_.assign(bytes.begin(), bytes.end());

  patch_u32(tiff_offset + main_ifd.value_offsets.back(), exif_at);
  exposure_entry_ = tiff_offset + exif_ifd.entry_offsets[0];
  exposure_value_ = tiff_offset + exif_ifd.value_offsets[0];
  iso_entry_ = tiff_offset + exif_ifd.entry_offsets[1];
  date_time_ = tiff_offset + exif_ifd.value_offsets[3];
  offset_time_ = tiff_offset + exif_ifd.value_offsets[4];
  image_number_ = tiff_offset + exif_ifd.value_offsets[5];
  sub_seconds_ = tiff_offset + exif_ifd.value_offsets[6];
}

void ExifWriter::patch_text(size_t offset, std::string_view text) {
  std::ranges::transform(text, segment_.begin() + static_cast<std::ptrdiff_t>(offset), [](char c) { return std::byte(c); });
}

void ExifWriter::patch_u16(size_t offset, uint16_t value) {
  segment_[offset] = std::byte(value >> 8);
  segment_[offset + 1] = std::byte(value & 0xff);
}

void ExifWriter::patch_u32(size_t offset, uint32_t value) {
  patch_u16(offset, static_cast<uint16_t>(value >> 16));
  patch_u16(offset + 2, static_cast<uint16_t>(value));
}

void ExifWriter::patch_entry(size_t entry, uint16_t tag, bool known) { patch_u16(entry, known ? tag : padding_tag); }

namespace {

// Fixed width, zero-padded, without printf: a microsecond is all there is.
void put_digits(char* at, int64_t value, int width) {
  for (int i = width - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

std::array<char, 19> date_time_text(std::time_t local_second) {
  std::tm parts{};
  gmtime_r(&local_second, &parts);
  std::array<char, 19> text{};
  std::ranges::copy(std::string_view("0000:00:00 00:00:00"), text.begin());
  put_digits(&text[0], parts.tm_year + 1900, 4);
  put_digits(&text[5], parts.tm_mon + 1, 2);
  put_digits(&text[8], parts.tm_mday, 2);
  put_digits(&text[11], parts.tm_hour, 2);
  put_digits(&text[14], parts.tm_min, 2);
  put_digits(&text[17], parts.tm_sec, 2);
  return text;
}

}  // namespace

std::span<const std::byte> ExifWriter::app1(const ExifFields& fields) {
  const auto second = std::chrono::floor<std::chrono::seconds>(fields.capture_wall);
  if (const int64_t local = (second + fields.utc_offset).count(); local != day_second_) {
    day_second_ = local;
    const auto text = date_time_text(local);
    patch_text(date_time_, {text.data(), text.size()});
    const int64_t offset = fields.utc_offset.count();
    char zone[6] = {offset < 0 ? '-' : '+', '0', '0', ':', '0', '0'};
    put_digits(zone + 1, std::abs(offset) / 60, 2);
    put_digits(zone + 4, std::abs(offset) % 60, 2);
    patch_text(offset_time_, {zone, sizeof zone});
  }
  char micros[6];
  put_digits(micros, (fields.capture_wall - second).count(), 6);
  patch_text(sub_seconds_, {micros, sizeof micros});
  patch_u32(image_number_, static_cast<uint32_t>(fields.sequence));

  const FrameMetadata& metadata = fields.metadata;
  patch_entry(exposure_entry_, exposure_time, metadata.exposure_us != 0);
  patch_u32(exposure_value_, metadata.exposure_us);
  patch_u32(exposure_value_ + 4, 1'000'000);
  patch_entry(iso_entry_, iso, metadata.gain > 0);
  patch_u16(iso_entry_ + 8, static_cast<uint16_t>(std::clamp(std::lround(metadata.gain * 100), 0L, 65535L)));
  return segment_;
}

}  // namespace camweave::jpeg
