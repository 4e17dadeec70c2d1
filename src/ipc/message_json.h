// The JSON bodies of the rare messages. Pure. Used by messages.cpp alone.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "ipc/messages.h"

namespace camweave::ipc {

nlohmann::json body_of(const Start& message);
nlohmann::json body_of(const Renditions& message);
nlohmann::json body_of(const KeyframeRequest& message);
nlohmann::json body_of(const SetControls& message);
nlohmann::json body_of(const ResetControls& message);
nlohmann::json body_of(const StillRequest& message);
nlohmann::json body_of(const Stop& message);
nlohmann::json body_of(const Hello& message);
nlohmann::json body_of(const Opened& message);
nlohmann::json body_of(const ControlsChanged& message);
nlohmann::json body_of(const Reply& message);
nlohmann::json body_of(const Status& message);
nlohmann::json body_of(const RenditionFailed& message);
nlohmann::json body_of(const Failed& message);

// `Type` is one of the messages above.
template <typename Type>
Result<Message> read_body(const nlohmann::json& body);

}  // namespace camweave::ipc
