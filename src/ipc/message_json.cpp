#include "ipc/message_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "ipc/field_reader.h"
#include "ipc/json.h"

namespace camweave::ipc {
namespace {

using nlohmann::json;

constexpr int max_fps_milli = 100'000'000;
constexpr int max_bitrate_kbps = 10'000'000;
constexpr size_t max_modes = 256;
constexpr size_t max_encoders = 64;
constexpr size_t max_camera_id_bytes = 32;
constexpr int last_error_code = static_cast<int>(ErrorCode::internal);
constexpr uint64_t max_time_ns = INT64_MAX;

Result<Message> result_of(const FieldReader& fields, Message message) {
  if (fields.error()) return *fields.error();
  return message;
}

bool is_camera_id(std::string_view text) {
  return !text.empty() && text.size() <= max_camera_id_bytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// 0×0 or both at least 1.
Size read_size(FieldReader& fields) {
  const Size size{fields.number("width", 0, max_dimension), fields.number("height", 0, max_dimension)};
  if ((size.width == 0) != (size.height == 0)) fields.fail("width", "and height must both be 0 or neither");
  return size;
}

ControlValues read_values(FieldReader& fields, std::string_view field) {
  const json* member = fields.member(field);
  if (!member) return {};
  auto values = control_values_from_json(*member);
  if (!values) {
    fields.fail(field, values.error().message, values.error().code);
    return {};
  }
  return *std::move(values);
}

std::vector<Control> read_controls(FieldReader& fields) {
  const json* member = fields.member("controls");
  if (!member) return {};
  auto controls = controls_from_json(*member);
  if (!controls) {
    fields.fail("controls", controls.error().message, controls.error().code);
    return {};
  }
  return *std::move(controls);
}

// What a sensor says of a frame: 0 is unknown.
float read_measure(FieldReader& fields, std::string_view field) {
  const auto value = static_cast<float>(fields.real(field));
  if (!std::isfinite(value) || value < 0) {
    fields.fail(field, "must not be negative, and finite");
    return 0;
  }
  return value;
}

std::vector<RenditionEncoder> read_encoders(FieldReader& fields) {
  std::vector<RenditionEncoder> encoders;
  const json* list = fields.array("encoders", max_encoders);
  if (!list) return encoders;
  for (const json& item : *list) {
    FieldReader encoder(item, "Status: encoder");
    encoders.push_back({encoder.id("id"), encoder.name("name")});
    if (encoder.error()) fields.fail("encoders", encoder.error()->message, encoder.error()->code);
  }
  return encoders;
}

ErrorCode read_error_code(FieldReader& fields) {
  return static_cast<ErrorCode>(fields.number("code", 0, last_error_code));
}

json rendition_to_json(const WantedRendition& wanted) {
  const Rendition& r = wanted.rendition;
  return {{"id", wanted.id},         {"codec", to_string(r.codec)}, {"width", r.size.width},
          {"height", r.size.height}, {"fps_milli", r.fps_milli},    {"quality", r.quality},
          {"kbps", r.bitrate_kbps},  {"rotation", r.rotation}};
}

Result<WantedRendition> rendition_from_json(const json& object) {
  FieldReader fields(object, "rendition");
  WantedRendition wanted;
  wanted.id = fields.id("id");
  const auto codec = parse_codec(fields.name("codec"));
  if (!codec) fields.fail("codec", "is unknown");
  wanted.rendition.codec = codec.value_or(Codec::jpeg);
  wanted.rendition.size = read_size(fields);
  wanted.rendition.fps_milli = fields.number("fps_milli", 0, max_fps_milli);
  wanted.rendition.quality = fields.number("quality", 0, 100);
  wanted.rendition.bitrate_kbps = fields.number("kbps", 0, max_bitrate_kbps);
  wanted.rendition.rotation = fields.number("rotation", 0, 270);
  if (wanted.rendition.rotation % 90 != 0) fields.fail("rotation", "must be 0, 90, 180 or 270");
  if (fields.error()) return *fields.error();
  return wanted;
}

Result<Mode> mode_from_json(const json& object) {
  FieldReader fields(object, "mode");
  Mode mode;
  const auto format = parse_pixel_format(fields.name("format"));
  if (!format) fields.fail("format", "is unknown");
  mode.format = format.value_or(PixelFormat::yuyv);
  mode.size = {fields.number("width", 1, max_dimension), fields.number("height", 1, max_dimension)};
  const double fps = fields.real("fps");
  if (!(fps >= 0 && fps <= max_fps_milli / 1000.0)) {
    fields.fail("fps", "is out of bounds", ErrorCode::exhausted);
  } else {
    mode.fps_milli = static_cast<int>(std::lround(fps * 1000));
  }
  if (fields.error()) return *fields.error();
  return mode;
}

Mode read_mode(FieldReader& fields) {
  const json* member = fields.member("mode");
  if (!member) return {};
  auto mode = mode_from_json(*member);
  if (!mode) fields.fail("mode", mode.error().message, mode.error().code);
  return mode ? *mode : Mode{};
}

std::vector<Mode> read_modes(FieldReader& fields) {
  std::vector<Mode> modes;
  const json* list = fields.array("modes", max_modes);
  if (!list) return modes;
  for (const json& item : *list) {
    auto mode = mode_from_json(item);
    if (!mode) {
      fields.fail("modes", mode.error().message, mode.error().code);
      return {};
    }
    modes.push_back(*mode);
  }
  return modes;
}

std::vector<ControlError> read_control_errors(FieldReader& fields) {
  std::vector<ControlError> errors;
  const json* list = fields.array("errors", 512);
  if (!list) return errors;
  for (const json& item : *list) {
    FieldReader one(item, "control error");
    errors.push_back({one.text("name", FieldReader::max_name_bytes), one.text("message"), one.name("type")});
    if (one.error()) {
      fields.fail("errors", one.error()->message, one.error()->code);
      return {};
    }
  }
  return errors;
}

}  // namespace

json body_of(const Start& m) {
  return {{"camera_id", m.camera_id},           {"source", m.source},
          {"width", m.wanted_size.width},       {"height", m.wanted_size.height},
          {"fps_milli", m.wanted_fps_milli},    {"on_demand", m.capture_on_demand},
          {"first_sequence", m.first_sequence}, {"controls", to_json(m.controls)}};
}
json body_of(const Renditions& m) {
  json list = json::array();
  for (const WantedRendition& wanted : m.wanted) list.push_back(rendition_to_json(wanted));
  return {{"wanted", std::move(list)}};
}
json body_of(const KeyframeRequest& m) { return {{"rendition_id", m.rendition_id}}; }
json body_of(const SetControls& m) { return {{"request_id", m.request_id}, {"values", to_json(m.values)}}; }
json body_of(const ResetControls& m) { return {{"request_id", m.request_id}}; }
json body_of(const StillRequest& m) { return {{"request_id", m.request_id}, {"quality", m.quality}}; }
json body_of(const Stop&) { return json::object(); }
json body_of(const Hello& m) {
  return {{"version", m.version}, {"driver", m.driver}, {"slots", m.slot_count}, {"slot_bytes", m.slot_bytes}};
}
json body_of(const Opened& m) {
  json modes = json::array();
  for (const Mode& mode : m.modes) modes.push_back(to_json(mode));
  return {{"make", m.make},
          {"model", m.model},
          {"serial", m.serial},
          {"identity", m.identity},
          {"mode", to_json(m.mode)},
          {"mode_note", m.mode_note},
          {"modes", std::move(modes)},
          {"controls", to_json(m.controls)}};
}
json body_of(const ControlsChanged& m) { return {{"controls", to_json(m.controls)}}; }
json body_of(const Reply& m) {
  json errors = json::array();
  for (const ControlError& e : m.outcome.errors) {
    errors.push_back({{"name", e.name}, {"message", e.message}, {"type", e.type}});
  }
  return {{"request_id", m.request_id},
          {"ok", m.ok},
          {"error", m.error},
          {"code", static_cast<int>(m.error_code)},
          {"applied", to_json(m.outcome.applied)},
          {"errors", std::move(errors)}};
}
json body_of(const Status& m) {
  json encoders = json::array();
  for (const RenditionEncoder& one : m.encoders) encoders.push_back({{"id", one.rendition_id}, {"name", one.encoder}});
  return {{"captured", m.captured},
          {"dropped", m.dropped},
          {"last_frame_ns", m.last_frame_ns},
          {"away", m.away},
          {"away_reason", m.away_reason},
          {"exposure_us", m.metadata.exposure_us},
          {"gain", m.metadata.gain},
          {"colour_temperature_k", m.metadata.colour_temperature_k},
          {"lux", m.metadata.lux},
          {"encoders", std::move(encoders)}};
}
json body_of(const RenditionFailed& m) { return {{"rendition_id", m.rendition_id}, {"error", m.error}}; }
json body_of(const Failed& m) { return {{"code", static_cast<int>(m.code)}, {"error", m.error}}; }

template <>
Result<Message> read_body<Start>(const json& body) {
  FieldReader fields(body, "Start");
  Start m;
  m.camera_id = fields.text("camera_id", max_camera_id_bytes);
  if (!is_camera_id(m.camera_id)) fields.fail("camera_id", "must be 1 to 32 of a-z, 0-9, _ and -");
  m.source = fields.text("source");
  m.wanted_size = read_size(fields);
  m.wanted_fps_milli = fields.number("fps_milli", 0, max_fps_milli);
  m.capture_on_demand = fields.boolean("on_demand");
  m.first_sequence = fields.unsigned_number("first_sequence", 0, UINT64_MAX / 2);
  m.controls = read_values(fields, "controls");
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<Renditions>(const json& body) {
  FieldReader fields(body, "Renditions");
  Renditions m;
  const json* list = fields.array("wanted", max_renditions_per_camera);
  if (!list) return *fields.error();
  for (const json& item : *list) {
    auto wanted = rendition_from_json(item);
    if (!wanted) return wanted.error();
    if (std::ranges::find(m.wanted, wanted->id, &WantedRendition::id) != m.wanted.end()) {
      return Error{ErrorCode::protocol, fmt::format("Renditions: id {} is there twice", wanted->id)};
    }
    m.wanted.push_back(*wanted);
  }
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<KeyframeRequest>(const json& body) {
  FieldReader fields(body, "KeyframeRequest");
  return result_of(fields, KeyframeRequest{fields.id("rendition_id")});
}

template <>
Result<Message> read_body<SetControls>(const json& body) {
  FieldReader fields(body, "SetControls");
  SetControls m{fields.id("request_id"), read_values(fields, "values")};
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<ResetControls>(const json& body) {
  FieldReader fields(body, "ResetControls");
  return result_of(fields, ResetControls{fields.id("request_id")});
}

template <>
Result<Message> read_body<StillRequest>(const json& body) {
  FieldReader fields(body, "StillRequest");
  return result_of(fields, StillRequest{fields.id("request_id"), fields.number("quality", 1, 100)});
}

template <>
Result<Message> read_body<Stop>(const json& body) {
  FieldReader fields(body, "Stop");
  return result_of(fields, Stop{});
}

template <>
Result<Message> read_body<Hello>(const json& body) {
  FieldReader fields(body, "Hello");
  Hello m;
  m.version = static_cast<uint16_t>(fields.number("version", 0, UINT16_MAX));
  if (m.version != protocol_version) {
    fields.fail("version", fmt::format("is {}, this side speaks {}: server and worker are of different releases",
                                       m.version, protocol_version));
  }
  m.driver = fields.name("driver");
  m.slot_count = static_cast<uint32_t>(fields.unsigned_number("slots", 1, max_slots));
  m.slot_bytes = fields.unsigned_number("slot_bytes", 1, max_slot_bytes);
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<Opened>(const json& body) {
  FieldReader fields(body, "Opened");
  Opened m;
  m.make = fields.text("make", FieldReader::max_name_bytes);
  m.model = fields.text("model", FieldReader::max_name_bytes);
  m.serial = fields.text("serial", FieldReader::max_name_bytes);
  m.identity = fields.text("identity", FieldReader::max_name_bytes);
  m.mode = read_mode(fields);
  m.mode_note = fields.text("mode_note");
  m.modes = read_modes(fields);
  m.controls = read_controls(fields);
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<ControlsChanged>(const json& body) {
  FieldReader fields(body, "ControlsChanged");
  ControlsChanged m{read_controls(fields)};
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<Reply>(const json& body) {
  FieldReader fields(body, "Reply");
  Reply m;
  m.request_id = fields.id("request_id");
  m.ok = fields.boolean("ok");
  m.error = fields.text("error");
  m.error_code = read_error_code(fields);
  m.outcome.applied = read_values(fields, "applied");
  m.outcome.errors = read_control_errors(fields);
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<Status>(const json& body) {
  FieldReader fields(body, "Status");
  Status m;
  m.captured = fields.unsigned_number("captured", 0, UINT64_MAX);
  m.dropped = fields.unsigned_number("dropped", 0, UINT64_MAX);
  m.last_frame_ns = static_cast<int64_t>(fields.unsigned_number("last_frame_ns", 0, max_time_ns));
  m.away = fields.boolean("away");
  m.away_reason = fields.text("away_reason");
  m.metadata.exposure_us = static_cast<uint32_t>(fields.unsigned_number("exposure_us", 0, UINT32_MAX));
  m.metadata.gain = read_measure(fields, "gain");
  m.metadata.colour_temperature_k = read_measure(fields, "colour_temperature_k");
  m.metadata.lux = read_measure(fields, "lux");
  m.encoders = read_encoders(fields);
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<RenditionFailed>(const json& body) {
  FieldReader fields(body, "RenditionFailed");
  RenditionFailed m{fields.id("rendition_id"), fields.text("error")};
  return result_of(fields, std::move(m));
}

template <>
Result<Message> read_body<Failed>(const json& body) {
  FieldReader fields(body, "Failed");
  Failed m{read_error_code(fields), fields.text("error")};
  return result_of(fields, std::move(m));
}

}  // namespace camweave::ipc
