#include "control/supervisor/saved_controls.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace camweave {
namespace {

Control control(std::string name, ControlType type, std::string partner = "") {
  Control made;
  made.name = std::move(name);
  made.type = type;
  made.auto_partner = std::move(partner);
  return made;
}
const std::vector<Control> schema{control("auto_exposure", ControlType::boolean),
                                  control("exposure_us", ControlType::integer, "auto_exposure"),
                                  control("trigger", ControlType::action)};

class SavedControlsTest : public testing::Test {
 protected:
  nlohmann::json written_;
  int writes_ = 0;
  SavedControls saved_{[this](nlohmann::json document) {
    written_ = std::move(document);
    ++writes_;
  }};
};

TEST_F(SavedControlsTest, ComeBackForTheSameDevice) {
  saved_.remember_device("front", "v4l2:/dev/video0", "serial-1");
  saved_.keep("serial-1", {{"exposure_us", int64_t{20000}}, {"auto_exposure", false}}, schema);
  SavedControls again({});
  ASSERT_TRUE(again.restore(written_));
  EXPECT_EQ(again.device_of("front", "v4l2:/dev/video0"), "serial-1");
  EXPECT_EQ(again.device_of("front", "v4l2:/dev/video2"), "")
      << "another source: the device is not known before it opens";
  EXPECT_EQ(again.values_of("serial-1"), (ControlValues{{"exposure_us", int64_t{20000}}, {"auto_exposure", false}}));
  EXPECT_TRUE(again.values_of("serial-2").empty());
}

TEST_F(SavedControlsTest, ActionsAreNotRepeated) {
  saved_.keep("d", {{"trigger", true}}, schema);
  EXPECT_TRUE(saved_.values_of("d").empty());
}

TEST_F(SavedControlsTest, AutoForgetsWhatItDecides) {
  saved_.keep("d", {{"exposure_us", int64_t{20000}}, {"auto_exposure", false}}, schema);
  saved_.keep("d", {{"auto_exposure", true}}, schema);
  EXPECT_EQ(saved_.values_of("d"), (ControlValues{{"auto_exposure", true}}));
}

TEST_F(SavedControlsTest, ForgottenOnReset) {
  saved_.keep("d", {{"auto_exposure", false}}, schema);
  saved_.forget("d");
  EXPECT_TRUE(saved_.values_of("d").empty());
  EXPECT_TRUE(written_["devices"].empty());
}

TEST_F(SavedControlsTest, UnchangedIsNotWritten) {
  saved_.remember_device("front", "pattern:bars", "camera:front");
  saved_.remember_device("front", "pattern:bars", "camera:front");
  EXPECT_EQ(writes_, 1);
}

TEST_F(SavedControlsTest, SenselessDocumentsChangeNothing) {
  saved_.keep("d", {{"auto_exposure", false}}, schema);
  for (const char* text : {"{}", R"({"devices":[],"cameras":{}})", R"({"devices":{"d":{"a":[1]}},"cameras":{}})",
                           R"({"devices":{},"cameras":{"front":"serial"}})"}) {
    EXPECT_FALSE(saved_.restore(nlohmann::json::parse(text))) << text;
  }
  EXPECT_FALSE(saved_.values_of("d").empty());
}

}  // namespace
}  // namespace camweave
