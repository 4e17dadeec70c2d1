#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/config/config.h"
#include "control/config/fields.h"
#include "control/config/nearest_name.h"

namespace camweave {
namespace {

constexpr std::array<std::string_view, 3> sections{"server", "camera", "publish"};
// Of other versions of Camweave.
constexpr std::array<std::string_view, 3> absent_sections{"mqtt", "record", "raw_tcp"};

// Where a value stands, for messages.
struct Place {
  std::string_view file;
  toml::source_position position{};
};

Error at(const Place& place, std::string_view message) {
  return {ErrorCode::invalid_argument,
          place.position.line
              ? fmt::format("{}:{}:{}: {}", place.file, place.position.line, place.position.column, message)
              : fmt::format("{}: {}", place.file, message)};
}

Place place_of(std::string_view file, const toml::node& node) { return {file, node.source().begin}; }
Place place_of(std::string_view file, const toml::key& key) { return {file, key.source().begin}; }

Result<toml::table> parse_toml(std::string_view text, std::string_view file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return at({file, error.source().begin}, error.description());
  }
}

template <typename Section>
const Field<Section>* find_field(std::span<const Field<Section>> fields, std::string_view key) {
  const auto found = std::ranges::find(fields, key, &Field<Section>::key);
  return found == fields.end() ? nullptr : &*found;
}

template <typename Section>
std::string unknown_key(std::string_view key, std::string_view section, std::span<const Field<Section>> fields) {
  std::vector<std::string_view> names;
  for (const auto& field : fields) names.push_back(field.key);
  return fmt::format("unknown key '{}' in {}{}", key, section, did_you_mean(key, names));
}

template <typename Section>
Result<void> read_section(const toml::table& table, std::string_view section_name, std::string_view file,
                          std::span<const Field<Section>> fields, Section& section) {
  for (const auto& [key, value] : table) {
    const auto* field = find_field(fields, key.str());
    if (!field) return at(place_of(file, key), unknown_key(key.str(), section_name, fields));
    if (auto read = field->read(value, section); !read) {
      return at(place_of(file, value), fmt::format("{}: {}", key.str(), read.error().message));
    }
  }
  return {};
}

Result<void> read_camera(const toml::table& table, std::string_view file, Config& config) {
  CameraConfig camera;
  if (auto read = read_section(table, "[[camera]]", file, camera_fields(), camera); !read) return read.error();
  if (camera.id.empty()) return at(place_of(file, table), "this [[camera]] has no id");
  if (camera.source.empty()) return at(place_of(file, table), fmt::format("camera '{}' has no source", camera.id));
  if (std::ranges::find(config.cameras, camera.id, &CameraConfig::id) != config.cameras.end()) {
    return at(place_of(file, *table.get("id")), fmt::format("a second camera with the id '{}'", camera.id));
  }
  config.cameras.push_back(std::move(camera));
  return {};
}

Result<void> read_cameras(const toml::node& node, std::string_view file, Config& config) {
  const auto* list = node.as_array();
  if (!list || !list->is_array_of_tables()) {
    return at(place_of(file, node), "cameras are written [[camera]], with two brackets, once for each");
  }
  for (const toml::node& element : *list) {
    if (auto read = read_camera(*element.as_table(), file, config); !read) return read.error();
  }
  return {};
}

PublishConfig& publish_named(Config& config, std::string_view name) {
  const auto found = std::ranges::find(config.publish, name, &PublishConfig::name);
  if (found != config.publish.end()) return *found;
  config.publish.push_back({});
  config.publish.back().name = name;
  return config.publish.back();
}

Result<void> read_publish(const toml::node& node, std::string_view file, Config& config) {
  const auto* pushes = node.as_table();
  if (!pushes) return at(place_of(file, node), "pushes are written [publish.NAME], once for each");
  for (const auto& [name, value] : *pushes) {
    const auto* table = value.as_table();
    if (!table) return at(place_of(file, name), fmt::format("'{}' stands in no [publish.NAME]", name.str()));
    if (!is_camera_id(name.str())) return at(place_of(file, name), "a push's name is 1 to 32 of a-z, 0-9, _ and -");
    const std::string section = fmt::format("[publish.{}]", name.str());
    auto read = read_section(*table, section, file, publish_fields(), publish_named(config, name.str()));
    if (!read) return read.error();
  }
  return {};
}

Error unknown_section(std::string_view name, const Place& place) {
  if (std::ranges::find(absent_sections, name) != absent_sections.end()) {
    return at(place, fmt::format("this version of Camweave has no [{}]: remove it", name));
  }
  return at(place, fmt::format("unknown section '{}'{}", name, did_you_mean(name, sections)));
}

Result<void> read_document(const toml::table& document, std::string_view file, Config& config) {
  for (const auto& [name, node] : document) {
    if (name.str() == "camera") {
      if (auto read = read_cameras(node, file, config); !read) return read.error();
    } else if (name.str() == "publish") {
      if (auto read = read_publish(node, file, config); !read) return read.error();
    } else if (name.str() == "server") {
      const auto* table = node.as_table();
      if (!table) return at(place_of(file, node), "'server' must be a table: [server]");
      if (auto read = read_section(*table, "[server]", file, server_fields(), config.server); !read)
        return read.error();
    } else {
      return unknown_section(name.str(), place_of(file, name));
    }
  }
  return {};
}

// ---- --set ----

// VALUE as TOML writes it, or else as a plain string: --set server.http=:5000 needs no quotes.
toml::table parse_set_value(std::string_view value) {
  try {
    return toml::parse(fmt::format("value = {}", value));
  } catch (const toml::parse_error&) {
    return toml::table{{"value", std::string(value)}};
  }
}

template <typename Section>
Result<void> set_field(std::string_view word, std::string_view key, std::string_view text,
                       std::string_view section_name, std::span<const Field<Section>> fields, Section& section) {
  const toml::table parsed = parse_set_value(text);
  const toml::node& value = *parsed.get("value");
  const auto* field = find_field(fields, key);
  if (!field) return at({word}, unknown_key(key, section_name, fields));
  auto read = field->read(value, section);
  // A bare word that TOML took for a number or a date may be a string after all: http=8000.
  if (!read && !value.is_string() && field->read(toml::value<std::string>(std::string(text)), section)) return {};
  if (!read) return at({word}, fmt::format("{}: {}", key, read.error().message));
  return {};
}

CameraConfig& camera_named(Config& config, std::string_view id) {
  const auto found = std::ranges::find(config.cameras, id, &CameraConfig::id);
  if (found != config.cameras.end()) return *found;
  config.cameras.push_back({});
  config.cameras.back().id = id;
  return config.cameras.back();
}

Result<void> apply_set(const std::string& set, Config& config) {
  const std::string_view written = set;
  const size_t equals = written.find('=');
  const std::string_view path = written.substr(0, equals);
  // The value may be a secret: messages show the key alone.
  const std::string word = fmt::format("--set {}", path);
  if (equals == std::string_view::npos) return at({word}, "is not section.key=value");
  const std::string_view value = written.substr(equals + 1);

  const size_t first_dot = path.find('.');
  const size_t last_dot = path.rfind('.');
  const std::string_view section = path.substr(0, first_dot);
  const std::string_view key = last_dot == std::string_view::npos ? std::string_view() : path.substr(last_dot + 1);
  if (section == "server" && first_dot == last_dot) {
    return set_field(word, key, value, "[server]", server_fields(), config.server);
  }
  if (section == "camera" && first_dot != last_dot) {
    const std::string_view id = path.substr(first_dot + 1, last_dot - first_dot - 1);
    if (key == "id") return at({word}, "a camera's id can't be changed: it is part of the key");
    if (!is_camera_id(id)) return at({word}, "a camera's id is 1 to 32 of a-z, 0-9, _ and -");
    return set_field(word, key, value, "[[camera]]", camera_fields(), camera_named(config, id));
  }
  if (section == "publish" && first_dot != last_dot) {
    const std::string_view name = path.substr(first_dot + 1, last_dot - first_dot - 1);
    if (!is_camera_id(name)) return at({word}, "a push's name is 1 to 32 of a-z, 0-9, _ and -");
    return set_field(word, key, value, "[publish.NAME]", publish_fields(), publish_named(config, name));
  }
  if (std::ranges::find(sections, section) != sections.end()) {
    return at({word}, "is not server.key=value, camera.ID.key=value or publish.NAME.key=value");
  }
  return unknown_section(section, {word});
}

Result<void> check_whole(const Config& config, std::string_view file) {
  for (const CameraConfig& camera : config.cameras) {  // only --set can leave one behind
    if (camera.source.empty()) return at({file}, fmt::format("camera '{}' has no source", camera.id));
  }
  std::vector<std::string_view> ids;
  for (const CameraConfig& camera : config.cameras) ids.push_back(camera.id);
  const std::string& chosen = config.server.default_camera;
  if (!chosen.empty() && !ids.empty() && std::ranges::find(ids, chosen) == ids.end()) {
    return at({file}, fmt::format("default_camera '{}' is no camera's id{}", chosen, did_you_mean(chosen, ids)));
  }
  for (const PublishConfig& push : config.publish) {
    if (push.camera.empty() || ids.empty() || std::ranges::find(ids, push.camera) != ids.end()) continue;
    return at({file}, fmt::format("[publish.{}]: camera '{}' is no camera's id{}", push.name, push.camera,
                                  did_you_mean(push.camera, ids)));
  }
  return {};
}

}  // namespace

