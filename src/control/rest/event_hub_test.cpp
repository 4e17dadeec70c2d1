// EventHub: what a new client hears, and in which order.
#include "control/rest/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stream/fake_cameras.h"

namespace camweave {
namespace {

using testing::ElementsAre;

class HeardStream final : public EventStream {
 public:
  bool send(std::string_view event, std::string_view data) override {
    heard.push_back(std::string(event) + (event == "config" ? " " + std::string(data) : ""));
    return is_here;
  }
  bool is_open() const override { return is_here; }

  std::vector<std::string> heard;
  bool is_here = true;
};

TEST(EventHub, ANewClientHearsWhatIsThenWhatChanges) {
  FakeCameras cameras({"cam0", "cam1"});
  EventHub hub(cameras);
  hub.start_with([] { return std::vector<std::pair<std::string, std::string>>{{"config", "now"}}; });
  const auto client = std::make_shared<HeardStream>();
  hub.join(client);
  hub.send("config", "next");
  EXPECT_THAT(client->heard, ElementsAre("camera", "camera", "config now", "config next"));
}

// The greeting was read before the change: told after it, it would be the last word.
TEST(EventHub, AChangeDuringTheGreetingIsToldAfterIt) {
  FakeCameras cameras({"cam0"});
  EventHub hub(cameras);
  hub.start_with([&hub] {
    hub.send("config", "new");
    return std::vector<std::pair<std::string, std::string>>{{"config", "old"}};
  });
  const auto client = std::make_shared<HeardStream>();
  hub.join(client);
  EXPECT_THAT(client->heard, ElementsAre("camera", "config old", "config new"));
}

TEST(EventHub, AClientThatHasGoneIsLetGo) {
  FakeCameras cameras({});
  EventHub hub(cameras);
  const auto client = std::make_shared<HeardStream>();
  hub.join(client);
  client->is_here = false;
  hub.send("config", "one");
  hub.send("config", "two");
  EXPECT_THAT(client->heard, ElementsAre("config one"));
  EXPECT_EQ(client.use_count(), 1);
}

}  // namespace
}  // namespace camweave
