// The pattern camera from outside: what is in its pictures, how its sensor behaves, when its frames come.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "capture/pattern/painter.h"
#include "capture/pattern/pattern_camera.h"
#include "capture/pattern/pattern_options.h"
#include "capture/pattern/time_code.h"
#include "encode/encoder.h"
#include "encode/picture/picture_converter.h"

namespace camweave::pattern {
namespace {

using namespace std::chrono_literals;

CameraRequest request_for(const std::string& source, ControlValues controls = {}) {
  auto uri = parse_source_uri(source);
  EXPECT_TRUE(uri.ok()) << source;
  CameraRequest request;
  if (uri) request.source = *uri;
  request.controls = std::move(controls);
  return request;
}

// Collects what a camera gives; wants pixels until `enough` frames came.
class Collector final : public FrameSink {
 public:
  explicit Collector(StopSignal& stop, size_t enough, bool wants) : stop_(stop), enough_(enough), wanted_(wants) {}

  bool wanted() const override { return wanted_; }
  int wanted_fd() const override { return event_.get(); }
  void clear_wanted_event() override {
    uint64_t count = 0;
    EXPECT_GT(::read(event_.get(), &count, sizeof(count)), 0);
  }
  void deliver(Frame frame) override {
    sequences.push_back(frame.sequence);
    times.push_back(frame.capture_time);
    metadata.push_back(frame.metadata);
    read_code(frame);
    has_delivered = true;
    if (keep) frames.push_back(frame);
    last = std::move(frame);
    if (sequences.size() >= enough_) stop_.raise();
  }
  void count_frame(uint64_t sequence, Timestamp time) override {
    counted.push_back(sequence);
    has_counted = true;
    times.push_back(time);
    if (counted.size() >= enough_) stop_.raise();
  }
  void count_dropped(uint64_t frames_lost) override { dropped += frames_lost; }
  void opened(const ipc::Opened&) override {}
  void controls_changed(std::vector<Control>) override {}

  void want(bool wants) {
    wanted_ = wants;
    const uint64_t one = 1;
    EXPECT_GT(::write(event_.get(), &one, sizeof(one)), 0);
  }

  std::vector<uint64_t> sequences, counted;
  std::vector<Timestamp> times;
  std::vector<FrameMetadata> metadata;
  std::vector<std::optional<TimeCode>> codes;
  std::vector<Frame> frames;
  Frame last;
  uint64_t dropped = 0;
  bool keep = false;
  // For other threads.
  std::atomic<bool> has_delivered{false}, has_counted{false};

 private:
  void read_code(const Frame& frame) {
    PictureConverter converter({}, 0);
    const auto planes = converter.convert(frame);
    ASSERT_TRUE(planes.ok()) << planes.error().message;
    codes.push_back(read_time_code(planes->y.data, planes->y.stride, planes->size()));
  }

