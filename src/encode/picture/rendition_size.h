// How large a rendition's picture is. Pure.
#pragma once

#include "media/video_format.h"

namespace camweave {

// The size of the picture that is sent, after turning by `rotation`.
//  - Nothing asked: the source's own size, turned.
//  - A size that the (turned) source covers both ways: exactly that; the aspect is the asker's business, bars are never
//    added.
//  - A size above the source either way: the source is never enlarged; its whole picture in its own aspect, as large as
//    fits into both. 640x480 asked for 1280x720 stays 640x480; asked for 800x300 it becomes 400x300.
Size rendition_size(Size wanted, Size source, int rotation);

}  // namespace camweave
