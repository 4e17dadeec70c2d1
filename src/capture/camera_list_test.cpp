#include "capture/camera_list.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

TEST(CameraList, IsAnArrayOfFoundCameras) {
  FoundCamera camera{.source = "v4l2:/dev/video0", .model = "Cam", .problem = "busy"};
  camera.modes = {{PixelFormat::yuyv, {640, 480}, 30'000}};
  const std::string text = to_json_text({camera});
  EXPECT_EQ(text.front(), '[');
  EXPECT_NE(text.find(R"("source":"v4l2:/dev/video0")"), std::string::npos);
  EXPECT_NE(text.find(R"("problem":"busy")"), std::string::npos);
  EXPECT_EQ(to_json_text({}), "[]");
}

}  // namespace
}  // namespace camweave
