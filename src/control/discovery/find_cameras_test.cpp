#include "control/discovery/find_cameras.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace camweave {
namespace {
using namespace std::chrono_literals;
using testing::HasSubstr;

class FindCamerasTest : public testing::Test {
 protected:
  FindCamerasTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "find_cameras_test.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~FindCamerasTest() override { std::filesystem::remove_all(directory_); }

  void driver(const std::string& name, const std::string& script) {
    const auto path = directory_ / ("camweave-capture-" + name);
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    ::chmod(path.c_str(), 0755);
  }
  std::vector<DriverFindings> find(std::chrono::milliseconds patience = 30s) {
    return find_cameras(WorkerPrograms({directory_.string()}), patience);
  }
  std::filesystem::path directory_;
};

TEST_F(FindCamerasTest, AsksEveryDriverThatIsThere) {
  driver("v4l2", R"(echo '[{"source":"v4l2:/dev/video0","make":"A","model":"B","serial":"1","problem":"",
                    "modes":[{"format":"MJPEG","width":1280,"height":720,"fps":30}],"controls":[]}]')");
  driver("genicam", "echo 'error no network: plug one in' >&2; exit 1");
  const auto findings = find();
  ASSERT_EQ(findings.size(), 2u);
  ASSERT_EQ(findings[0].cameras.size(), 1u);
  EXPECT_EQ(findings[0].cameras[0].source, "v4l2:/dev/video0");
  EXPECT_EQ(findings[0].cameras[0].modes, (std::vector<ipc::Mode>{{PixelFormat::jpeg, {1280, 720}, 30000}}));
  EXPECT_EQ(findings[1].problem, "no network: plug one in");
}

TEST_F(FindCamerasTest, ADriverThatHangsIsEndedAndSaysSo) {
  driver("v4l2", "sleep 60");
  driver("libcamera", "echo '[]'");
  const auto begin = std::chrono::steady_clock::now();
  const auto findings = find(3s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].problem, "");
  EXPECT_THAT(findings[1].problem, HasSubstr("too long"));
}

TEST(ParseCameraList, RefusesWhatIsNoList) {
  for (const char* text : {"", "{}", "[1]", "[{}]", "garbage"}) EXPECT_FALSE(parse_camera_list("x", text)) << text;
}

TEST_F(FindCamerasTest, AUsbCameraThatLibcameraFindsTooIsUsedByV4l2) {
  driver("libcamera",
         R"(echo '[{"source":"libcamera:usb","model":"W","problem":"","devices":["/dev/video1","/dev/video0"]},
                         {"source":"libcamera:imx219","model":"imx219","problem":"","devices":[]}]')");
  driver("v4l2",
         R"(echo '[{"source":"v4l2:serial=1","model":"W","serial":"1","problem":"","devices":["/dev/video0"]}]')");
  const auto findings = find();
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].cameras[0].problem, "the same camera as v4l2:serial=1: use that");
  EXPECT_EQ(findings[0].cameras[1].problem, "");
  const auto cameras = configuration_of(findings);
  ASSERT_EQ(cameras.size(), 2u);
  EXPECT_EQ(cameras[0].source, "libcamera:imx219");
  EXPECT_EQ(cameras[1].source, "v4l2:serial=1");
}

TEST(ConfigurationOf, UsableOnesInOrderEachDeviceOnce) {
  const std::vector<DriverFindings> findings{
      {"libcamera", {{.driver = "libcamera", .source = "libcamera:a", .model = "M", .serial = "1"}}, ""},
      {"v4l2",
       {{.driver = "v4l2", .source = "v4l2:/dev/video0", .model = "M", .serial = "1"},
        {.driver = "v4l2", .source = "v4l2:/dev/video2", .model = "W", .serial = "2"},
        {.driver = "v4l2", .source = "v4l2:/dev/video4", .problem = "busy"}},
       ""}};
  const auto cameras = configuration_of(findings);
  ASSERT_EQ(cameras.size(), 2u);
  EXPECT_EQ(cameras[0].id, "cam0");
  EXPECT_EQ(cameras[0].source, "libcamera:a");
  EXPECT_EQ(cameras[1].source, "v4l2:/dev/video2");
}

TEST(ConfigurationOf, NoneFoundIsTwoPatterns) {
  const auto cameras = configuration_of({{"v4l2", {}, "no permission"}});
  ASSERT_EQ(cameras.size(), 2u);
  EXPECT_EQ(cameras[0].id, "cam0");
  EXPECT_THAT(cameras[0].source, HasSubstr("pattern:bars"));
  EXPECT_EQ(cameras[1].id, "cam1");
}

}  // namespace
}  // namespace camweave
