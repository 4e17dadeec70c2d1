// The device's controls in the one schema: canonical names and units where there are such, the device's own name else.
// Thread-safe as the kernel is; holds what the device said once (ranges), reads values afresh.
#pragma once

#include <linux/videodev2.h>

#include <map>
#include <string>
#include <vector>

#include "capture/v4l2/device.h"
#include "media/control.h"

namespace camweave::v4l2 {

class DeviceControls {
 public:
  // Asks the device for all its controls and subscribes to their change events.
  explicit DeviceControls(const Device& device);

  // The schema with the values and the availability of this moment.
  std::vector<Control> read() const;

  // All or nothing: tried first, then set, auto modes before what they free; undone when one is refused on the way.
  ControlOutcome set(const ControlValues& wanted) const;
  Result<void> reset() const;

  // Exposure and gain as they stand, for the frames' metadata (0: unknown).
  FrameMetadata metadata() const;

 private:
  struct Known {
    uint32_t id = 0;
    uint32_t v4l2_type = 0;
    Control schema;                       // name, type, range; value as last read
    std::map<int64_t, std::string> menu;  // V4L2's number → our option's name
  };
  struct Setting {
    const Known* known;
    int64_t raw;
  };
  void add(const v4l2_query_ext_ctrl& query);
  void read_menu(const v4l2_query_ext_ctrl& query, Known& known) const;
  void set_range(const v4l2_query_ext_ctrl& query, Known& known) const;
  bool has_auto_exposure_choice(int64_t value) const;
  std::optional<int64_t> read_raw(uint32_t id, uint32_t v4l2_type) const;
  int write_raw(const Setting& setting) const;  // errno, 0: done
  ControlValue to_value(const Known& known, int64_t raw) const;
  int64_t to_raw(const Known& known, const ControlValue& value) const;
  std::string why_unavailable(const Known& known, uint32_t flags) const;
  const Known* find(std::string_view name) const;

  const Device& device_;
  std::vector<Known> known_;
};

}  // namespace camweave::v4l2
