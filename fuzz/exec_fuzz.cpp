// The exec driver's two parsers: command lines survive a round trip; a program's output, torn anywhere, gives the same
// pictures.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "capture/exec/command_words.h"
#include "capture/exec/picture_stream.h"

namespace {

using Pieces = std::vector<std::vector<std::byte>>;

Pieces split(std::span<const std::byte> stream, size_t chunk) {
  camweave::exec::PictureStream pictures;
  Pieces pieces;
  for (size_t at = 0; at < stream.size(); at += chunk) {
    pictures.push(stream.subspan(at, std::min(chunk, stream.size() - at)),
                  [&](const auto& piece) { pieces.emplace_back(piece.bytes.begin(), piece.bytes.end()); });
  }
  if (pictures.skipped_bytes() > stream.size()) std::abort();
  return pieces;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto words = camweave::exec::split_command({reinterpret_cast<const char*>(data), size});
  if (words) {
    const auto again = camweave::exec::split_command(camweave::exec::join_command(*words));
    if (!again || *again != *words) std::abort();
  }
  const auto stream = std::as_bytes(std::span(data + 1, size - 1));
  if (split(stream, data[0] % 64 + 1u) != split(stream, stream.size())) std::abort();
  return 0;
}
