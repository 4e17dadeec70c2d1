// The encoders, one row for each codec.
#include <fmt/format.h>

#include <array>

#include "encode/encoder.h"
#include "encode/h264/h264_encoder.h"
#include "encode/jpeg/jpeg_encoder.h"

namespace camweave {
namespace {

struct Row {
  Codec codec;
  Result<std::unique_ptr<Encoder>> (*make)(const Rendition& rendition, const Frame& first_frame);
};

constexpr std::array rows{
    Row{Codec::jpeg, make_jpeg_encoder},
    Row{Codec::h264, make_h264_encoder},
};

}  // namespace

Result<std::unique_ptr<Encoder>> make_encoder(const Rendition& rendition, const Frame& first_frame) {
  for (const Row& row : rows) {
    if (row.codec == rendition.codec) return row.make(rendition, first_frame);
  }
  return Error{
      ErrorCode::unsupported,
      fmt::format("this build has no {} encoder, and the camera doesn't give {} in the size and rate asked for",
                  to_string(rendition.codec), to_string(rendition.codec))};
}

}  // namespace camweave
