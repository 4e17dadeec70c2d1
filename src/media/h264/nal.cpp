#include "media/h264/nal.h"

#include <cstring>

namespace camweave {
namespace {

// The offset of the next 00 00 01 at or after `from`, or the size. memchr makes it fast: 01 is rare in coded data.
size_t find_start_code(std::span<const std::byte> bytes, size_t from) {
  for (size_t at = from + 2; at < bytes.size(); ++at) {
    const void* one = std::memchr(bytes.data() + at, 1, bytes.size() - at);
    if (!one) return bytes.size();
    at = static_cast<size_t>(static_cast<const std::byte*>(one) - bytes.data());
    if (bytes[at - 1] == std::byte{0} && bytes[at - 2] == std::byte{0}) return at - 2;
  }
  return bytes.size();
}

}  // namespace

NalSplit next_nal(std::span<const std::byte> annex_b) {
  for (;;) {
    const size_t start = find_start_code(annex_b, 0);
    if (start == annex_b.size()) return {};
    const size_t begin = start + 3;
    const size_t next = find_start_code(annex_b, begin);
    size_t end = next;
    while (end > begin && annex_b[end - 1] == std::byte{0}) --end;  // trailing zeros belong to the next start code
    if (end > begin) return {annex_b.subspan(begin, end - begin), annex_b.subspan(next)};
    if (next == annex_b.size()) return {};
    annex_b = annex_b.subspan(next);
  }
}

}  // namespace camweave
