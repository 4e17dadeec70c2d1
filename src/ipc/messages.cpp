#include "ipc/messages.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "ipc/message_json.h"

namespace camweave::ipc {
namespace {

static_assert(std::endian::native == std::endian::little,
              "both sides are one machine; the binary forms are little-endian");

// A datagram's first bytes.
struct Header {
  uint32_t magic;
  uint16_t type;  // the message's place in Message
  uint16_t zero;
};
static_assert(sizeof(Header) == 8);
constexpr uint32_t header_magic = 0x50495743;  // "CWIP"

struct FrameBody {
  uint32_t slot;
  uint32_t size_bytes;
  uint32_t rendition_id;
  uint32_t request_id;
  uint16_t codec;
  uint16_t keyframe;
  uint16_t width;
  uint16_t height;
  uint64_t sequence;
  int64_t capture_ns;
  int64_t capture_wall_us;
  uint32_t exposure_us;
  float gain;
  float colour_temperature_k;
  float lux;
};
static_assert(sizeof(FrameBody) == 64 && std::is_trivially_copyable_v<FrameBody>);

struct ReleaseSlotBody {
  uint32_t slot;
};

template <typename T>
void append(std::vector<std::byte>& out, const T& value) {
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

void append_body(const Frame& m, std::vector<std::byte>& out) {
  append(out, FrameBody{m.slot, m.size_bytes, m.rendition_id, m.request_id, static_cast<uint16_t>(m.codec), m.keyframe,
                        static_cast<uint16_t>(m.size.width), static_cast<uint16_t>(m.size.height), m.sequence,
                        m.capture_ns, m.capture_wall_us, m.metadata.exposure_us, m.metadata.gain,
                        m.metadata.colour_temperature_k, m.metadata.lux});
}

void append_body(const ReleaseSlot& m, std::vector<std::byte>& out) { append(out, ReleaseSlotBody{m.slot}); }

template <typename T>
void append_body(const T& m, std::vector<std::byte>& out) {
  // A device's name may hold any bytes: what is not UTF-8 is replaced.
  const std::string text = body_of(m).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Error broken(std::string_view what, ErrorCode code = ErrorCode::protocol) {
  return Error{code, fmt::format("message: {}", what)};
}

bool is_unsigned_real(float value) { return std::isfinite(value) && value >= 0; }

bool is_dimension(uint16_t value) { return value >= 1 && value <= max_dimension; }

std::optional<Error> problem_of(const FrameBody& b) {
  if (b.slot >= max_slots) return broken(fmt::format("Frame: slot is {}", b.slot), ErrorCode::exhausted);
  if (b.size_bytes == 0 || b.size_bytes > max_slot_bytes) {
    return broken(fmt::format("Frame: size_bytes is {}", b.size_bytes), ErrorCode::exhausted);
  }
  if ((b.rendition_id == 0) == (b.request_id == 0)) {
    return broken("Frame: it must belong to a rendition or to a still request, and to one only");
  }
  if (b.codec < static_cast<uint16_t>(Codec::jpeg) || b.codec > static_cast<uint16_t>(Codec::h265)) {
    return broken(fmt::format("Frame: codec is {}", b.codec));
  }
  if (b.keyframe > 1) return broken("Frame: keyframe is neither 0 nor 1");
  if (!is_dimension(b.width) || !is_dimension(b.height)) {
    return broken(fmt::format("Frame: size is {}x{}", b.width, b.height), ErrorCode::exhausted);
  }
  if (b.capture_ns <= 0 || b.capture_wall_us < 0) return broken("Frame: capture time is negative");
  if (!is_unsigned_real(b.gain) || !is_unsigned_real(b.colour_temperature_k) || !is_unsigned_real(b.lux)) {
    return broken("Frame: metadata is negative or no number");
  }
  return std::nullopt;
}

// The body as T, or nothing where its size is another.
template <typename T>
std::optional<T> exactly(std::span<const std::byte> body) {
  if (body.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, body.data(), sizeof(T));
  return value;
}

Result<Message> parse_frame(std::span<const std::byte> bytes) {
  const auto b = exactly<FrameBody>(bytes);
  if (!b) return broken(fmt::format("Frame: {} bytes", bytes.size()));
  if (auto problem = problem_of(*b)) return *std::move(problem);
  Frame m;
  m.slot = b->slot;
  m.size_bytes = b->size_bytes;
  m.rendition_id = b->rendition_id;
  m.request_id = b->request_id;
  m.keyframe = b->keyframe != 0;
  m.codec = static_cast<Codec>(b->codec);
  m.size = {b->width, b->height};
  m.sequence = b->sequence;
  m.capture_ns = b->capture_ns;
  m.capture_wall_us = b->capture_wall_us;
  m.metadata = {b->exposure_us, b->gain, b->colour_temperature_k, b->lux};
  return Message(m);
}

Result<Message> parse_release_slot(std::span<const std::byte> bytes) {
  const auto b = exactly<ReleaseSlotBody>(bytes);
  if (!b) return broken(fmt::format("ReleaseSlot: {} bytes", bytes.size()));
  if (b->slot >= max_slots) return broken(fmt::format("ReleaseSlot: slot is {}", b->slot), ErrorCode::exhausted);
  return Message(ReleaseSlot{b->slot});
}

template <typename T>
Result<Message> parse_body(std::span<const std::byte> bytes) {
  if constexpr (std::is_same_v<T, Frame>) {
    return parse_frame(bytes);
  } else if constexpr (std::is_same_v<T, ReleaseSlot>) {
    return parse_release_slot(bytes);
  } else {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const auto body = nlohmann::json::parse(text, text + bytes.size(), nullptr, /*allow_exceptions=*/false);
    if (body.is_discarded()) return broken("the body is not JSON");
    return read_body<T>(body);
  }
}

using Parser = Result<Message> (*)(std::span<const std::byte>);

// One parser for each message, in the order of Message.
template <typename... Types>
constexpr auto parsers_of(const std::variant<Types...>*) {
  return std::array<Parser, sizeof...(Types)>{&parse_body<Types>...};
}
constexpr auto parsers = parsers_of(static_cast<const Message*>(nullptr));

}  // namespace

void serialize_message(const Message& message, std::vector<std::byte>& out) {
  out.clear();
  append(out, Header{header_magic, static_cast<uint16_t>(message.index()), 0});
  std::visit([&out](const auto& m) { append_body(m, out); }, message);
}

Result<Message> parse_message(std::span<const std::byte> datagram) {
  if (datagram.size() < sizeof(Header)) return broken(fmt::format("{} bytes, too short", datagram.size()));
  if (datagram.size() > max_message_bytes) return broken("longer than 64 KiB", ErrorCode::exhausted);
  Header header;
  std::memcpy(&header, datagram.data(), sizeof(header));
  if (header.magic != header_magic || header.zero != 0) return broken("it doesn't begin as one");
  if (header.type >= parsers.size()) return broken(fmt::format("type is {}", header.type));
  return parsers[header.type](datagram.subspan(sizeof(header)));
}

}  // namespace camweave::ipc
