// Multipart framing of JPEGs. The boundary that ends a part is sent with the part and not before the next one: a client
// that waits for it shows the picture at once instead of a frame later. The bytes on the wire are the same.
#pragma once

#include "stream/stream.h"

namespace camweave {

extern const Framing mjpeg_framing;        // with Content-Length and X-… headers (interfaces section 12)
extern const Framing plain_mjpeg_framing;  // Content-Type alone (interfaces section 5)

inline constexpr const char* mjpeg_content_type = "multipart/x-mixed-replace; boundary=frame";
inline constexpr const char* mjpeg_first_boundary = "--frame\r\n";

}  // namespace camweave
