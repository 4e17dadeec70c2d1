// The parts that need no camera: which one is meant, modes, controls, what of a frame's report is believed, buffers,
// pacing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cmath>
#include <thread>

#include "capture/libcamera/camera_finder.h"
#include "capture/libcamera/controls.h"
#include "capture/libcamera/frame_check.h"
#include "capture/libcamera/mapped_buffer.h"
#include "capture/libcamera/request_pacer.h"
#include "capture/libcamera/stream_modes.h"

namespace camweave::libcam {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const CameraName left{"/base/i2c@1/imx219@10", "imx219", {}}, right{"/base/i2c@0/imx219@10", "imx219", {}};
const CameraName webcam{R"(\_SB_.PCI0.XHCI-1:1.0-1d6b:0104)", "Webcam", {"/dev/video0"}};

std::vector<CameraName> three() {
  std::vector<CameraName> cameras{webcam, right, left};
  sort_as_indexed(cameras);
  return cameras;
}

TEST(FindCamera, IndexesCountModulesBeforeWebcams) {
  EXPECT_EQ(find_camera(three(), "0")->id, left.id);
  EXPECT_EQ(find_camera(three(), "index=1")->id, right.id);
  EXPECT_EQ(find_camera(three(), "2")->id, webcam.id);
  EXPECT_EQ(find_camera(three(), "")->id, left.id);
}

TEST(FindCamera, ByIdAndByAModelThatOnlyOneHas) {
  EXPECT_EQ(find_camera(three(), right.id)->id, right.id);
  EXPECT_EQ(find_camera(three(), "id=" + webcam.id)->id, webcam.id);
  EXPECT_EQ(find_camera(three(), "Webcam")->id, webcam.id);
  EXPECT_EQ(find_camera(three(), "model=imx219").error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(find_camera(three(), "imx219").error().message, HasSubstr("means 2 cameras"));
}

TEST(FindCamera, OneThatIsMissingIsAwayAndTheOthersAreNamed) {
  const auto missing = find_camera(three(), "imx708");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr(left.id));
  EXPECT_EQ(find_camera(three(), "3").error().code, ErrorCode::not_found);
  EXPECT_EQ(find_camera(three(), "index=x").error().code, ErrorCode::invalid_argument);
}

TEST(Modes, AScalingCameraOffersTheWantedSizeToo) {
  const auto modes = modes_of({{PixelFormat::nv12, {}, {64, 48}, {1920, 1080}}}, {820, 616}, 30'000);
  EXPECT_THAT(modes, Contains(ipc::Mode{PixelFormat::nv12, {820, 616}, 30'000}));
  EXPECT_THAT(modes, Contains(ipc::Mode{PixelFormat::nv12, {1920, 1080}, 30'000}));
  const auto fixed = modes_of({{PixelFormat::jpeg, {{640, 480}}, {}, {}}}, {820, 616}, 0);
  EXPECT_THAT(fixed, ElementsAre(ipc::Mode{PixelFormat::jpeg, {640, 480}, 0}));
}

TEST(Modes, TheLargestStillIsNoRawOne) {
  const auto still = largest_still(
      {{PixelFormat::bayer_rggb8, {{3280, 2464}}, {}, {}}, {PixelFormat::i420, {}, {64, 48}, {3264, 2448}}});
  ASSERT_TRUE(still);
  EXPECT_EQ(still->format, PixelFormat::i420);
  EXPECT_EQ(still->size, (Size{3264, 2448}));
}

// A Raspberry Pi's camera, as libcamera 0.4 offers it.
std::vector<DeviceControl> module_controls() {
  const auto real = [](const char* name, double min, double max, double initial) {
    return DeviceControl{name, ValueType::real, false, min, max, initial, {}, {}};
  };
  return {
      {"AeEnable", ValueType::boolean, false, false, true, {}, {}, {}},
      {"ExposureTime", ValueType::integer, false, int64_t{75}, int64_t{66'666}, int64_t{20'000}, {}, {}},
      real("AnalogueGain", 1, 16, 1),
      {"AwbEnable", ValueType::boolean, false, false, true, {}, {}, {}},
      {"ColourGains", ValueType::real, true, 0.0, 32.0, {}, {}, {}},
      {"AeMeteringMode", ValueType::integer, false, int64_t{0}, int64_t{3}, int64_t{0}, {0, 1, 2}, {}},
      {"AfMode", ValueType::integer, false, int64_t{0}, int64_t{2}, int64_t{0}, {0, 1, 2}, {}},
      {"AfTrigger", ValueType::integer, false, int64_t{0}, int64_t{1}, int64_t{0}, {0, 1}, {}},
      real("LensPosition", 0, 15, 1),
      real("Brightness", -1, 1, 0),
      {"FrameDurationLimits", ValueType::integer, true, int64_t{11'111}, int64_t{120'000}, {}, {}, {}},
      {"ScalerCrop",
       ValueType::rectangle,
       false,
       std::vector<double>{0, 0, 64, 64},
       std::vector<double>{0, 0, 3280, 2464},
       {},
       {},
       {}},
      {"HdrMode",
       ValueType::integer,
       false,
       int64_t{0},
       int64_t{4},
       int64_t{0},
       {0, 4},
       {{0, "HdrModeOff"}, {4, "HdrModeNight"}}},
      {"AfWindows", ValueType::rectangle, true, {}, {}, {}, {}, {}},
      {"FaceDetectMode", ValueType::integer, false, int64_t{0}, int64_t{0}, int64_t{0}, {0}, {}},
  };
}

std::vector<DeviceControl> controls_of_0_5() {
  auto controls = module_controls();
  controls.push_back({"ExposureTimeMode", ValueType::integer, false, int64_t{0}, int64_t{1}, int64_t{0}, {0, 1}, {}});
  controls.push_back({"AnalogueGainMode", ValueType::integer, false, int64_t{0}, int64_t{1}, int64_t{0}, {0, 1}, {}});
  return controls;
}

std::vector<DeviceValues> set(CameraControls& controls, const ControlValues& values) {
  ControlValues applied;
  EXPECT_TRUE(check_controls(controls.read(), values).empty());
  return controls.set(values, applied);
}

TEST(Controls, CanonicalNamesUnitsRangesAndPartners) {
  const auto schema = CameraControls(module_controls()).read();
  const Control* exposure = find_control(schema, "exposure_us");
  ASSERT_NE(exposure, nullptr);
  EXPECT_EQ(exposure->unit, "us");
  EXPECT_EQ(exposure->min, 75);
  EXPECT_EQ(exposure->max, 66'666);
  EXPECT_FALSE(exposure->available);
  EXPECT_EQ(exposure->why, "auto_exposure is on");
  EXPECT_EQ(find_control(schema, "gain")->auto_partner, "auto_exposure");
  EXPECT_EQ(find_control(schema, "frame_rate")->max, 90);
  EXPECT_EQ(find_control(schema, "red_gain")->auto_partner, "auto_white_balance");
  EXPECT_THAT(find_control(schema, "focus_mode")->options, ElementsAre("manual", "auto", "continuous"));
  EXPECT_TRUE(find_control(schema, "lens_position")->available);
  EXPECT_EQ(find_control(schema, "focus_now")->why, "focus_mode is not auto");
  EXPECT_THAT(find_control(schema, "ae_metering_mode")->options, ElementsAre("centre_weighted", "spot", "matrix"));
  EXPECT_THAT(find_control(schema, "hdr_mode")->options, ElementsAre("off", "night"));
  EXPECT_EQ(find_control(schema, "af_windows"), nullptr);
  EXPECT_EQ(find_control(schema, "face_detect_mode"), nullptr);
}

TEST(Controls, AnAutomaticGoesOffARequestBeforeWhatItDrove) {
  CameraControls controls(module_controls());
  const auto batches =
      set(controls, {{"auto_exposure", false}, {"exposure_us", int64_t{20'000}}, {"gain", 2.0}, {"brightness", 0.5}});
  EXPECT_THAT(batches, ElementsAre(DeviceValues{{"AeEnable", false}, {"Brightness", 0.5}},
                                   DeviceValues{{"ExposureTime", int64_t{20'000}}, {"AnalogueGain", 2.0}}));
  EXPECT_EQ(controls.all_set(), batches);
}

TEST(Controls, From05OnTheSwitchIsBothModes) {
  CameraControls controls(controls_of_0_5());
  EXPECT_THAT(set(controls, {{"auto_exposure", false}}),
              ElementsAre(DeviceValues{{"ExposureTimeMode", int64_t{1}}, {"AnalogueGainMode", int64_t{1}}}));
  EXPECT_THAT(set(controls, {{"auto_exposure", true}}),
              ElementsAre(DeviceValues{{"ExposureTimeMode", int64_t{0}}, {"AnalogueGainMode", int64_t{0}}}));
  EXPECT_EQ(find_control(controls.read(), "exposure_time_mode"), nullptr);
}

TEST(Controls, RatesZoomGainsAndActionsBecomeWhatLibcameraTakes) {
  CameraControls controls(module_controls());
  EXPECT_THAT(set(controls, {{"frame_rate", 25.0}}),
              ElementsAre(DeviceValues{{"FrameDurationLimits", std::vector<double>{40'000, 40'000}}}));
  EXPECT_EQ(controls.shortest_frame(), 40ms);
  EXPECT_THAT(set(controls, {{"zoom", 2.0}}),
              ElementsAre(DeviceValues{{"ScalerCrop", std::vector<double>{820, 616, 1640, 1232}}}));
  set(controls, {{"auto_white_balance", false}, {"blue_gain", 1.5}});
  EXPECT_THAT(set(controls, {{"red_gain", 2.5}}),
              ElementsAre(DeviceValues{{"ColourGains", std::vector<double>{2.5, 1.5}}}));
  EXPECT_THAT(set(controls, {{"focus_mode", std::string("auto")}}), ElementsAre(DeviceValues{{"AfMode", int64_t{1}}}));
  EXPECT_THAT(set(controls, {{"focus_now", true}}), ElementsAre(DeviceValues{{"AfTrigger", int64_t{0}}}));
}

TEST(Controls, FramesTellWhatAnAutomaticChose) {
  CameraControls controls(module_controls());
  FrameReport report;
  report.exposure_us = 12'345;
  report.analogue_gain = 3.5;
  controls.note(report);
  EXPECT_EQ(find_control(controls.read(), "exposure_us")->value, ControlValue(int64_t{12'345}));
  EXPECT_EQ(find_control(controls.read(), "gain")->value, ControlValue(3.5));
}

TEST(Controls, SettlingTakesTheValueThatTheSensorTook) {
  CameraControls controls(module_controls());
  FrameReport report;
  report.exposure_us = 5'000;
  controls.note(report);
  ControlValues applied;
  controls.set({{"auto_exposure", false}, {"exposure_us", int64_t{20'000}}}, applied);
  std::jthread sensor([&] {
    controls.note(report);  // still of before
    report.exposure_us = 19'987;
    controls.note(report);
  });
  controls.settle(applied, std::chrono::steady_clock::now() + 20s);
  EXPECT_EQ(applied.at("exposure_us"), ControlValue(int64_t{19'987}));
}

TEST(Controls, SettlingDoesNotWaitForWhatIsNeverReported) {
  CameraControls controls(module_controls());
  ControlValues applied;
  controls.set({{"auto_exposure", false}, {"exposure_us", int64_t{20'000}}}, applied);
  const auto begin = std::chrono::steady_clock::now();
  controls.settle(applied, begin + 20s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(applied.at("exposure_us"), ControlValue(int64_t{20'000}));
}

TEST(Controls, ResetGivesDefaultsAndLeavesTheRestToTheAutomatic) {
  CameraControls controls(module_controls());
  set(controls, {{"auto_exposure", false}, {"exposure_us", int64_t{20'000}}, {"brightness", 0.5}});
  EXPECT_THAT(controls.reset(), ElementsAre(DeviceValues{{"AeEnable", true}, {"Brightness", 0.0}}));
  EXPECT_TRUE(controls.all_set().empty());
}

TEST(Controls, ARateThatCannotBeChangedIsReadOnly) {
  const CameraControls controls(
      {{"FrameDurationLimits", ValueType::integer, true, int64_t{33'333}, int64_t{33'333}, {}, {}, {}}});
  const auto schema = controls.read();
  EXPECT_TRUE(schema.at(0).read_only);
  EXPECT_EQ(schema.at(0).value, ControlValue(30.0));
  EXPECT_EQ(
      nearest_fps_milli(
          {{"FrameDurationLimits", ValueType::integer, true, int64_t{33'333}, int64_t{33'333}, {}, {}, {}}}, 15'000),
      30'000);
}

const Timestamp now = Timestamp(1000s);

FrameReport at(std::optional<int64_t> sensor_ns, int64_t buffer_ns) {
  FrameReport report;
  report.sensor_timestamp_ns = sensor_ns;
  report.timestamp_ns = buffer_ns;
  return report;
}

TEST(FrameCheckTest, TheSensorsTimeThenTheBuffersThenNow) {
  FrameCheck check;
  const int64_t now_ns = to_nanoseconds(now);
  EXPECT_EQ(to_nanoseconds(check.capture_time(at(now_ns - 20'000'000, now_ns - 1'000'000), now)), now_ns - 20'000'000);
  EXPECT_EQ(to_nanoseconds(check.capture_time(at(std::nullopt, now_ns + 10'000'000), now + 20ms)), now_ns + 10'000'000);
  EXPECT_EQ(check.capture_time(at(0, 0), now + 40ms), now + 40ms);
  EXPECT_EQ(check.capture_time(at(-5, INT64_MAX), now + 60ms), now + 60ms);
}

TEST(FrameCheckTest, AClockThatStandsOrIsAnotherIsNotBelieved) {
  FrameCheck check;
  const int64_t now_ns = to_nanoseconds(now);
  check.capture_time(at(now_ns, 0), now + 1ms);
  EXPECT_EQ(check.capture_time(at(now_ns, 0), now + 33ms), now + 33ms);                     // stands
  EXPECT_EQ(check.capture_time(at(1'700'000'000'000'000'000, 0), now + 66ms), now + 66ms);  // the wall clock's
}

TEST(FrameCheckTest, GapsCountOnlyOnceTheCounterHasShownThatItIsOne) {
  FrameCheck check;
  for (uint32_t sequence = 10; sequence < 20; ++sequence) EXPECT_EQ(check.lost_before(sequence), 0u);
  EXPECT_EQ(check.lost_before(23), 3u);
  EXPECT_EQ(check.lost_before(24), 0u);
  // Four buffers whose counters are what lay in their memory.
  FrameCheck garbage;
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(garbage.lost_before(std::array<uint32_t, 4>{7, 300, 0, 21'000}[static_cast<size_t>(i % 4)]), 0u);
}

TEST(FrameCheckTest, MetadataThatIsNoPlausibleNumberIsUnknown) {
  FrameReport report;
  EXPECT_EQ(checked_metadata(report), FrameMetadata());
  report.exposure_us = -1;
  report.analogue_gain = std::nan("");
  report.colour_temperature_k = 0;
  report.lux = 1e30;
  EXPECT_EQ(checked_metadata(report), FrameMetadata());
  report = {};
  report.exposure_us = 19'987;
  report.analogue_gain = 2;
  report.digital_gain = 1.5;
  report.colour_temperature_k = 4200;
  report.lux = 45;
  EXPECT_EQ(checked_metadata(report), (FrameMetadata{19'987, 3.0F, 4200.0F, 45.0F}));
}

UniqueFd memory_of(size_t size) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  for (size_t i = 0; i < size; i += 100) {
    const auto mark = static_cast<uint8_t>(i / 100);
    EXPECT_EQ(::pwrite(fd.get(), &mark, 1, static_cast<off_t>(i)), 1);
  }
  return fd;
}

TEST(MappedBufferTest, PlanesLieAtTheirOffsetsInOneOrSeveralMemories) {
  UniqueFd one = memory_of(10'000), two = memory_of(500);
  auto buffer = MappedBuffer::map({{one.get(), 1'300, 4'000}, {one.get(), 5'500, 2'000}, {two.get(), 200, 300}});
  ASSERT_TRUE(buffer) << buffer.error().message;
  one.reset();  // the descriptors are the camera's, and may go
  EXPECT_EQ(buffer->plane(0)[0], std::byte{13});
  EXPECT_EQ(buffer->plane(1)[100], std::byte{56});
  EXPECT_EQ(buffer->plane(2)[0], std::byte{2});
  buffer->begin_read();
  buffer->end_read();
}

TEST(MappedBufferTest, APlaneThatIsNotThereIsRefused) {
  const UniqueFd memory = memory_of(1'000);
  EXPECT_EQ(MappedBuffer::map({{memory.get(), 0, 5'000}}).error().code, ErrorCode::protocol);
  EXPECT_EQ(MappedBuffer::map({{memory.get(), SIZE_MAX - 10, 20}}).error().code, ErrorCode::protocol);
  EXPECT_FALSE(MappedBuffer::map({{-1, 0, 100}}));
  EXPECT_FALSE(MappedBuffer::map({}));
}

TEST(RequestPacerTest, OnlyACameraThatBreaksItsRateIsHeldBack) {
  RequestPacer steady, racing, unlimited;
  steady.set_interval(33ms);
  racing.set_interval(33ms);
  for (int i = 0; i < 60; ++i) steady.note_completed(now + i * 30ms);
  for (int i = 0; i < 600; ++i) racing.note_completed(now + i * 1ms);
  for (int i = 0; i < 600; ++i) unlimited.note_completed(now + i * 1ms);
  EXPECT_FALSE(steady.holding_back());
  EXPECT_TRUE(racing.holding_back());
  EXPECT_FALSE(unlimited.holding_back());
  const Timestamp due = racing.due();
  racing.note_queued(due);
  EXPECT_EQ(racing.due(), due + 33ms);
}

}  // namespace
}  // namespace camweave::libcam
