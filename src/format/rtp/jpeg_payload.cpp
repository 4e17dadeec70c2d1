#include "format/rtp/jpeg_payload.h"

#include <algorithm>
#include <array>
#include <map>

#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

namespace camweave::rtp {
namespace {

constexpr int largest_dimension = 2040;  // in 8-pixel blocks, 8 bits

Error cannot(const char* what) { return Error{ErrorCode::unsupported, std::string("RTP: RFC 2435 can't carry ") + what}; }

using Tables = std::map<uint8_t, std::span<const std::byte>>;

// Tables of DQT or DHT segments by their identifier byte. `length_of`: of the table behind that byte, 0: refused.
template <typename LengthOf>
bool collect_tables(std::span<const std::byte> jpeg, size_t end, std::byte marker, LengthOf length_of, Tables& tables) {
  size_t at = 2;
  while (at + 4 <= end) {
    const size_t length = 2 + (std::to_integer<size_t>(jpeg[at + 2]) << 8 | std::to_integer<size_t>(jpeg[at + 3]));
    if (jpeg[at + 1] == std::byte{0xff}) {
      ++at;
      continue;
    }
    auto body = jpeg.subspan(at + 4, length - 4);
    for (; jpeg[at + 1] == marker && !body.empty();) {
      const auto id = std::to_integer<uint8_t>(body[0]);
      const size_t size = length_of(body.subspan(1));
      if (size == 0 || body.size() < 1 + size || id & (marker == std::byte{0xdb} ? 0xf0 : 0)) return false;
      tables[id] = body.subspan(1, size);
      body = body.subspan(1 + size);
    }
    at += length;
  }
  return true;
}

size_t quantization_length(std::span<const std::byte>) { return 64; }

size_t huffman_length(std::span<const std::byte> table) {
  if (table.size() < 16) return 0;
  size_t symbols = 0;
  for (const std::byte count : table.first(16)) symbols += std::to_integer<size_t>(count);
  return 16 + symbols;
}

bool has_standard_huffman(std::span<const std::byte> jpeg, const jpeg::Header& header) {
  if (!header.has_huffman_tables) return true;
  Tables ours, theirs;
  if (!collect_tables(jpeg, header.sos_offset, std::byte{0xc4}, huffman_length, theirs)) return false;
  auto standard = jpeg::standard_huffman_tables().subspan(4);
  while (!standard.empty()) {
    const size_t size = huffman_length(standard.subspan(1));
    ours[std::to_integer<uint8_t>(standard[0])] = standard.subspan(1, size);
    standard = standard.subspan(1 + size);
  }
  return std::ranges::all_of(theirs, [&](const auto& table) {
    const auto found = ours.find(table.first);
    return found != ours.end() && std::ranges::equal(found->second, table.second);
  });
}

Result<uint8_t> type_of(const jpeg::Header& header) {
  if (header.component_count != 3) return cannot("a picture without colours");
  const auto& [luma, blue, red, unused] = header.components;
  if (blue.horizontal != 1 || blue.vertical != 1 || red.horizontal != 1 || red.vertical != 1 || luma.horizontal != 2 ||
      luma.vertical > 2) {
    return cannot("this chroma sampling");
  }
  return static_cast<uint8_t>((luma.vertical == 2 ? 1 : 0) + (header.restart_interval ? 64 : 0));
}

}  // namespace

Result<JpegParts> take_jpeg_apart(std::span<const std::byte> jpeg) {
  const auto header = jpeg::scan_header(jpeg);
  if (!header) return header.error();
  if (header->is_progressive) return cannot("a progressive JPEG");
  if (header->size.width > largest_dimension || header->size.height > largest_dimension) return cannot("more than 2040 pixels");
  // The size travels in blocks of 8 pixels.
  if (header->size.width % 8 || header->size.height % 8) return cannot("a size that is no multiple of 8");
  if (!has_standard_huffman(jpeg, *header)) return cannot("its own Huffman tables");
  const auto type = type_of(*header);
  if (!type) return type.error();
  Tables quantization;
  if (!collect_tables(jpeg, header->sos_offset, std::byte{0xdb}, quantization_length, quantization)) return cannot("16-bit quantization");

  JpegParts parts;
  parts.type = *type;
  parts.size = header->size;
  parts.restart_interval = header->restart_interval;
  for (const uint8_t id : {header->components[0].quantization_table, header->components[1].quantization_table}) {
    const auto table = quantization.find(id);
    if (table == quantization.end()) return cannot("a missing quantization table");
    parts.quantization_tables.insert(parts.quantization_tables.end(), table->second.begin(), table->second.end());
  }
  parts.scan = jpeg.subspan(header->scan_offset);
  if (parts.scan.size() >= 2 && parts.scan[parts.scan.size() - 2] == std::byte{0xff} && parts.scan.back() == std::byte{0xd9}) {
    parts.scan = parts.scan.first(parts.scan.size() - 2);
  }
  if (parts.scan.empty()) return Error{ErrorCode::protocol, "RTP: a JPEG without a scan"};
  return parts;
}

}  // namespace camweave::rtp
