// The H.264 splitter and the keeping of parameter sets. Torn anywhere, the splitter finds the same access units, which
// together are the stream from its first start code. The first byte says how the stream is torn.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "media/h264/annexb.h"
#include "media/h264/kept_parameter_sets.h"

namespace {

struct Unit {
  std::vector<std::byte> bytes;
  bool keyframe;
  camweave::Size size;
  bool operator==(const Unit&) const = default;
};

// Nothing of a unit is lost by putting sets into it.
void keep_sets(camweave::Codec codec, const std::vector<Unit>& units) {
  camweave::KeptParameterSets kept;
  for (const Unit& unit : units) {
    const auto mended = kept.put_before_keyframe(codec, unit.bytes);
    if (mended && mended->size() <= unit.bytes.size()) std::abort();
  }
}

std::vector<Unit> split(std::span<const std::byte> stream, size_t chunk) {
  camweave::h264::AnnexBSplitter splitter;
  std::vector<Unit> units;
  size_t held = 0;
  const auto keep = [&](const camweave::h264::AccessUnit& unit) {
    units.push_back({{unit.bytes.begin(), unit.bytes.end()}, unit.keyframe, unit.size});
    held += unit.bytes.size();
  };
  for (size_t at = 0; at < stream.size(); at += chunk) {
    splitter.push(stream.subspan(at, std::min(chunk, stream.size() - at)), keep);
  }
  splitter.flush(keep);
  if (held + splitter.skipped_bytes() != stream.size()) std::abort();
  return units;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto stream = std::as_bytes(std::span(data + 1, size - 1));
  (void)camweave::h264::parse_sps(stream);
  const auto units = split(stream, stream.size());
  if (split(stream, data[0] % 64 + 1u) != units) std::abort();
  keep_sets(camweave::Codec::h264, units);
  keep_sets(camweave::Codec::h265, units);
  return 0;
}
