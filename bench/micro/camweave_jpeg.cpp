// Camweave's JPEG encoder as an operation: what the worker calls for a raw frame. The only file here that uses the
// server's code; it is built where that is.
#include "encode/jpeg/jpeg_compressor.h"
#include "encode/jpeg/jpeg_encoder.h"
#include "operation.h"

namespace bench {
namespace {

using camweave::Frame;

constexpr int kQuality = 80;

Frame yuyv_frame(const Inputs& inputs, size_t index) {
  const std::vector<unsigned char>& bytes = inputs.yuyv[index % inputs.yuyv.size()];
  Frame frame;
  frame.format = camweave::PixelFormat::yuyv;
  frame.size = {inputs.planes[0].width, inputs.planes[0].height};
  frame.planes[0] = {reinterpret_cast<const std::byte*>(bytes.data()), static_cast<size_t>(frame.size.width) * 2,
                     bytes.size()};
  return frame;
}

std::vector<std::byte> room_for(const Inputs& inputs) { return std::vector<std::byte>(inputs.yuyv[0].size()); }

double encode_yuyv(const Inputs& inputs, double seconds) {
  camweave::Rendition rendition;
  rendition.quality = kQuality;
  auto encoder = camweave::make_jpeg_encoder(rendition, yuyv_frame(inputs, 0));
  if (!encoder) return 0;
  std::vector<std::byte> out = room_for(inputs);
  bool failed = false;
  const double cost_ms =
      time_per_call(seconds, [&](size_t i) { failed |= !(*encoder)->encode(yuyv_frame(inputs, i), out); });
  return failed ? 0 : cost_ms;
}

double encode_planes(const Inputs& inputs, double seconds) {
  camweave::JpegCompressor compressor(kQuality);
  std::vector<std::byte> out = room_for(inputs);
  bool failed = false;
  const double cost_ms = time_per_call(seconds, [&](size_t i) {
    const I420Picture& p = inputs.planes[i % inputs.planes.size()];
    const camweave::PicturePlanes planes{{p.y(), p.width, p.width, p.height},
                                         {p.u(), p.width / 2, p.width / 2, p.height / 2},
                                         {p.v(), p.width / 2, p.width / 2, p.height / 2}};
    failed |= !compressor.compress(planes, out);
  });
  return failed ? 0 : cost_ms;
}

}  // namespace

std::array<Operation, 2> camweave_operations() {
  return {Operation{"camweave-encode-yuyv", encode_yuyv}, Operation{"camweave-encode-planes", encode_planes}};
}

}  // namespace bench
