// SavedControls: what users set, kept for each device (by serial or bus path, so that it follows the device and not the
// number the system gives it), and given to the worker when the device opens. Not thread-safe, except for what it hands
// to `write`: the supervisor's lock guards it.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "media/control.h"

namespace camweave {

class SavedControls {
 public:
  // Called after each change with the whole document: it is to be saved, later or elsewhere.
  using Write = std::function<void(nlohmann::json document)>;
  explicit SavedControls(Write write) : write_(std::move(write)) {}

  // What Write got once. Fails, changing nothing, when it makes no sense.
  Result<void> restore(const nlohmann::json& document);

  // Which device was last behind this camera: known before the device is open. "": never seen.
  std::string device_of(std::string_view camera_id, std::string_view source) const;
  void remember_device(std::string_view camera_id, std::string_view source, std::string_view device);

  ControlValues values_of(std::string_view device) const;
  // What a user set and the device took. Actions are not kept, nor values that an auto partner now decides.
  void keep(std::string_view device, const ControlValues& applied, const std::vector<Control>& schema);
  void forget(std::string_view device);

 private:
  struct Seen {
    std::string source;  // redacted
    std::string device;
  };
  void write() const;

  const Write write_;
  std::map<std::string, ControlValues, std::less<>> values_;  // by device
  std::map<std::string, Seen, std::less<>> seen_;             // by camera id
};

}  // namespace camweave
