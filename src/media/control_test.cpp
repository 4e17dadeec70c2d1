// Control values that are written down hold, whatever the camera's automatics do.
#include "media/control.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

Control control(std::string name, ControlType type, std::string auto_partner = "") {
  Control made;
  made.name = std::move(name);
  made.type = type;
  made.auto_partner = std::move(auto_partner);
  return made;
}

const std::vector<Control> schema{
    control("auto_exposure", ControlType::boolean), control("exposure_us", ControlType::integer, "auto_exposure"),
    control("focus_mode", ControlType::enumeration), control("lens_position", ControlType::real, "focus_mode"),
    control("orphan", ControlType::integer, "auto_nothing"), control("brightness", ControlType::integer)};

TEST(SwitchOffAutos, AWrittenValueIsNotOverruled) {
  ControlValues values{{"exposure_us", int64_t{8000}}, {"lens_position", 2.5}, {"brightness", int64_t{1}}};
  switch_off_autos(schema, values);
  EXPECT_EQ(values.at("auto_exposure"), ControlValue(false));
  EXPECT_EQ(values.at("focus_mode"), ControlValue(std::string("manual")));
  EXPECT_EQ(values.size(), 5u);
}

TEST(SwitchOffAutos, AnAutomaticThatIsWrittenDownStays) {
  ControlValues values{{"exposure_us", int64_t{8000}}, {"auto_exposure", true}};
  switch_off_autos(schema, values);
  EXPECT_EQ(values.at("auto_exposure"), ControlValue(true));
}

TEST(SwitchOffAutos, UnknownNamesAreLeftAlone) {
  ControlValues values{{"orphan", int64_t{1}}, {"nothing", int64_t{2}}};
  switch_off_autos(schema, values);
  EXPECT_EQ(values.size(), 2u);
}

}  // namespace
}  // namespace camweave