bool is_camera_id(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool same_camera(const CameraConfig& a, const CameraConfig& b) {
  return a.id == b.id && a.source == b.source && a.size == b.size && a.fps_milli == b.fps_milli &&
         a.capture_on_demand == b.capture_on_demand && a.enabled == b.enabled && a.controls == b.controls;
}

Result<Config> parse_config(std::string_view text, std::string_view file_name, const std::vector<std::string>& sets) {
  auto document = parse_toml(text, file_name);
  if (!document) return document.error();
  Config config;
  if (auto read = read_document(*document, file_name, config); !read) return read.error();
  for (const std::string& set : sets) {
    if (auto applied = apply_set(set, config); !applied) return applied.error();
  }
  if (auto checked = check_whole(config, file_name.empty() ? "--set" : file_name); !checked) return checked.error();
  return config;
}

std::vector<std::string> keys_that_need_a_restart(const ServerConfig& running, const ServerConfig& wanted) {
  std::vector<std::string> keys;
  for (const auto& field : server_fields()) {
    if (field.reload == Reload::restart && field.show(running) != field.show(wanted)) keys.emplace_back(field.key);
  }
  return keys;
}

std::vector<std::string> listeners_not_served(const ServerConfig& server) {
  std::vector<std::string> keys;
  for (const std::string_view key : {"bundle", "raw_tcp", "webrtc", "bundle_unix"}) {
    if (find_field(server_fields(), key)->show(server) != "\"\"") keys.emplace_back(key);
  }
  return keys;
}

}  // namespace camweave
