// A push's dialog with a hostile server: whatever it answers, the dialog ends or goes on, and says nothing that it
// shouldn't.
#include "sink/publish/record_dialog.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave;
  RecordDialog dialog(*rtsp::parse_rtsp_url("rtsp://user:hunter2@h:8554/cam"));
  rtsp::MessageReader reader;
  std::string sent = dialog.begin();
  reader.feed(std::as_bytes(std::span(data, size)));
  for (;;) {
    auto event = reader.next();
    if (!event || event->kind == rtsp::MessageReader::Kind::need_more) break;
    if (event->kind == rtsp::MessageReader::Kind::request) sent += RecordDialog::answer(event->request);
    if (event->kind != rtsp::MessageReader::Kind::response) continue;
    const auto step = dialog.on_response(event->response);
    if (!step || step->kind == RecordDialog::Step::Kind::ended) break;
    sent += step->bytes;
    if (step->kind == RecordDialog::Step::Kind::describe) sent += dialog.announce("v=0\r\n");
    if (step->kind == RecordDialog::Step::Kind::recording) sent += dialog.keep_alive();
  }
  // Every line that we sent is one that we meant.
  rtsp::MessageReader own;
  own.feed(std::as_bytes(std::span(sent)));
  for (;;) {
    const auto event = own.next();
    if (!event) __builtin_trap();
    if (event->kind == rtsp::MessageReader::Kind::need_more) break;
  }
  return 0;
}
