// The one table of fields of each configuration section: it drives parsing, --set, defaults, the reference page and
// which fields a reload applies at once. Private to this folder.
#pragma once

#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>

#include "control/config/config.h"

namespace camweave {

enum class Reload { live, restart };

template <typename Section>
struct Field {
  std::string_view key;
  std::string_view type;  // in words, for the reference
  Reload reload;
  std::string_view meaning;
  // Checks and stores. The error's message has no place: the caller knows it.
  Result<void> (*read)(const toml::node& value, Section& section);
  std::string (*show)(const Section& section);  // as one writes it in TOML
};

std::span<const Field<ServerConfig>> server_fields();
std::span<const Field<CameraConfig>> camera_fields();
std::span<const Field<PublishConfig>> publish_fields();

}  // namespace camweave
