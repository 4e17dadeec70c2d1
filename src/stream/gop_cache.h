// GopCache: how a new reader of an inter-coded stream gets its first picture (docs/reference/rtsp.md).
#pragma once

namespace camweave {

enum class GopCache {
  automatic,  // a camera's own stream: the kept GOP at once; what we encode: a keyframe made for the reader
  on,         // the kept GOP at once, of every stream
  off,        // the next keyframe, whatever makes it
};

}  // namespace camweave
