#include "capture/decode/libav.h"

#include <cstring>

namespace camweave::libav {
namespace {

ErrorCode code_of(int code) {
  switch (code) {
    case AVERROR(ENOENT):
    case AVERROR_HTTP_NOT_FOUND:
      return ErrorCode::not_found;
    case AVERROR(EACCES):
    case AVERROR(EPERM):
    case AVERROR_HTTP_FORBIDDEN:
    case AVERROR_HTTP_UNAUTHORIZED:
      return ErrorCode::permission_denied;
    case AVERROR(ETIMEDOUT):
    case AVERROR_EXIT:
      return ErrorCode::timeout;
    case AVERROR(ECONNREFUSED):
    case AVERROR(ECONNRESET):
    case AVERROR(EHOSTUNREACH):
    case AVERROR(ENETUNREACH):
      return ErrorCode::unavailable;
    case AVERROR(ENOMEM):
      return ErrorCode::exhausted;
    case AVERROR_INVALIDDATA:
      return ErrorCode::protocol;
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

PacketOwner make_packet(std::span<const std::byte> bytes, bool keyframe, int64_t pts) {
  PacketOwner packet(av_packet_alloc());
  // av_new_packet adds the padding that decoders read into.
  if (!packet || av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) return nullptr;
  std::memcpy(packet->data, bytes.data(), bytes.size());
  if (keyframe) packet->flags |= AV_PKT_FLAG_KEY;
  packet->pts = pts;
  return packet;
}

Error error(const std::string& what, int code) {
  if (code == AVERROR_EXIT) return Error{ErrorCode::timeout, what + ": no answer in time"};
  if (code == AVERROR_HTTP_UNAUTHORIZED)
    return Error{ErrorCode::permission_denied, what + ": wrong user name or password"};
  char text[AV_ERROR_MAX_STRING_SIZE] = "";
  av_strerror(code, text, sizeof text);
  return Error{code_of(code), what + ": " + text};
}

}  // namespace camweave::libav
