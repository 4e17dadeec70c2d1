// JPEG headers: never a read past the end, and what is accepted keeps its promises.
#include <cstdint>
#include <cstdlib>

#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave::jpeg;
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)has_exif(bytes);
  const auto header = scan_header(bytes);
  if (!header) return 0;
  if (header->size.empty() || header->sos_offset >= header->scan_offset || header->scan_offset > size) std::abort();
  const auto mended = with_huffman_tables(bytes, *header);
  const auto again = scan_header(mended);
  if (!again || !again->has_huffman_tables || again->size != header->size) std::abort();
  return 0;
}
