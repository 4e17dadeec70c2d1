// A camera's JPEG header, and the picture with its missing tables put in.
#include "media/jpeg/header.h"
#include "media/jpeg/huffman.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave;
  const auto bytes = std::as_bytes(std::span(data, size));
  jpeg::has_exif(bytes);
  const auto header = jpeg::scan_header(bytes);
  if (!header) return 0;
  const auto mended = jpeg::with_huffman_tables(bytes, *header);
  const auto again = jpeg::scan_header(mended);
  if (!again || !again->has_huffman_tables || again->size != header->size) __builtin_trap();
  return 0;
}
