// What a frame costs on its way to WebSocket clients (sink/frame_path_measure.h).
#include "sink/frame_path_measure.h"
#include "sink/websocket/websocket_sink.h"

#if !defined(CAMWEAVE_SANITIZED)
namespace camweave {
namespace {

class WebSocketFramePathTest : public FramePathTest {
  void add_route() override { router_.websocket("/{id}/jpeg", websocket_jpeg_handler(cameras_)); }
  std::string request() const override { return upgrade("/front/jpeg"); }
};

TEST_F(WebSocketFramePathTest, OneCallAndNothingElseForEachClientAndFrame) { expect_one_call_and_nothing_else(); }

}  // namespace
}  // namespace camweave
#endif
