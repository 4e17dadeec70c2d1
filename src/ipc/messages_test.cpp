// Every message survives the way there and back, and every rule of messages.h refuses what breaks it.
#include "ipc/messages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "ipc/json.h"

namespace camweave::ipc {
namespace {

std::vector<std::byte> bytes_of(const Message& message) {
  std::vector<std::byte> out;
  serialize_message(message, out);
  return out;
}

Message round_trip(const Message& message) {
  auto parsed = parse_message(bytes_of(message));
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
  return parsed.ok() ? *parsed : Message{};
}

// A JSON message with one field replaced (or, with null, removed).
Result<Message> with_field(const Message& message, const std::string& pointer, const nlohmann::json& value) {
  std::vector<std::byte> datagram = bytes_of(message);
  auto* text = reinterpret_cast<const char*>(datagram.data());
  auto body = nlohmann::json::parse(text + 8, text + datagram.size());
  const nlohmann::json::json_pointer at(pointer);
  if (value.is_null()) {
    body.at(at.parent_pointer()).erase(at.back());
  } else {
    body[at] = value;
  }
  const std::string changed = body.dump();
  datagram.resize(8);
  for (const char c : changed) datagram.push_back(static_cast<std::byte>(c));
  return parse_message(datagram);
}

template <typename T>
Result<Message> with_bytes(const Message& message, size_t offset, T value) {
  std::vector<std::byte> datagram = bytes_of(message);
  std::memcpy(datagram.data() + offset, &value, sizeof(value));
  return parse_message(datagram);
}

Frame some_frame() {
  Frame frame;
  frame.slot = 3;
  frame.size_bytes = 100'000;
  frame.rendition_id = 7;
  frame.codec = Codec::h264;
  frame.keyframe = false;
  frame.size = {1920, 1080};
  frame.sequence = 1'234'567'890'123;
  frame.capture_ns = 55;
  frame.capture_wall_us = 1'700'000'000'000'000;
  frame.metadata = {12'000, 1.5F, 4200.0F, 45.25F};
  return frame;
}

Control exposure() {
  Control control;
  control.name = "exposure_us";
  control.type = ControlType::integer;
  control.unit = "us";
  control.min = 100;
  control.max = 1'000'000;
  control.step = 1;
  control.default_value = int64_t{10'000};
  control.value = int64_t{12'345};
  control.auto_partner = "auto_exposure";
  control.available = false;
  control.why = "auto_exposure is on";
  return control;
}

Control gain() {
  Control control;
  control.name = "gain";
  control.type = ControlType::real;
  control.min = 1;
  control.max = 16;
  control.step = 0.1;
  control.default_value = 1.0;
  control.value = 2.0;
  return control;
}

Control pattern() {
  Control control;
  control.name = "pattern";
  control.type = ControlType::enumeration;
  control.options = {"bars", "zone"};
  control.default_value = std::string("bars");
  control.value = std::string("zone");
  return control;
}

Opened some_opened() {
  return {"Make",
          "Model",
          "S1",
          "id",
          {PixelFormat::jpeg, {640, 480}, 29'970},
          "took 640x480",
          {{PixelFormat::yuyv, {320, 240}, 15'000}},
          {exposure(), gain(), pattern()}};
}

Start some_start() {
  Start start{"front", "pattern:bars?size=640x480", {640, 480}, 30'000, true, 42, {}};
  start.controls = {{"gain", 2.5}, {"exposure_us", int64_t{-3}}, {"flip_h", true}, {"mode", std::string("a\"b")}};
  return start;
}

TEST(Messages, FrameComesThroughWhole) {
  const auto frame = std::get<Frame>(round_trip(some_frame()));
  const Frame wanted = some_frame();
  EXPECT_EQ(frame.slot, wanted.slot);
  EXPECT_EQ(frame.size_bytes, wanted.size_bytes);
  EXPECT_EQ(frame.rendition_id, wanted.rendition_id);
  EXPECT_EQ(frame.request_id, 0U);
  EXPECT_EQ(frame.codec, wanted.codec);
  EXPECT_FALSE(frame.keyframe);
  EXPECT_EQ(frame.size, wanted.size);
  EXPECT_EQ(frame.sequence, wanted.sequence);
  EXPECT_EQ(frame.capture_ns, wanted.capture_ns);
  EXPECT_EQ(frame.capture_wall_us, wanted.capture_wall_us);
  EXPECT_EQ(frame.metadata, wanted.metadata);
}

TEST(Messages, StartComesThroughWithTheTypesOfItsValues) {
  const auto start = std::get<Start>(round_trip(some_start()));
  EXPECT_EQ(start.camera_id, "front");
  EXPECT_EQ(start.source, some_start().source);
  EXPECT_EQ(start.wanted_size, (Size{640, 480}));
  EXPECT_EQ(start.wanted_fps_milli, 30'000);
  EXPECT_TRUE(start.capture_on_demand);
  EXPECT_EQ(start.first_sequence, 42U);
  EXPECT_EQ(start.controls, some_start().controls);
}

TEST(Messages, OpenedComesThroughWhole) {
  const auto opened = std::get<Opened>(round_trip(some_opened()));
  EXPECT_EQ(opened.serial, "S1");
  EXPECT_EQ(opened.identity, "id");
  EXPECT_EQ(opened.mode, some_opened().mode);
  EXPECT_EQ(opened.mode_note, "took 640x480");
  EXPECT_EQ(opened.modes, some_opened().modes);
  EXPECT_EQ(opened.controls, some_opened().controls);
}

TEST(Messages, TheOthersComeThroughWhole) {
  const Renditions renditions{
      {{9, {Codec::jpeg, {320, 240}, 15'000, 70, 0, 90}}, {10, {Codec::h264, {}, 0, 0, 4000, 0}}}};
  const auto back = std::get<Renditions>(round_trip(renditions));
  ASSERT_EQ(back.wanted.size(), 2U);
  EXPECT_EQ(back.wanted[0].id, 9U);
  EXPECT_EQ(back.wanted[0].rendition, renditions.wanted[0].rendition);
  EXPECT_EQ(back.wanted[1].rendition, renditions.wanted[1].rendition);

  EXPECT_EQ(std::get<KeyframeRequest>(round_trip(KeyframeRequest{4})).rendition_id, 4U);
  EXPECT_EQ(std::get<SetControls>(round_trip(SetControls{5, {{"gain", 1.5}}})).values.at("gain"), ControlValue(1.5));
  EXPECT_EQ(std::get<ResetControls>(round_trip(ResetControls{6})).request_id, 6U);
  EXPECT_EQ(std::get<StillRequest>(round_trip(StillRequest{7, 90})).quality, 90);
  EXPECT_EQ(std::get<ReleaseSlot>(round_trip(ReleaseSlot{63})).slot, 63U);
  EXPECT_TRUE(std::holds_alternative<Stop>(round_trip(Stop{})));
  EXPECT_EQ(std::get<Hello>(round_trip(Hello{protocol_version, "pattern", 8, 4096})).slot_count, 8U);
  EXPECT_EQ(std::get<ControlsChanged>(round_trip(ControlsChanged{{gain()}})).controls.at(0), gain());
  const FrameMetadata metadata{12'000, 1.5F, 4200.0F, 45.25F};
  const Status status =
      std::get<Status>(round_trip(Status{9, 8, 7, true, "unplugged", metadata, {{3, "libx264"}, {5, "pass-through"}}}));
  EXPECT_EQ(status.captured, 9U);
  EXPECT_EQ(status.dropped, 8U);
  EXPECT_EQ(status.last_frame_ns, 7);
  EXPECT_EQ(status.away_reason, "unplugged");
  EXPECT_EQ(status.metadata, metadata);
  ASSERT_EQ(status.encoders.size(), 2U);
  EXPECT_EQ(status.encoders[1].rendition_id, 5U);
  EXPECT_EQ(status.encoders[1].encoder, "pass-through");
  EXPECT_EQ(std::get<RenditionFailed>(round_trip(RenditionFailed{3, "no"})).error, "no");
  EXPECT_EQ(std::get<Failed>(round_trip(Failed{ErrorCode::busy, "taken"})).code, ErrorCode::busy);
}

TEST(Messages, ReplyComesThroughWithItsErrors) {
  Reply reply{5, false, "refused", ErrorCode::invalid_argument, {}};
  reply.outcome.applied = {{"gain", 2.0}};
  reply.outcome.errors = {{"exposure_us", "exposure_us must be >= 100", "greater_than_equal"}};
  const auto back = std::get<Reply>(round_trip(reply));
  EXPECT_FALSE(back.ok);
  EXPECT_EQ(back.error_code, ErrorCode::invalid_argument);
  EXPECT_EQ(back.outcome.applied, reply.outcome.applied);
  ASSERT_EQ(back.outcome.errors.size(), 1U);
  EXPECT_EQ(back.outcome.errors[0].type, "greater_than_equal");
}

TEST(Messages, BytesThatAreNoUtf8AreReplaced) {
  Opened opened = some_opened();
  opened.model = "Cam\xff";
  EXPECT_EQ(std::get<Opened>(round_trip(opened)).model, "Cam\xEF\xBF\xBD");
}

TEST(Messages, FramesAreSerialisedWithoutAllocationOnceWarm) {
  std::vector<std::byte> out;
  serialize_message(some_frame(), out);
  const auto* data = out.data();
  const size_t capacity = out.capacity();
  serialize_message(ReleaseSlot{1}, out);
  serialize_message(some_frame(), out);
  EXPECT_EQ(out.data(), data);
  EXPECT_EQ(out.capacity(), capacity);
}

// Offsets of the fields in the datagram: 8 bytes of header, then FrameBody.
TEST(HostileMessages, FrameFieldsOutOfBoundsAreRefused) {
  const Frame good = some_frame();
  EXPECT_FALSE(with_bytes<uint32_t>(good, 8, max_slots).ok());
  EXPECT_FALSE(with_bytes<uint32_t>(good, 12, 0).ok());
  EXPECT_FALSE(with_bytes<uint32_t>(good, 12, max_slot_bytes + 1).ok());
  EXPECT_FALSE(with_bytes<uint32_t>(good, 16, 0).ok()) << "neither rendition nor still";
  EXPECT_FALSE(with_bytes<uint32_t>(good, 20, 5).ok()) << "rendition and still";
  EXPECT_FALSE(with_bytes<uint16_t>(good, 24, 0).ok());
  EXPECT_FALSE(with_bytes<uint16_t>(good, 24, 4).ok());
  EXPECT_FALSE(with_bytes<uint16_t>(good, 26, 2).ok());
  EXPECT_FALSE(with_bytes<uint16_t>(good, 28, 0).ok());
  EXPECT_FALSE(with_bytes<uint16_t>(good, 30, max_dimension + 1).ok());
  EXPECT_FALSE(with_bytes<int64_t>(good, 40, 0).ok());
  EXPECT_FALSE(with_bytes<int64_t>(good, 40, -1).ok());
  EXPECT_FALSE(with_bytes<int64_t>(good, 48, -1).ok());
  for (const size_t offset : {60, 64, 68}) {
    EXPECT_FALSE(with_bytes<float>(good, offset, std::numeric_limits<float>::quiet_NaN()).ok());
    EXPECT_FALSE(with_bytes<float>(good, offset, std::numeric_limits<float>::infinity()).ok());
    EXPECT_FALSE(with_bytes<float>(good, offset, -1.0F).ok());
  }
  EXPECT_TRUE(with_bytes<uint32_t>(good, 8, max_slots - 1).ok());
}

TEST(HostileMessages, WrongLengthsAndHeadersAreRefused) {
  for (const Message& message : {Message(some_frame()), Message(ReleaseSlot{1}), Message(Hello{1, "x", 1, 1})}) {
    const auto datagram = bytes_of(message);
    for (size_t size = 0; size < datagram.size(); ++size) {
      EXPECT_FALSE(parse_message(std::span(datagram).first(size)).ok()) << size;
    }
    auto longer = datagram;
    longer.push_back(std::byte{'x'});
    EXPECT_FALSE(parse_message(longer).ok());
    EXPECT_FALSE(with_bytes<uint32_t>(message, 0, 0).ok());
    EXPECT_FALSE(with_bytes<uint16_t>(message, 4, 16).ok());
    EXPECT_FALSE(with_bytes<uint16_t>(message, 6, 1).ok());
  }
  EXPECT_FALSE(parse_message(std::vector<std::byte>(max_message_bytes + 1)).ok());
  EXPECT_FALSE(with_bytes<uint32_t>(ReleaseSlot{1}, 8, max_slots).ok());
}

TEST(HostileMessages, DeepJsonIsRefusedWithoutOverflow) {
  auto datagram = bytes_of(Stop{});
  datagram.resize(8);
  datagram.resize(max_message_bytes, std::byte{'['});
  EXPECT_FALSE(parse_message(datagram).ok());
}

struct BadField {
  Message message;
  const char* pointer;
  nlohmann::json value;
};

TEST(HostileMessages, JsonFieldsThatBreakARuleAreRefusedByName) {
  using nlohmann::json;
  const Renditions renditions{{{1, {}}, {2, {}}}};
  const std::string nul("a\0b", 3);
  const BadField cases[] = {
      {some_start(), "/camera_id", ""},
      {some_start(), "/camera_id", "../x"},
      {some_start(), "/camera_id", std::string(33, 'a')},
      {some_start(), "/source", nul},
      {some_start(), "/source", std::string(20'000, 'a')},
      {some_start(), "/width", 0},
      {some_start(), "/width", max_dimension + 1},
      {some_start(), "/width", -1},
      {some_start(), "/width", 1.5},
      {some_start(), "/fps_milli", 100'000'001},
      {some_start(), "/on_demand", 1},
      {some_start(), "/controls", json::array()},
      {some_start(), "/controls/gain", json::array()},
      {some_start(), "/controls/gain", UINT64_MAX},
      {renditions, "/wanted/0/id", 0},
      {renditions, "/wanted/0/id", 2},
      {renditions, "/wanted/0/codec", "mpeg1"},
      {renditions, "/wanted/0/quality", 101},
      {renditions, "/wanted/0/rotation", 45},
      {renditions, "/wanted/0/width", 7},
      {renditions, "/wanted", json(std::vector<int>(9, 0))},
      {renditions, "/wanted", 3},
      {KeyframeRequest{1}, "/rendition_id", 0},
      {SetControls{1, {}}, "/request_id", 0},
      {SetControls{1, {}}, "/values", nullptr},
      {ResetControls{1}, "/request_id", uint64_t{UINT32_MAX} + 1},
      {StillRequest{1, 95}, "/quality", 0},
      {Hello{1, "x", 1, 1}, "/version", 2},
      {Hello{1, "x", 1, 1}, "/driver", ""},
      {Hello{1, "x", 1, 1}, "/slots", 0},
      {Hello{1, "x", 1, 1}, "/slots", max_slots + 1},
      {Hello{1, "x", 1, 1}, "/slot_bytes", max_slot_bytes + 1},
      {some_opened(), "/make", std::string(300, 'm')},
      {some_opened(), "/mode/format", "XYZ"},
      {some_opened(), "/mode/fps", -1},
      {some_opened(), "/mode/width", 0},
      {some_opened(), "/modes", json(std::vector<int>(257, 0))},
      {some_opened(), "/modes/0", 1},
      {some_opened(), "/controls/0/type", "string"},
      {some_opened(), "/controls/0/name", ""},
      {some_opened(), "/controls/0/name", "gain"},
      {some_opened(), "/controls/0/min", 2'000'000},
      {some_opened(), "/controls/0/max", "1"},
      {some_opened(), "/controls/0/value", "text"},
      {some_opened(), "/controls/0/value", 1.5},
      {some_opened(), "/controls/2/options", 1},
      {some_opened(), "/controls/2/options/0", 1},
      {some_opened(), "/controls/2/default", true},
      {ControlsChanged{{gain()}}, "/controls", json(std::vector<int>(513, 0))},
      {Reply{1, true, "", ErrorCode::io, {}}, "/code", 99},
      {Reply{1, true, "", ErrorCode::io, {}}, "/errors/0", 1},
      {Status{}, "/captured", -1},
      {Status{}, "/last_frame_ns", uint64_t{INT64_MAX} + 1},
      {Status{}, "/away", "yes"},
      {Status{}, "/exposure_us", -1},
      {Status{}, "/exposure_us", uint64_t{UINT32_MAX} + 1},
      {Status{}, "/gain", -0.5},
      {Status{}, "/gain", "2"},
      {Status{}, "/colour_temperature_k", nullptr},
      {Status{}, "/lux", 1e300},
      {Status{}, "/encoders", "libx264"},
      {Status{}, "/encoders", json(std::vector<int>(65, 0))},
      {Status{{}, {}, {}, {}, {}, {}, {{3, "libx264"}}}, "/encoders/0/id", 0},
      {Status{{}, {}, {}, {}, {}, {}, {{3, "libx264"}}}, "/encoders/0/name", ""},
      {RenditionFailed{1, ""}, "/error", 5},
      {Failed{ErrorCode::io, ""}, "/code", 99},
      {Failed{ErrorCode::io, ""}, "/error", nullptr},
  };
  for (const BadField& bad : cases) {
    const auto parsed = with_field(bad.message, bad.pointer, bad.value);
    EXPECT_FALSE(parsed.ok()) << bad.pointer << " = " << bad.value.dump().substr(0, 60);
    if (!parsed.ok()) {
      EXPECT_TRUE(parsed.error().code == ErrorCode::protocol || parsed.error().code == ErrorCode::exhausted);
    }
  }
}

TEST(HostileMessages, ABodyThatIsNoObjectIsRefused) {
  for (uint16_t type = 0; type < std::variant_size_v<Message>; ++type) {
    for (const char* body : {"", "[]", "7", "null", "\"x\"", "{", "{\"a\":1e999}"}) {
      std::vector<std::byte> datagram = bytes_of(Stop{});
      datagram.resize(8);
      std::memcpy(datagram.data() + 4, &type, sizeof(type));
      for (const char* c = body; *c; ++c) datagram.push_back(static_cast<std::byte>(*c));
      EXPECT_FALSE(parse_message(datagram).ok()) << type << " " << body;
    }
  }
}

TEST(Json, AControlReadsAsTheApiSaysIt) {
  const auto json = to_json(exposure());
  EXPECT_EQ(json.at("type"), "int");
  EXPECT_EQ(json.at("max").dump(), "1000000");
  EXPECT_EQ(json.at("value"), 12'345);
  EXPECT_EQ(json.at("auto_partner"), "auto_exposure");
  EXPECT_FALSE(json.contains("options"));
  EXPECT_EQ(to_json(pattern()).at("options").size(), 2U);
  EXPECT_EQ(to_json(Mode{PixelFormat::jpeg, {640, 480}, 29'970}).dump(),
            R"({"format":"MJPEG","fps":29.97,"height":480,"width":640})");
}

}  // namespace
}  // namespace camweave::ipc
