#include "control/publish/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "net/test_client.h"
#include "sink/publish/fake_target.h"
#include "stream/fake_cameras.h"

namespace camweave {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() { std::filesystem::create_directories(state_); }
  ~PublisherTest() override {
    end();
    std::filesystem::remove_all(state_);
  }
  void begin(std::vector<PublishConfig> entries = {}) {
    loops_ = *IoLoops::start(clock_, 2);
    publisher_ = std::make_unique<Publisher>(*loops_, cameras_, std::make_shared<RtspSources>(*loops_), log_,
                                             Publisher::Options{state_, [this] { return default_camera_; }});
    publisher_->configure(std::move(entries));
  }
  void end() {
    if (!publisher_) return;
    publisher_->say_farewell();
    loops_->stop();
    publisher_->stop_writing();
    publisher_.reset();
    loops_.reset();
  }
  void restart(std::vector<PublishConfig> entries = {}) {
    end();
    begin(std::move(entries));
  }
  PublishConfig entry(std::string name, std::string camera, bool start = true) {
    PublishConfig config;
    config.name = std::move(name);
    config.camera = std::move(camera);
    config.url = target_.url("user:hunter2");
    config.start = start;
    return config;
  }
  json shown(const std::string& name) {
    const json all = json::parse(publisher_->list_json());
    for (const json& one : all["publish"]) {
      if (one["name"] == name) return one;
    }
    return nullptr;
  }

  const std::string state_ = testing::TempDir() + "camweave-publisher-" + std::to_string(::getpid());
  SystemClock clock_;
  Log log_{clock_, LogLevel::info, [](const LogLine&) {}};
  FakeCameras cameras_{{"front", "line"}};
  std::string default_camera_;
  FakeTarget target_;
  std::unique_ptr<IoLoops> loops_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, EntriesBeginUnlessToldNotTo) {
  begin({entry("a", "front"), entry("b", "line", false)});
  EXPECT_TRUE(publisher_->is_on("front"));
  EXPECT_FALSE(publisher_->is_on("line"));
  EXPECT_TRUE(target_.accept());
  EXPECT_EQ(shown("b")["state"], "stopped");
}

TEST_F(PublisherTest, PasswordsAreNotShown) {
  begin({entry("a", "front")});
  EXPECT_THAT(publisher_->list_json(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(publisher_->list_json(), HasSubstr("rtsp://***@127.0.0.1"));
}

TEST_F(PublisherTest, TheSwitchIsIdempotentAndRemembered) {
  const std::vector entries{entry("a", "front"), entry("b", "line", false)};
  begin(entries);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(publisher_->stop("front"));
    EXPECT_FALSE(publisher_->is_on("front"));
    EXPECT_TRUE(publisher_->start("line"));
    EXPECT_TRUE(publisher_->is_on("line"));
  }
  restart(entries);
  EXPECT_FALSE(publisher_->is_on("front"));
  EXPECT_TRUE(publisher_->is_on("line"));
}

TEST_F(PublisherTest, WithoutAnEntryTheDefaultsArePushed) {
  begin();
  EXPECT_FALSE(publisher_->is_on("front"));
  EXPECT_TRUE(publisher_->stop("front")) << "off already";
  EXPECT_TRUE(publisher_->start("front"));
  EXPECT_TRUE(publisher_->is_on("front"));
  EXPECT_EQ(shown("front")["target"], "rtsp://127.0.0.1:8554/cam");
  EXPECT_EQ(shown("front")["codec"], "h264");
  EXPECT_TRUE(publisher_->start("line"));
  EXPECT_EQ(shown("line")["target"], "rtsp://127.0.0.1:8554/line") << "the first has the usual path";
  EXPECT_TRUE(publisher_->stop("line"));
  restart();
  EXPECT_TRUE(publisher_->is_on("front"));
  EXPECT_FALSE(publisher_->is_on("line"));
}

TEST_F(PublisherTest, AnUnknownCameraCantBePushed) {
  begin();
  const auto started = publisher_->start("nobody");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::not_found);
  EXPECT_FALSE(publisher_->is_on("nobody"));
}

TEST_F(PublisherTest, AnEntryWithoutACameraFollowsTheDefaultCamera) {
  begin({entry("a", "")});
  EXPECT_TRUE(publisher_->is_on("front"));
  default_camera_ = "line";
  EXPECT_TRUE(publisher_->is_on("line"));
  EXPECT_FALSE(publisher_->is_on("front"));
}

TEST_F(PublisherTest, AReloadFollowsANewDefaultCamera) {
  begin({entry("a", "")});
  ASSERT_TRUE(target_.accept());
  default_camera_ = "line";
  publisher_->configure({entry("a", "")});
  ASSERT_TRUE(target_.accept()) << "announced anew";
  target_.answer(target_.expect("OPTIONS"));
  EXPECT_TRUE(eventually([&] { return cameras_.open_streams("line").size() == 1; }));
}

TEST_F(PublisherTest, AReloadLeavesWhatDidNotChange) {
  FakeTarget others;
  const auto to_other = [&others](PublishConfig config) {
    config.url = others.url();
    return config;
  };
  begin({entry("a", "front"), to_other(entry("b", "line"))});
  ASSERT_TRUE(target_.accept());
  ASSERT_TRUE(others.accept());
  auto changed = to_other(entry("b", "line"));
  changed.fps_milli = 5000;
  const auto since = shown("a")["since"];
  publisher_->configure({entry("a", "front"), changed, entry("c", "line", false)});
  ASSERT_TRUE(others.accept()) << "b begins anew";
  EXPECT_FALSE(target_.has_connection_waiting()) << "a does not";
  EXPECT_EQ(shown("a")["since"], since);
  EXPECT_EQ(shown("c")["state"], "stopped");
  publisher_->configure({entry("c", "line", false)});
  EXPECT_TRUE(shown("a").is_null());
  EXPECT_FALSE(publisher_->is_on("front"));
}

TEST_F(PublisherTest, AnEntryTakesThePlaceOfWhatWasAskedFor) {
  begin();
  ASSERT_TRUE(publisher_->start("front"));
  publisher_->configure({entry("mine", "front")});
  EXPECT_TRUE(shown("front").is_null());
  EXPECT_EQ(shown("mine")["on"], true);
}

TEST_F(PublisherTest, ADamagedStateFileIsKeptAside) {
  std::ofstream(state_ + "/publish.json") << R"({"version":1,"switched":{"a":"perhaps"},"asked_for":[]})";
  begin({entry("a", "front")});
  EXPECT_TRUE(publisher_->is_on("front")) << "as configured";
  EXPECT_FALSE(std::filesystem::exists(state_ + "/publish.json"));
  EXPECT_THAT(log_.recent().front().text, HasSubstr("damaged"));
}

TEST_F(PublisherTest, TheTargetsOfFailuresSayWhatIsWrong) {
  auto lost = entry("a", "front");
  lost.url = "rtsp://127.0.0.1:1/cam";
  begin({lost});
  EXPECT_TRUE(eventually([&] { return shown("a")["state"] == "retrying"; }));
  EXPECT_THAT(shown("a")["last_error"].get<std::string>(), HasSubstr("Connection refused"));
  EXPECT_TRUE(shown("a")["next_retry_s"].is_number());
  EXPECT_TRUE(publisher_->is_on("front")) << "it is on while it retries";
}

}  // namespace
}  // namespace camweave
