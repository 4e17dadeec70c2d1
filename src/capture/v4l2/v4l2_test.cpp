#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "capture/v4l2/controls.h"
#include "capture/v4l2/fake_kernel.h"
#include "capture/mode_choice.h"
#include "capture/v4l2/v4l2_camera.h"

namespace camweave::v4l2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<ipc::Mode> webcam_modes{
    {PixelFormat::jpeg, {1920, 1080}, 30'000}, {PixelFormat::jpeg, {1280, 720}, 30'000}, {PixelFormat::jpeg, {640, 480}, 30'000},
    {PixelFormat::yuyv, {1920, 1080}, 5'000},  {PixelFormat::yuyv, {1280, 720}, 10'000}, {PixelFormat::yuyv, {640, 480}, 30'000}};

TEST(ChooseMode, TakesTheExactModeAndSaysNothing) {
  const auto choice = choose_mode(webcam_modes, {1280, 720}, 30'000, std::nullopt);
  EXPECT_EQ(choice->mode, (ipc::Mode{PixelFormat::jpeg, {1280, 720}, 30'000}));
  EXPECT_EQ(choice->note, "");
}

TEST(ChooseMode, TakesTheNextLargerSizeAndSaysWhy) {
  const auto choice = choose_mode(webcam_modes, {800, 600}, 30'000, std::nullopt);
  EXPECT_EQ(choice->mode.size, (Size{1280, 720}));
  EXPECT_THAT(choice->note, HasSubstr("1280x720 instead of 800x600"));
}

TEST(ChooseMode, TakesTheLargestWhenNothingIsLargeEnough) {
  EXPECT_EQ(choose_mode(webcam_modes, {3840, 2160}, 30'000, std::nullopt)->mode.size, (Size{1920, 1080}));
}

TEST(ChooseMode, KeepsToTheWantedFormatAndSaysWhatRateThatCosts) {
  const auto choice = choose_mode(webcam_modes, {1280, 720}, 30'000, PixelFormat::yuyv);
  EXPECT_EQ(choice->mode.fps_milli, 10'000);
  EXPECT_THAT(choice->note, HasSubstr("10 fps instead of 30"));
}

TEST(ChooseMode, RefusesAFormatThatIsNotThere) {
  EXPECT_EQ(choose_mode(webcam_modes, {}, 0, PixelFormat::grey).error().code, ErrorCode::unsupported);
}

std::vector<FakeControl> webcam_controls() {
  return {{V4L2_CID_BRIGHTNESS, V4L2_CTRL_TYPE_INTEGER, "Brightness", 0, 255, 1, 128, 100},
          {V4L2_CID_POWER_LINE_FREQUENCY, V4L2_CTRL_TYPE_MENU, "Power Line Frequency", 0, 2, 1, 1, 1, 0, {"Disabled", "50 Hz", "60 Hz"}},
          {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, "Auto Exposure", 0, 3, 1, 3, 3, 0, {"", "Manual Mode", "", "Aperture Priority Mode"}},
          {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute", 1, 10'000, 1, 156, 156, V4L2_CTRL_FLAG_INACTIVE}};
}

class V4l2Test : public ::testing::Test {
 protected:
  void SetUp() override { kernel_.controls = webcam_controls(); }
  FakeKernel kernel_;
  SystemClock clock_;
  Log log_{clock_, LogLevel::error, nullptr};
};

TEST_F(V4l2Test, ControlsGetCanonicalNamesUnitsAndPartners) {
  auto device = *Device::open(kernel_, "/dev/video0");
  const auto controls = DeviceControls(*device).read();
  const Control* exposure = find_control(controls, "exposure_us");
  ASSERT_NE(exposure, nullptr);
  EXPECT_EQ(exposure->unit, "us");
  EXPECT_EQ(exposure->min, 100);
  EXPECT_EQ(exposure->max, 1'000'000);
  EXPECT_EQ(exposure->value, ControlValue(int64_t{15'600}));
  EXPECT_EQ(exposure->auto_partner, "auto_exposure");
  EXPECT_FALSE(exposure->available);
  EXPECT_EQ(exposure->why, "auto_exposure is on");
  EXPECT_EQ(find_control(controls, "auto_exposure")->value, ControlValue(true));
  EXPECT_THAT(find_control(controls, "power_line_frequency")->options, ElementsAre("Disabled", "50 Hz", "60 Hz"));
}

TEST_F(V4l2Test, AutoIsSwitchedOffBeforeTheValueThatItHeld) {
  auto device = *Device::open(kernel_, "/dev/video0");
  const DeviceControls controls(*device);
  const auto outcome = controls.set({{"auto_exposure", false}, {"exposure_us", int64_t{20'040}}});
  EXPECT_TRUE(outcome.errors.empty());
  EXPECT_THAT(kernel_.set_order, ElementsAre(V4L2_CID_EXPOSURE_AUTO, V4L2_CID_EXPOSURE_ABSOLUTE));
  EXPECT_EQ(outcome.applied.at("exposure_us"), ControlValue(int64_t{20'000}));  // the device counts in 100 µs
}

TEST_F(V4l2Test, ARefusedControlUndoesTheOthers) {
  auto device = *Device::open(kernel_, "/dev/video0");
  const DeviceControls controls(*device);
  const auto outcome = controls.set({{"brightness", int64_t{7}}, {"exposure_us", int64_t{20'000}}});  // auto is on
  ASSERT_EQ(outcome.errors.size(), 1u);
  EXPECT_EQ(outcome.errors[0].name, "exposure_us");
  EXPECT_EQ(kernel_.controls[0].value, 100);
}

TEST_F(V4l2Test, DevicesAreFoundBySerialBusAndName) {
  EXPECT_EQ(*resolve_device(kernel_, "serial=SN-1"), "/dev/video0");
  EXPECT_EQ(*resolve_device(kernel_, "bus=usb-0000:01:00.0-1.2"), "/dev/video0");
  EXPECT_EQ(*resolve_device(kernel_, "Fake Camera"), "/dev/video0");
  const auto missing = resolve_device(kernel_, "serial=SN-2");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("serial=SN-1"));
}

TEST_F(V4l2Test, NoPermissionNamesTheGroup) {
  kernel_.failures[0] = EACCES;
  EXPECT_THAT(Device::open(kernel_, "/dev/video0").error().message, HasSubstr("usermod -aG"));
}

TEST_F(V4l2Test, BusyNamesWhoItIsOrSaysThatItCantBeSeen) {
  kernel_.failures[0] = EBUSY;
  EXPECT_EQ(Device::open(kernel_, "/dev/video0").error().message, "/dev/video0: in use by cheese (4711)");
  kernel_.users.clear();  // of another user
  EXPECT_EQ(Device::open(kernel_, "/dev/video0").error().message, "/dev/video0: in use by another program");
}

TEST_F(V4l2Test, WithoutPermissionMetadataNodesAreNotListed) {
  kernel_.failures[0] = EACCES;
  kernel_.paths = {"/dev/video0", "/dev/video1", "/dev/video2"};
  kernel_.udev_capabilities = {{"/dev/video0", ":capture:"}, {"/dev/video1", ":"}};  // nothing is known of the third
  const auto cameras = *list_cameras(kernel_);
  ASSERT_EQ(cameras.size(), 2u);
  EXPECT_EQ(cameras[0].source, "v4l2:/dev/video0");
  EXPECT_THAT(cameras[0].problem, HasSubstr("usermod -aG"));
  EXPECT_EQ(cameras[1].source, "v4l2:/dev/video2");
}

TEST_F(V4l2Test, WithoutPermissionAndUdevTheOddNodesOfAUsbCameraAreNotListed) {
  kernel_.failures[0] = EACCES;
  kernel_.paths = {"/dev/video0", "/dev/video1", "/dev/video2", "/dev/video3", "/dev/video4", "/dev/video5"};
  for (const char index : {'0', '1', '2', '3'}) {  // a camera with two streams
    const std::string path = std::string("/dev/video") + index;
    kernel_.attributes[path + "/device/bInterfaceClass"] = "0e";
    kernel_.attributes[path + "/index"] = index;
  }
  kernel_.attributes["/dev/video5/index"] = "1";  // of a device that is no USB camera
  std::vector<std::string> listed;
  const auto cameras = *list_cameras(kernel_);
  for (const FoundCamera& camera : cameras) listed.push_back(camera.source);
  EXPECT_THAT(listed, ElementsAre("v4l2:/dev/video0", "v4l2:/dev/video2", "v4l2:/dev/video4", "v4l2:/dev/video5"));
}

TEST_F(V4l2Test, TheReceiversOfCameraModulesAreNamedOnceAndNotOffered) {
  kernel_.driver = "rp1-cfe";
  kernel_.bus = "platform:1f00128000.csi";
  kernel_.paths = {"/dev/video0", "/dev/video1"};
  const auto found = list_cameras(kernel_);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->at(0).model, "rp1-cfe");
  EXPECT_THAT(found->at(0).devices, ElementsAre("/dev/video0", "/dev/video1"));
  EXPECT_THAT(found->at(0).problem, HasSubstr("libcamera:"));
}

// The camera on a thread, its frames in a list.
class CapturingSink final : public FrameSink {
 public:
  CapturingSink() : wanted_event_(*StopSignal::create()) {}
  bool wanted() const override { return wanted_; }
  int wanted_fd() const override { return wanted_event_.fd(); }
  void clear_wanted_event() override {}
  void deliver(Frame frame) override { frames.push_back(std::move(frame)); }
  void count_frame(uint64_t, Timestamp) override { ++counted; }
  void count_dropped(uint64_t count) override { dropped += count; }
  void opened(const ipc::Opened&) override { ++reopened; }
  void controls_changed(std::vector<Control> changed) override { controls = std::move(changed); }

  bool wanted_ = true;
  std::vector<Frame> frames;
  uint64_t counted = 0, dropped = 0;
  int reopened = 0;
  std::vector<Control> controls;

 private:
  StopSignal wanted_event_;
};

class V4l2CaptureTest : public V4l2Test {
 protected:
  void open(const std::string& options = "") {
    camera_ = make_camera(kernel_, clock_, log_);
    request_.source = *parse_source_uri("v4l2:/dev/video0" + options);
    request_.wanted_size = {640, 480};
    const auto opened = camera_->open(request_);
    ASSERT_TRUE(opened) << opened.error().message;
  }
  // Runs until the steps are done; each step is called when the driver has nothing to do.
  Result<void> run(std::vector<std::function<void()>> steps) {
    auto stop = *StopSignal::create();
    size_t at = 0;
    kernel_.on_idle = [&] { at < steps.size() ? steps[at++]() : stop.raise(); };
    return camera_->run(sink_, stop);
  }
  static std::string jpeg(char mark) { return std::string("\xff\xd8\xff\xc4\x00\x02", 6) + mark + "\xff\xd9"; }

  CameraRequest request_;
  std::unique_ptr<Camera> camera_;
  CapturingSink sink_;
};

TEST_F(V4l2CaptureTest, RawFramesCarrySequenceTimeAndAreGivenBackWhenDone) {
  kernel_.buffer_bytes = 640 * 480 * 2;
  open("?format=YUYV");
  const std::string picture(640 * 480 * 2, 'y');
  ASSERT_TRUE(run({[&] { kernel_.fill(picture, 10); }, [&] { EXPECT_EQ(kernel_.queued_count(), 3u); sink_.frames.clear(); EXPECT_EQ(kernel_.queued_count(), 4u); },
                   [&] { kernel_.fill(picture, 11); }}));
  ASSERT_EQ(sink_.frames.size(), 1u);
  EXPECT_EQ(sink_.frames[0].sequence, 1u);
  EXPECT_EQ(to_nanoseconds(sink_.frames[0].capture_time), 100'250'000'000);
  EXPECT_EQ(sink_.frames[0].bytes().size(), picture.size());
  EXPECT_FALSE(kernel_.streaming);
}

TEST_F(V4l2CaptureTest, H264PassesThroughByteForByte) {
  kernel_.formats = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_H264};
  open("?format=H264");
  EXPECT_EQ(kernel_.taken_fourcc, uint32_t{V4L2_PIX_FMT_H264});
  const auto access_unit = [](char type) { return std::string("\x00\x00\x00\x01", 4) + type + "\xff\xd8 no JPEG \xff\xd9 end"; };
  ASSERT_TRUE(run({[&] { kernel_.fill(access_unit(0x67), 0); }, [&] { kernel_.fill("", 1); },  // an empty buffer is no frame
                   [&] { kernel_.fill(access_unit(0x41), 2); }}));
  ASSERT_EQ(sink_.frames.size(), 2u);
  for (const auto& [frame, type] : {std::pair{&sink_.frames[0], char{0x67}}, std::pair{&sink_.frames[1], char{0x41}}}) {
    EXPECT_EQ(frame->format, PixelFormat::h264);
    const auto bytes = frame->bytes();
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), access_unit(type));
  }
  EXPECT_EQ(sink_.frames[1].sequence, 2u);
  EXPECT_EQ(sink_.dropped, 1u);
}

TEST_F(V4l2CaptureTest, H264WithoutAStartCodeIsTornAndKeyframesGetTheParameterSetsOfTheStreamsStart) {
  kernel_.formats = {V4L2_PIX_FMT_H264};
  open();
  const std::string start("\x00\x00\x00\x01", 4), sets = start + "\x67SPS" + start + "\x68PPS", keyframe = start + "\x65slice";
  ASSERT_TRUE(run({[&] { kernel_.fill(sets + keyframe, 0); }, [&] { kernel_.fill("the rest of a torn one", 1); },
                   [&] { kernel_.fill(keyframe, 2); }}));
  ASSERT_EQ(sink_.frames.size(), 2u);
  EXPECT_EQ(sink_.dropped, 1u);
  const auto bytes = sink_.frames[1].bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), sets + keyframe);
}

TEST_F(V4l2CaptureTest, H264ComesThoughNobodyWatches) {
  kernel_.formats = {V4L2_PIX_FMT_H264};
  sink_.wanted_ = false;
  open();
  const auto access_unit = [](char type) { return std::string("\x00\x00\x00\x01", 4) + type + "slice"; };
  ASSERT_TRUE(run({[&] { kernel_.fill(access_unit(0x65), 0); }, [&] { kernel_.fill(access_unit(0x41), 1); }}));
  ASSERT_EQ(sink_.frames.size(), 2u) << "who begins to watch needs all since the keyframe";
  EXPECT_EQ(sink_.counted, 0u);
}

TEST_F(V4l2CaptureTest, H264IsTakenOnlyWhenAskedForOrWhenThereIsNothingElse) {
  kernel_.formats = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_MJPEG};
  open();
  EXPECT_EQ(kernel_.taken_fourcc, uint32_t{V4L2_PIX_FMT_MJPEG});
  kernel_.formats = {V4L2_PIX_FMT_H264};
  open();
  EXPECT_EQ(kernel_.taken_fourcc, uint32_t{V4L2_PIX_FMT_H264});
}

TEST_F(V4l2CaptureTest, AFrameOutlivesTheCamera) {
  kernel_.buffer_bytes = 640 * 480 * 2;
  open("?format=YUYV");
  ASSERT_TRUE(run({[&] { kernel_.fill(std::string(640 * 480 * 2, 'y'), 0); }}));
  camera_.reset();
  EXPECT_GT(kernel_.mapped, 0);
  EXPECT_EQ(sink_.frames[0].bytes()[5], std::byte{'y'});
  sink_.frames.clear();
  EXPECT_EQ(kernel_.mapped, 0);
  EXPECT_EQ(kernel_.open_files, 0);
}

TEST_F(V4l2CaptureTest, GapsDamagedAndShortFramesAreCounted) {
  kernel_.buffer_bytes = 640 * 480 * 2;
  open("?format=YUYV");
  const std::string picture(640 * 480 * 2, 'y');
  ASSERT_TRUE(run({[&] { kernel_.fill(picture, 0); }, [&] { kernel_.fill(picture, 3); },  // 1 and 2 were lost
                   [&] { sink_.frames.clear(); kernel_.fill(picture, 4, V4L2_BUF_FLAG_ERROR); }, [&] { kernel_.fill("short", 5); },
                   [&] { kernel_.fill(picture, 6); }}));
  EXPECT_EQ(sink_.dropped, 4u);
  EXPECT_EQ(sink_.frames.back().sequence, 6u);
}

TEST_F(V4l2CaptureTest, AFrameThatNobodyWantsIsCountedAndGivenBack) {
  kernel_.buffer_bytes = 640 * 480 * 2;
  sink_.wanted_ = false;
  open("?format=YUYV");
  ASSERT_TRUE(run({[&] { kernel_.fill(std::string(640 * 480 * 2, 'y'), 0); }, [&] { EXPECT_EQ(kernel_.queued_count(), 4u); }}));
  EXPECT_EQ(sink_.counted, 1u);
}

TEST_F(V4l2CaptureTest, OnDemandCapturesNothingWhileNobodyWatches) {
  request_.capture_on_demand = true;
  sink_.wanted_ = false;
  open();
  ASSERT_TRUE(run({[&] { EXPECT_FALSE(kernel_.streaming); sink_.wanted_ = true; }, [&] { EXPECT_TRUE(kernel_.streaming); }}));
}

TEST_F(V4l2CaptureTest, UnpluggingIsNotFoundAndTheDeviceIsAwaitedByEvents) {
  open();
  const auto ended = run({[&] { kernel_.plugged = false; }});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::not_found);
  auto stop = *StopSignal::create();
  kernel_.on_idle = [&] { kernel_.plugged = true; kernel_.device_event = true; };
  EXPECT_TRUE(camera_->wait_for_device(request_, stop));
  EXPECT_TRUE(camera_->open(request_));
}

TEST_F(V4l2CaptureTest, SavedControlsAreAppliedAtEachOpeningAndBadOnesDontStopTheRest) {
  request_.controls = {{"auto_exposure", false}, {"brightness", int64_t{9}}, {"exposure_us", int64_t{5'000}}, {"gone", true}};
  open();
  EXPECT_EQ(kernel_.controls[0].value, 9);
  EXPECT_EQ(kernel_.controls[3].value, 50);
}

// Each reading of the controls is requests over USB, and the first picture waits for them.
TEST_F(V4l2CaptureTest, EachSavedControlCostsAFewRequestsAndNotAReadingOfAllControls) {
  const auto requests_for = [&](ControlValues saved) {
    request_.controls = std::move(saved);
    kernel_.control_requests = 0;
    open();
    return kernel_.control_requests;
  };
  const auto one = requests_for({{"brightness", int64_t{9}}});
  const auto two = requests_for({{"brightness", int64_t{9}}, {"power_line_frequency", std::string("60 Hz")}});
  EXPECT_LE(two - one, 3u);
  EXPECT_EQ(kernel_.controls[1].value, 2);
  EXPECT_LT(requests_for({}), one);
}

TEST_F(V4l2CaptureTest, ADeviceThatFailsEndsTheRunWithIo) {
  open();
  const auto ended = run({[&] { kernel_.failures[VIDIOC_DQBUF] = EIO; }});
  EXPECT_EQ(ended.error().code, ErrorCode::io);
}

TEST_F(V4l2CaptureTest, BusyNamesTheProcess) {
  open();
  kernel_.failures[VIDIOC_STREAMON] = EBUSY;
  const auto ended = run({});
  EXPECT_EQ(ended.error().code, ErrorCode::busy);
  EXPECT_THAT(ended.error().message, HasSubstr("cheese (4711)"));
}

TEST_F(V4l2CaptureTest, NoUsbBandwidthNamesTheCure) {
  open();
  kernel_.failures[VIDIOC_STREAMON] = ENOSPC;
  const auto ended = run({});
  EXPECT_EQ(ended.error().code, ErrorCode::exhausted);
  EXPECT_THAT(ended.error().message, HasSubstr("choose MJPEG"));
}

TEST_F(V4l2CaptureTest, ChangesByOthersAreReported) {
  open();
  ASSERT_TRUE(run({[&] { kernel_.controls[0].value = 42; kernel_.push_event(V4L2_EVENT_CTRL); }}));
  EXPECT_EQ(find_control(sink_.controls, "brightness")->value, ControlValue(int64_t{42}));
}

TEST_F(V4l2CaptureTest, AChangedSourceIsConfiguredAgain) {
  open();
  ASSERT_TRUE(run({[&] { kernel_.push_event(V4L2_EVENT_SOURCE_CHANGE, V4L2_EVENT_SRC_CH_RESOLUTION); }}));
  EXPECT_EQ(sink_.reopened, 1);
}

TEST_F(V4l2CaptureTest, EveryCallThatFailsAtOpeningGivesAnErrorAndLeaksNothing) {
  for (const unsigned long request : {VIDIOC_QUERYCAP, VIDIOC_ENUM_FMT, VIDIOC_S_FMT}) {
    kernel_.failures = {{request, EIO}};
    auto camera = make_camera(kernel_, clock_, log_);
    request_.source = *parse_source_uri("v4l2:/dev/video0");
    EXPECT_FALSE(camera->open(request_));
    camera.reset();
    EXPECT_EQ(kernel_.open_files, 0);
  }
  for (const unsigned long request : {VIDIOC_REQBUFS, VIDIOC_QUERYBUF, VIDIOC_STREAMON}) {
    kernel_.failures.clear();
    open();
    kernel_.failures = {{request, EIO}};
    EXPECT_EQ(run({}).error().code, ErrorCode::io);
    camera_.reset();
    EXPECT_EQ(kernel_.open_files, 0);
    EXPECT_EQ(kernel_.mapped, 0);
  }
}

}  // namespace
}  // namespace camweave::v4l2