  StopSignal& stop_;
  const size_t enough_;
  std::atomic<bool> wanted_;
  UniqueFd event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

struct Running {
  SystemClock clock;
  Log log{clock, LogLevel::debug, [](const LogLine&) {}};
  std::unique_ptr<Camera> camera = pattern_driver().make(clock, log);
  StopSignal stop = *StopSignal::create();
};

// The picture after an encoder and a decoder of ours, at the JPEG quality that the server uses.
struct Decoded {
  std::vector<std::byte> jpeg = std::vector<std::byte>(16 << 20);
  PictureConverter converter{{}, 0};
  Result<PicturePlanes> planes = Error{};
  Decoded(const Frame& frame, const Rendition& rendition) {
    auto encoder = make_encoder(rendition, frame);
    EXPECT_TRUE(encoder.ok());
    const auto encoded = (*encoder)->encode(frame, jpeg);
    EXPECT_TRUE(encoded.ok()) << encoded.error().message;
    Frame compressed;
    compressed.format = PixelFormat::jpeg;
    compressed.size = encoded->size;
    compressed.planes[0] = {jpeg.data(), 0, encoded->size_bytes};
    planes = converter.convert(compressed);
    EXPECT_TRUE(planes.ok());
  }
  // In RGB, from full-range BT.601.
  std::array<double, 3> colour_at(double x, double y) const {
    const auto at = [&](const PlaneView& plane) {
      return static_cast<double>(
          plane.data[static_cast<int>(y * plane.height) * plane.stride + static_cast<int>(x * plane.width)]);
    };
    const double luma = at(planes->y), u = planes->grey() ? 0 : at(planes->u) - 128,
                 v = planes->grey() ? 0 : at(planes->v) - 128;
    return {luma + 1.402 * v, luma - 0.344136 * u - 0.714136 * v, luma + 1.772 * u};
  }
};

TEST(TimeCode, ComesBackWholeAndOnlyWhole) {
  const TimeCode code{0xDEADBEEF, UnixMicroseconds(1'795'265'762'955'351)};
  CodeBlocks blocks = encode_time_code(code);
  EXPECT_EQ(decode_time_code(blocks), code);
  for (auto& row : blocks) {
    for (bool& block : row) {
      block = !block;
      EXPECT_FALSE(decode_time_code(blocks)) << "one wrong block";
      block = !block;
    }
  }
  EXPECT_FALSE(decode_time_code(CodeBlocks{}));
}

TEST(TimeCode, BlocksCoverTheBandWithoutGaps) {
  for (const Size size : {Size{128, 96}, Size{641, 479}, Size{1920, 1080}, Size{4096, 4096}}) {
    for (int column = 1; column < code_columns; ++column) {
      const BlockRect left = code_block(size, column - 1, 2), right = code_block(size, column, 2);
      EXPECT_EQ(left.x + left.width, right.x);
    }
    EXPECT_EQ(code_block(size, 31, 0).x + code_block(size, 31, 0).width, size.width);
  }
}

struct PictureCase {
  const char* pattern;
  const char* format;
  const char* size;
};
class EveryPicture : public testing::TestWithParam<PictureCase> {};

TEST_P(EveryPicture, TellsItsNumberAndTimeAlsoScaledAndBadlyCompressed) {
  const auto& [pattern, format, size] = GetParam();
  Running running;
  CameraRequest request =
      request_for(std::string("pattern:") + pattern + "?size=" + size + "&fps=100&format=" + format);
  request.first_sequence = 4'000'000'000'000;
  ASSERT_TRUE(running.camera->open(request).ok());
  Collector sink(running.stop, 4, true);
  ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
  EXPECT_GE(sink.sequences.front(), 4'000'000'000'000U);
  for (size_t i = 0; i < sink.codes.size(); ++i) {
    ASSERT_TRUE(sink.codes[i]) << pattern << format << " frame " << i;
    EXPECT_EQ(sink.codes[i]->sequence, static_cast<uint32_t>(sink.sequences[i]));
    const auto wall = running.clock.wall_at(sink.times[i]);
    EXPECT_LT(std::abs((sink.codes[i]->capture_wall - wall).count()), 1000) << "microseconds off";
  }
  const Decoded whole(sink.last, {.quality = 50});
  EXPECT_TRUE(read_time_code(whole.planes->y.data, whole.planes->y.stride, whole.planes->size()));
  if (sink.last.size.height < 480) return;
  const Decoded half(sink.last, {.size = {sink.last.size.width / 2, sink.last.size.height / 2}, .quality = 50});
  EXPECT_TRUE(read_time_code(half.planes->y.data, half.planes->y.stride, half.planes->size()));
}

INSTANTIATE_TEST_SUITE_P(
    Pattern, EveryPicture,
    testing::Values(PictureCase{"bars", "YUYV", "640x480"}, PictureCase{"bars", "NV12", "640x480"},
                    PictureCase{"bars", "GREY", "640x480"}, PictureCase{"bars", "RGGB", "640x480"},
                    PictureCase{"bars", "MJPEG", "640x480"}, PictureCase{"zone", "YUYV", "800x600"},
                    PictureCase{"clock", "NV12", "1280x720"}, PictureCase{"noise", "YUYV", "640x480"},
                    PictureCase{"noise", "MJPEG", "256x240"}, PictureCase{"zone", "RGGB", "320x240"}));

TEST(Bars, HaveTheirNominalColoursOnceTheSensorHasConverged) {
  for (const char* format : {"YUYV", "NV12", "RGGB", "MJPEG"}) {
    Running running;
    ASSERT_TRUE(
        running.camera->open(request_for(std::string("pattern:bars?size=640x480&fps=60&format=") + format)).ok());
    Collector sink(running.stop, 72, true);
    ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
    const Decoded picture(sink.last, {.quality = 80});
    for (size_t bar = 0; bar < 8; ++bar) {
      const auto seen = picture.colour_at((static_cast<double>(bar) + 0.5) / 8, 0.5);
      const Rgb wanted = bar_colours[bar];
      EXPECT_NEAR(seen[0], wanted.r, 6) << format << " bar " << bar;
      EXPECT_NEAR(seen[1], wanted.g, 6) << format << " bar " << bar;
      EXPECT_NEAR(seen[2], wanted.b, 6) << format << " bar " << bar;
    }
  }
}

TEST(PatternCamera, TheFirstFrameComesAtOnce) {
  // A busy machine may hold this thread up: the shortest of some waits counts.
  std::chrono::nanoseconds shortest = 1s;
  for (int i = 0; i < 20 && shortest >= 5ms; ++i) {
    Running running;
    ASSERT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=29.97")).ok());
    Collector sink(running.stop, 1, true);
    const Timestamp begun = running.clock.now();
    ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
    shortest = std::min<std::chrono::nanoseconds>(shortest, sink.times.front() - begun);
  }
  EXPECT_LT(shortest, 5ms);
}

TEST(PatternCamera, TheOtherFramesComeEvenly) {
  Running running;
  ASSERT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=29.97")).ok());
  Collector sink(running.stop, 12, true);
  ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
  for (size_t i = 0; i < sink.times.size(); ++i) {
    const auto wanted =
        std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(sink.sequences[i]) * 1e12 / 29970));
    EXPECT_LT(std::abs((sink.times[i] - sink.times.front() - wanted).count()), 2) << "ns, frame " << i;
  }
}

TEST(PatternCamera, UnwatchedItCountsEveryFrameAndDrawsNone) {
  Running running;
  ASSERT_TRUE(running.camera->open(request_for("pattern:noise?size=4096x4096&fps=1000")).ok());
  Collector sink(running.stop, 250, false);
  ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
  EXPECT_TRUE(sink.sequences.empty());
  for (size_t i = 0; i < sink.counted.size(); ++i) ASSERT_EQ(sink.counted[i], i);
}

TEST(PatternCamera, IsWokenByTheFirstWatcher) {
  Running running;
  ASSERT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=50")).ok());
  Collector sink(running.stop, 100'000, false);
  std::thread watcher([&] {
    const auto comes_true = [&running](const std::atomic<bool>& seen) {
      for (int i = 0; i < 30'000 && !seen; ++i) running.stop.wait_until(std::chrono::steady_clock::now() + 1ms);
    };
    comes_true(sink.has_counted);
    sink.want(true);
    comes_true(sink.has_delivered);
    running.stop.raise();
  });
  ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
  watcher.join();
  ASSERT_FALSE(sink.sequences.empty());
  EXPECT_GT(sink.sequences.front(), sink.counted.back());
}

// Encoders that keep all buffers must not stall the camera or see a buffer change.
TEST(PatternCamera, BuffersOnLoanStayAsTheyAre) {
  Running running;
  ASSERT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=500")).ok());
  Collector sink(running.stop, 12, true);
  sink.keep = true;
  std::thread guard([&] {
    pollfd stopped{running.stop.fd(), POLLIN, 0};
    ::poll(&stopped, 1, 30'000);
    running.stop.raise();
  });
  ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
  guard.join();
  ASSERT_GE(sink.frames.size(), 8U);
  for (size_t i = 0; i < sink.frames.size(); ++i) {
    PictureConverter converter({}, 0);
    const auto planes = converter.convert(sink.frames[i]);
    const auto code = read_time_code(planes->y.data, planes->y.stride, planes->size());
    ASSERT_TRUE(code);
    EXPECT_EQ(code->sequence, static_cast<uint32_t>(sink.sequences[i]));
  }
}

double level_of_first_bar(Running& running, const ControlValues& controls) {
  CameraRequest request = request_for("pattern:bars?size=320x240&fps=200", controls);
  EXPECT_TRUE(running.camera->open(request).ok());
  Collector sink(running.stop, 1, true);
  EXPECT_TRUE(running.camera->run(sink, running.stop).ok());
  PictureConverter converter({}, 0);
  const auto planes = converter.convert(sink.last);
  return planes->y.data[120 * planes->y.stride + 20];
}

TEST(Sensor, ManualExposureAndGainChangePictureAndMetadata) {
  const auto level = [](int64_t exposure_us, double gain) {
    Running running;
    return level_of_first_bar(
        running,
        {{"auto_exposure", false}, {"auto_white_balance", false}, {"exposure_us", exposure_us}, {"gain", gain}});
  };
  EXPECT_NEAR(level(8'000, 1.0), 191, 1);
  EXPECT_NEAR(level(4'000, 2.0), 191, 1);
  EXPECT_NEAR(level(4'000, 1.0), 191 * std::pow(0.5, 1 / 2.2), 1);
  EXPECT_NEAR(level(1'000'000, 16.0), 255, 0);

  Running running;
  ASSERT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=200")).ok());
  EXPECT_FALSE(check_controls(running.camera->controls(), {{"exposure_us", int64_t{20'000}}}).empty()) << "auto is on";
  const auto outcome =
      running.camera->set_controls({{"auto_exposure", false}, {"exposure_us", int64_t{20'000}}, {"gain", 2.5}});
  EXPECT_EQ(outcome.applied.at("exposure_us"), ControlValue(int64_t{20'000}));
  Collector sink(running.stop, 1, true);
  ASSERT_TRUE(running.camera->run(sink, running.stop).ok());
  EXPECT_EQ(sink.metadata.back().exposure_us, 20'000U);
  EXPECT_FLOAT_EQ(sink.metadata.back().gain, 2.5F);
}

TEST(Sensor, AutomaticExposureConvergesWithinASecondAndKeepsToTheFrameTime) {
  for (const auto interval : {33ms, 5ms, 1ms, 1000ms}) {
    Sensor sensor(interval);
    const SensorSettings settings;
    double light = 0;
    for (auto time = 0ms; time < 1000ms; time += 10ms) {
      sensor.advance(10ms, settings);
      const double now = static_cast<double>(sensor.exposure_us()) * sensor.gain();
      EXPECT_GE(now, light * 0.999) << "no hunting";
      light = now;
    }
    EXPECT_NEAR(light, 8'000, 10);
    EXPECT_LE(sensor.exposure_us(), std::chrono::microseconds(interval).count());
    EXPECT_EQ(sensor.develop({191, 191, 191}), (Rgb{191, 191, 191}));
    const uint64_t state = sensor.state();
    sensor.advance(10ms, settings);
    EXPECT_EQ(sensor.state(), state) << "stands still once there: nothing to redraw";
  }
}

TEST(Sensor, BeginsDarkAndIsNotThereAtOnce) {
  Sensor sensor(33ms);
  EXPECT_LT(sensor.develop({191, 191, 191}).g, 160);
  sensor.advance(200ms, {});
  EXPECT_LT(sensor.develop({191, 191, 191}).g, 185);
}

TEST(Sensor, ExposureValueFlashAndWhiteBalanceShow) {
  const auto settled = [](const SensorSettings& settings) {
    Sensor sensor(33ms);
    for (int i = 0; i < 200; ++i) sensor.advance(10ms, settings);
    return sensor;
  };
  EXPECT_GT(settled({.exposure_value = 1}).develop({100, 100, 100}).g, 130);
  EXPECT_LT(settled({.exposure_value = -1}).develop({100, 100, 100}).g, 80);
  const Rgb warm = settled({.auto_white_balance = false, .colour_temperature_k = 8000}).develop({100, 100, 100});
  EXPECT_GT(warm.r, warm.b + 30);
  const Rgb cool = settled({.auto_white_balance = false, .colour_temperature_k = 3000}).develop({100, 100, 100});
  EXPECT_GT(cool.b, cool.r + 30);
  Sensor sensor = settled({});
  sensor.flash();
  sensor.advance(10ms, {});
  EXPECT_GT(sensor.develop({100, 100, 100}).g, 150);
  EXPECT_FLOAT_EQ(sensor.metadata().lux, 2000);
  for (int i = 0; i < 200; ++i) sensor.advance(10ms, {});
  EXPECT_EQ(sensor.develop({100, 100, 100}), (Rgb{100, 100, 100}));
}

TEST(Sensor, BrightnessContrastAndSaturationDoWhatTheySay) {
  const auto develop = [](double brightness, double contrast, double saturation, Rgb colour) {
    SensorSettings settings{.auto_exposure = false, .auto_white_balance = false};
    settings.brightness = brightness;
    settings.contrast = contrast;
    settings.saturation = saturation;
    Sensor sensor(33ms);
    sensor.advance(10ms, settings);
    return sensor.develop(colour);
  };
  EXPECT_EQ(develop(0, 1, 1, {10, 100, 200}), (Rgb{10, 100, 200}));
  EXPECT_EQ(develop(0.2, 1, 1, {100, 100, 100}), (Rgb{151, 151, 151}));
  EXPECT_EQ(develop(0, 0, 1, {10, 100, 200}), (Rgb{128, 128, 128}));
  const Rgb grey = develop(0, 1, 0, {10, 100, 200});
  EXPECT_EQ(grey.r, grey.b);
}

TEST(PatternCamera, TurningAutomaticsOffKeepsWhatTheyHadReached) {
  Running running;
  ASSERT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=500")).ok());
  const Control before = *find_control(running.camera->controls(), "exposure_us");
  EXPECT_FALSE(before.available);
  EXPECT_EQ(before.why, "auto_exposure is on");
  running.camera->set_controls({{"auto_exposure", false}});
  const Control after = *find_control(running.camera->controls(), "exposure_us");
  EXPECT_TRUE(after.available);
  EXPECT_EQ(after.value, before.value);
  ASSERT_TRUE(running.camera->reset_controls().ok());
  EXPECT_EQ(find_control(running.camera->controls(), "auto_exposure")->value, ControlValue(true));
}

TEST(PatternCamera, FlipsAndPatternSwitchTheScene) {
  const auto luma_row = [](const ControlValues& controls, double y) {
    Running running;
    ControlValues all = controls;
    all.insert({{"auto_exposure", false}, {"auto_white_balance", false}});
    EXPECT_TRUE(running.camera->open(request_for("pattern:bars?size=320x240&fps=100&format=GREY", all)).ok());
    Collector sink(running.stop, 1, true);
    EXPECT_TRUE(running.camera->run(sink, running.stop).ok());
    const auto* row = reinterpret_cast<const uint8_t*>(sink.last.planes[0].data) + static_cast<int>(y * 240) * 320;
    return std::vector<int>(row, row + 320);
  };
  const auto plain = luma_row({}, 0.5);
  auto flipped = luma_row({{"flip_h", true}}, 0.5);
  std::ranges::reverse(flipped);
  EXPECT_EQ(plain, flipped);
  EXPECT_EQ(plain[20], 191);
  EXPECT_NE(luma_row({{"pattern", std::string("zone")}}, 0.5), plain);
}

TEST(PatternOptions, AreCheckedAndNamed) {
  const auto parse = [](const std::string& source) { return parse_options(request_for(source)); };
  const auto good = parse("pattern:zone?size=4096x4096&fps=1000&format=nv12");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->kind, Kind::zone);
  EXPECT_EQ(good->size, (Size{4096, 4096}));
  EXPECT_EQ(good->fps_milli, 1'000'000);
  EXPECT_EQ(good->format, PixelFormat::nv12);
  EXPECT_EQ(parse("pattern:bars?fps=29.97")->fps_milli, 29'970);
  EXPECT_EQ(parse("pattern:bars?size=641x479")->size, (Size{642, 480}));
  EXPECT_NE(parse("pattern:bars?size=641x479")->note, "");
  EXPECT_EQ(parse("pattern:bars")->note, "");
  for (const char* bad : {"pattern:stripes", "pattern:bars?size=0x5", "pattern:bars?size=4098x100",
                          "pattern:bars?size=8x8", "pattern:bars?fps=0", "pattern:bars?fps=1001", "pattern:bars?fps=x",
                          "pattern:bars?fps=nan", "pattern:bars?fps=1e300", "pattern:bars?format=H264",
                          "pattern:bars?format=", "pattern:bars?colour=red", "pattern:bars?quality=0"}) {
    const auto options = parse(bad);
    EXPECT_FALSE(options.ok()) << bad;
    EXPECT_TRUE(options.ok() || options.error().code == ErrorCode::invalid_argument);
  }
  CameraRequest configured = request_for("pattern:bars?size=640x480");
  configured.wanted_size = {320, 240};
  configured.wanted_fps_milli = 5000;
  EXPECT_EQ(parse_options(configured)->size, (Size{640, 480}));
  EXPECT_EQ(parse_options(configured)->fps_milli, 5000);
}

// A buffer that comes back is redrawn in part: it must look as one that was drawn whole.
TEST(Painter, PartialRedrawsLookLikeWholeOnes) {
  constexpr Size size{640, 480};
  for (const Kind kind : {Kind::bars, Kind::zone, Kind::clock}) {
    for (const PixelFormat format :
         {PixelFormat::yuyv, PixelFormat::nv12, PixelFormat::i420, PixelFormat::grey, PixelFormat::bayer_rggb8}) {
      const Scene scene(kind, size, false, false);
      Sensor sensor(33ms);
      Painter painter(size);
      Canvas used(format, size);
      FrameMoment moment;
      for (uint64_t i = 0; i < 20; ++i) {
        if (i == 10) sensor.advance(100ms, {});
        moment = {i, UnixMicroseconds(1'700'000'000'000'000 + static_cast<int64_t>(i) * 133'000), i * 133ms};
        painter.draw(used, scene, sensor, moment);
      }
      Painter fresh_painter(size);
      Canvas fresh(format, size);
      fresh_painter.draw(fresh, scene, sensor, moment);
      for (size_t plane = 0; plane < 3; ++plane) {
        const Plane a = used.raster.planes()[plane], b = fresh.raster.planes()[plane];
        ASSERT_EQ(a.size_bytes, b.size_bytes);
        if (a.size_bytes == 0) continue;
        EXPECT_EQ(std::memcmp(a.data, b.data, a.size_bytes), 0)
            << to_string(kind) << " " << to_string(format) << " plane " << plane;
      }
    }
  }
}

}  // namespace
}  // namespace camweave::pattern
