// Datagrams of the worker's socket: parsing must never crash, and what was accepted must survive a round trip.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ipc/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave::ipc;
  const auto message = parse_message(std::as_bytes(std::span(data, size)));
  if (!message) return 0;
  std::vector<std::byte> once;
  serialize_message(*message, once);
  const auto again = parse_message(once);
  // Serialising may make a message longer (escapes), never invalid.
  if (!again && once.size() <= max_message_bytes) std::abort();
  if (again) {
    std::vector<std::byte> twice;
    serialize_message(*again, twice);
    if (once != twice) std::abort();
  }
  return 0;
}
