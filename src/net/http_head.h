// The head of an answer as it goes on the wire. Pure but for the clock. Private to net/.
#pragma once

#include <string>

#include "base/clock.h"
#include "net/http_message.h"

namespace camweave {

struct HeadKind {
  bool keep_alive = false;
  bool has_length = true;  // false: no body, or a stream that ends with its connection
};
std::string write_response_head(const HttpResponse& response, const HeadKind& kind, const Clock& clock);

}  // namespace camweave
