// What a frame costs on its way to MJPEG clients (sink/frame_path_measure.h).
#include "sink/frame_path_measure.h"
#include "sink/mjpeg/mjpeg_sink.h"

#if !defined(CAMWEAVE_SANITIZED)
namespace camweave {
namespace {

class MjpegFramePathTest : public FramePathTest {
  void add_route() override { router_.add(HttpMethod::get, "/{id}/stream.mjpg", mjpeg_handler(cameras_)); }
  std::string request() const override { return "GET /front/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"; }
};

TEST_F(MjpegFramePathTest, OneCallAndNothingElseForEachClientAndFrame) { expect_one_call_and_nothing_else(); }

}  // namespace
}  // namespace camweave
#endif
