// Starts a WebSocket session that sends a JPEG stream. Private to sink/websocket.
#pragma once

#include <functional>
#include <memory>

#include "sink/frame_session.h"
#include "stream/cameras.h"

namespace camweave {

// Answers the handshake and starts; a refusal is answered and gives a ref that has ended.
FrameSessionRef start_websocket_jpeg(const std::shared_ptr<HttpExchange>& exchange, std::shared_ptr<Stream> stream,
                                     std::function<void()> on_end);

}  // namespace camweave
