// What a client asks for in a URL: ?size=640x480&fps=15&quality=70&rotate=90. Pure.
#pragma once

#include "media/video_format.h"
#include "net/http_message.h"

namespace camweave {

// A JPEG rendition. Fails with `invalid_argument` and a message that names the parameter and its limits; parameters
// that it doesn't know are left alone.
Result<Rendition> parse_rendition_query(const HttpRequest& request);

// Its refusal over HTTP: 422 for invalid_argument (a bad parameter), else as error_response().
HttpResponse rendition_refusal(const Error& error);

}  // namespace camweave
