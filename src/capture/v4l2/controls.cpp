#include "capture/v4l2/controls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "capture/v4l2/control_names.h"

namespace camweave::v4l2 {
namespace {

constexpr size_t most_controls = 256;
constexpr int64_t most_menu_items = 256;

Mapping mapping_of(uint32_t id) {
  const CanonicalName* row = canonical_name(id);
  return row ? row->mapping : Mapping::plain;
}

std::optional<ControlType> type_of(uint32_t v4l2_type, Mapping mapping) {
  if (mapping == Mapping::auto_menu) return ControlType::boolean;
  if (mapping == Mapping::focus_mode) return ControlType::enumeration;
  switch (v4l2_type) {
    case V4L2_CTRL_TYPE_INTEGER:
    case V4L2_CTRL_TYPE_INTEGER64:
    case V4L2_CTRL_TYPE_BITMASK: return ControlType::integer;
    case V4L2_CTRL_TYPE_BOOLEAN: return ControlType::boolean;
    case V4L2_CTRL_TYPE_MENU:
    case V4L2_CTRL_TYPE_INTEGER_MENU: return ControlType::enumeration;
    case V4L2_CTRL_TYPE_BUTTON: return ControlType::action;
    default: return std::nullopt;  // strings, arrays, codec parameters: not for people
  }
}

bool is_auto(int64_t exposure_mode) {
  return exposure_mode == V4L2_EXPOSURE_AUTO || exposure_mode == V4L2_EXPOSURE_APERTURE_PRIORITY;
}

}  // namespace

DeviceControls::DeviceControls(const Device& device) : device_(device) {
  v4l2_query_ext_ctrl query{};
  query.id = V4L2_CTRL_FLAG_NEXT_CTRL;
  while (known_.size() < most_controls && device_.kernel().ioctl(device_.fd(), VIDIOC_QUERY_EXT_CTRL, &query) == 0) {
    const uint32_t id = query.id;
    add(query);
    query = {};
    query.id = id | V4L2_CTRL_FLAG_NEXT_CTRL;
  }
  for (Known& known : known_) {  // a partner that this device doesn't have is none
    if (!find(known.schema.auto_partner)) known.schema.auto_partner.clear();
  }
}

void DeviceControls::add(const v4l2_query_ext_ctrl& query) {
  if (query.flags & V4L2_CTRL_FLAG_DISABLED || query.type == V4L2_CTRL_TYPE_CTRL_CLASS) return;
  const CanonicalName* canonical = canonical_name(query.id);
  const auto type = type_of(query.type, canonical ? canonical->mapping : Mapping::plain);
  if (!type) return;
  Known known{query.id, query.type, {}, {}};
  known.schema.name = canonical ? canonical->name : own_name(std::string_view(query.name, ::strnlen(query.name, sizeof query.name)));
  known.schema.unit = canonical ? canonical->unit : "";
  known.schema.auto_partner = canonical ? canonical->auto_partner : "";
  known.schema.type = *type;
  known.schema.read_only = (query.flags & V4L2_CTRL_FLAG_READ_ONLY) != 0;
  if (known.schema.name.empty() || find(known.schema.name)) known.schema.name += fmt::format("_{:x}", query.id);
  read_menu(query, known);
  set_range(query, known);
  known.schema.default_value = to_value(known, query.default_value);
  known.schema.value = known.schema.default_value;
  known_.push_back(std::move(known));

  v4l2_event_subscription subscription{};
  subscription.type = V4L2_EVENT_CTRL;
  subscription.id = query.id;
  subscription.flags = V4L2_EVENT_SUB_FL_ALLOW_FEEDBACK;  // our own changes too: they move other controls and the metadata
  device_.kernel().ioctl(device_.fd(), VIDIOC_SUBSCRIBE_EVENT, &subscription);  // without: others' changes go unseen
}

void DeviceControls::read_menu(const v4l2_query_ext_ctrl& query, Known& known) const {
  const Mapping mapping = mapping_of(query.id);
  if (mapping == Mapping::focus_mode) {
    known.menu = {{0, "manual"}, {1, "auto"}};
    return;
  }
  if (query.type != V4L2_CTRL_TYPE_MENU && query.type != V4L2_CTRL_TYPE_INTEGER_MENU) return;
  const int64_t last = std::min(query.maximum, query.minimum + most_menu_items);
  for (int64_t index = query.minimum; index <= last; ++index) {
    v4l2_querymenu item{};
    item.id = query.id;
    item.index = static_cast<uint32_t>(index);
    if (device_.kernel().ioctl(device_.fd(), VIDIOC_QUERYMENU, &item) != 0) continue;  // a hole in the menu
    if (query.type == V4L2_CTRL_TYPE_MENU) {
      known.menu[index] = std::string(reinterpret_cast<const char*>(item.name), ::strnlen(reinterpret_cast<const char*>(item.name), sizeof item.name));
    } else if (mapping == Mapping::thousandths) {
      known.menu[index] = fmt::format("{:g}", static_cast<double>(item.value) / 1000.0);
    } else {
      known.menu[index] = fmt::format("{}", static_cast<int64_t>(item.value));
    }
  }
}

void DeviceControls::set_range(const v4l2_query_ext_ctrl& query, Known& known) const {
  if (known.schema.type == ControlType::enumeration) {
    for (const auto& [index, option] : known.menu) known.schema.options.push_back(option);
    return;
  }
  if (known.schema.type != ControlType::integer) return;
  const double scale = mapping_of(query.id) == Mapping::times_100 ? 100 : 1;
  known.schema.min = static_cast<double>(query.minimum) * scale;
  known.schema.max = static_cast<double>(query.maximum) * scale;
  known.schema.step = static_cast<double>(query.step) * scale;
}

std::optional<int64_t> DeviceControls::read_raw(uint32_t id, uint32_t v4l2_type) const {
  v4l2_ext_control control{};
  control.id = id;
  v4l2_ext_controls controls{};
  controls.which = V4L2_CTRL_WHICH_CUR_VAL;
  controls.count = 1;
  controls.controls = &control;
  if (device_.kernel().ioctl(device_.fd(), VIDIOC_G_EXT_CTRLS, &controls) != 0) return std::nullopt;
  return v4l2_type == V4L2_CTRL_TYPE_INTEGER64 ? control.value64 : control.value;
}

int DeviceControls::write_raw(const Setting& setting) const {
  v4l2_ext_control control{};
  control.id = setting.known->id;
  if (setting.known->v4l2_type == V4L2_CTRL_TYPE_INTEGER64) {
    control.value64 = setting.raw;
  } else {
    control.value = static_cast<int32_t>(setting.raw);
  }
  v4l2_ext_controls controls{};
  controls.which = V4L2_CTRL_WHICH_CUR_VAL;
  controls.count = 1;
  controls.controls = &control;
  return device_.kernel().ioctl(device_.fd(), VIDIOC_S_EXT_CTRLS, &controls) == 0 ? 0 : errno;
}

ControlValue DeviceControls::to_value(const Known& known, int64_t raw) const {
  switch (known.schema.type) {
    case ControlType::action: return false;
    case ControlType::boolean:
      return mapping_of(known.id) == Mapping::auto_menu ? is_auto(raw) : raw != 0;
    case ControlType::enumeration: {
      const auto item = known.menu.find(raw);
      return item == known.menu.end() ? fmt::format("{}", raw) : item->second;
    }
    case ControlType::integer: return mapping_of(known.id) == Mapping::times_100 ? raw * 100 : raw;
    case ControlType::real: return static_cast<double>(raw);
  }
  return raw;
}

bool DeviceControls::has_auto_exposure_choice(int64_t value) const {
  const auto known = std::ranges::find(known_, uint32_t{V4L2_CID_EXPOSURE_AUTO}, &Known::id);
  return known != known_.end() && known->menu.contains(value);
}

int64_t DeviceControls::to_raw(const Known& known, const ControlValue& value) const {
  if (const auto* on = std::get_if<bool>(&value)) {
    if (mapping_of(known.id) != Mapping::auto_menu) return *on ? 1 : 0;
    if (!*on) return has_auto_exposure_choice(V4L2_EXPOSURE_MANUAL) ? V4L2_EXPOSURE_MANUAL : V4L2_EXPOSURE_SHUTTER_PRIORITY;
    // Webcams offer aperture priority, which is what they call automatic.
    return has_auto_exposure_choice(V4L2_EXPOSURE_APERTURE_PRIORITY) ? V4L2_EXPOSURE_APERTURE_PRIORITY : V4L2_EXPOSURE_AUTO;
  }
  if (const auto* option = std::get_if<std::string>(&value)) {
    for (const auto& [raw, name] : known.menu) {
      if (name == *option) return raw;
    }
    return 0;
  }
  const double number = std::holds_alternative<double>(value) ? std::get<double>(value) : static_cast<double>(std::get<int64_t>(value));
  return std::llround(mapping_of(known.id) == Mapping::times_100 ? number / 100.0 : number);
}

std::string DeviceControls::why_unavailable(const Known& known, uint32_t flags) const {
  if (flags & V4L2_CTRL_FLAG_GRABBED) return "the device can't change it while it is streaming";
  if (!known.schema.auto_partner.empty()) return known.schema.auto_partner + " is on";
  return "the device's other settings make it ineffective";
}

std::vector<Control> DeviceControls::read() const {
  std::vector<Control> controls;
  for (const Known& known : known_) {
    Control control = known.schema;
    v4l2_query_ext_ctrl query{};
    query.id = known.id;
    if (device_.kernel().ioctl(device_.fd(), VIDIOC_QUERY_EXT_CTRL, &query) == 0) {
      control.available = !(query.flags & (V4L2_CTRL_FLAG_INACTIVE | V4L2_CTRL_FLAG_GRABBED));
      if (!control.available) control.why = why_unavailable(known, query.flags);
    }
    if (!(query.flags & V4L2_CTRL_FLAG_WRITE_ONLY)) {
      if (const auto raw = read_raw(known.id, known.v4l2_type)) control.value = to_value(known, *raw);
    }
    controls.push_back(std::move(control));
  }
  return controls;
}

const DeviceControls::Known* DeviceControls::find(std::string_view name) const {
  const auto found = std::ranges::find(known_, name, [](const Known& known) -> std::string_view { return known.schema.name; });
  return found == known_.end() ? nullptr : &*found;
}

ControlOutcome DeviceControls::set(const ControlValues& wanted) const {
  std::vector<Setting> settings;
  for (const auto& [name, value] : wanted) {
    if (const Known* known = find(name)) settings.push_back({known, to_raw(*known, value)});
  }
  // What drives others first: exposure_us is refused while auto_exposure is still on.
  std::ranges::stable_partition(settings, [](const Setting& setting) { return setting.known->schema.auto_partner.empty(); });
  std::vector<Setting> undo;
  ControlOutcome outcome;
  for (const Setting& setting : settings) {
    const auto before = read_raw(setting.known->id, setting.known->v4l2_type);
    const int error_number = write_raw(setting);
    if (error_number != 0) {
      const std::string& name = setting.known->schema.name;
      outcome.errors.push_back({name, fmt::format("the device refuses {}: {}", name, std::strerror(error_number)), "refused"});
      for (auto done = undo.rbegin(); done != undo.rend(); ++done) write_raw(*done);
      return outcome;
    }
    if (before && setting.known->schema.type != ControlType::action) undo.push_back({setting.known, *before});
  }
  for (const Setting& setting : settings) {
    const auto raw = read_raw(setting.known->id, setting.known->v4l2_type);
    outcome.applied[setting.known->schema.name] =
        setting.known->schema.type == ControlType::action ? ControlValue(true) : to_value(*setting.known, raw.value_or(setting.raw));
  }
  return outcome;
}

Result<void> DeviceControls::reset() const {
  std::string refused;
  // Twice: what an auto mode held back the first time is free the second.
  for (int round = 0; round < 2; ++round) {
    refused.clear();
    for (const Known& known : known_) {
      if (known.schema.read_only || known.schema.type == ControlType::action) continue;
      v4l2_query_ext_ctrl query{};
      query.id = known.id;
      if (device_.kernel().ioctl(device_.fd(), VIDIOC_QUERY_EXT_CTRL, &query) != 0) continue;
      if (query.flags & (V4L2_CTRL_FLAG_INACTIVE | V4L2_CTRL_FLAG_GRABBED)) continue;
      if (write_raw({&known, query.default_value}) != 0) refused += (refused.empty() ? "" : ", ") + known.schema.name;
    }
  }
  if (refused.empty()) return {};
  return Error{ErrorCode::io, fmt::format("{}: the device refuses the default of {}", device_.name().path, refused)};
}

FrameMetadata DeviceControls::metadata() const {
  FrameMetadata metadata;
  if (const Known* exposure = find("exposure_us"); exposure && exposure->id == V4L2_CID_EXPOSURE_ABSOLUTE) {
    if (const auto raw = read_raw(exposure->id, exposure->v4l2_type); raw && *raw > 0) {
      metadata.exposure_us = static_cast<uint32_t>(*raw * 100);
    }
  }
  return metadata;
}

}  // namespace camweave::v4l2
