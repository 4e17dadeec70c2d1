// RTSP requests, responses and interleaved data from a hostile peer, in two reads.
#include "net/rtsp/rtsp_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave::rtsp;
  const auto bytes = std::as_bytes(std::span(data, size));
  MessageReader reader;
  for (const auto& part : {bytes.first(size / 2), bytes.subspan(size / 2)}) {
    reader.feed(part);
    for (;;) {
      auto event = reader.next();
      if (!event) return 0;
      if (event->kind == MessageReader::Kind::need_more) break;
      if (event->kind == MessageReader::Kind::request) {
        serialize(event->request);
        if (auto transports = parse_transport(event->request.header("Transport"))) {
          for (const Transport& transport : *transports) serialize(transport);
        }
      }
    }
  }
  return 0;
}
