#include "capture/decode/picture_converter.h"

#include <array>

extern "C" {
#include <libavutil/buffer.h>
#include <libswscale/swscale.h>
}

namespace camweave {
namespace {

bool is_full_range(const AVFrame& picture) {
  return picture.color_range == AVCOL_RANGE_JPEG || picture.format == AV_PIX_FMT_YUVJ420P;
}

// As players guess: what says nothing and has 720 lines or more is BT.709.
bool is_bt709(const AVFrame& picture) {
  if (picture.colorspace == AVCOL_SPC_BT709) return true;
  return picture.colorspace == AVCOL_SPC_UNSPECIFIED && picture.height >= 720;
}

Frame lend(libav::FrameOwner picture, PixelFormat format) {
  Frame frame;
  frame.format = format;
  frame.size = {picture->width, picture->height};
  const int plane_count = format == PixelFormat::grey ? 1 : 3;
  for (int i = 0; i < plane_count; ++i) {
    const auto stride = static_cast<size_t>(picture->linesize[i]);
    const auto rows = static_cast<size_t>(i == 0 ? picture->height : (picture->height + 1) / 2);
    frame.planes[i] = {reinterpret_cast<const std::byte*>(picture->data[i]), stride, stride * rows};
  }
  frame.buffer = std::shared_ptr<const void>(picture.release(), [](const void* owned) {
    libav::FreeFrame()(static_cast<AVFrame*>(const_cast<void*>(owned)));
  });
  return frame;
}

// 16–235 and 16–240 to 0–255.
using Table = std::array<uint8_t, 256>;
constexpr Table make_table(int from, int width, int centre_from, int centre_to) {
  Table table{};
  for (int value = 0; value < 256; ++value) {
    const int scaled = (value - (from + centre_from)) * 510 / width;
    const int rounded = (scaled + (scaled >= 0 ? 1 : -1)) / 2 + centre_to;
    table[value] = static_cast<uint8_t>(rounded < 0 ? 0 : rounded > 255 ? 255 : rounded);
  }
  return table;
}
constexpr Table luma_table = make_table(16, 219, 0, 0);
constexpr Table chroma_table = make_table(16, 224, 112, 128);

void expand_plane(const uint8_t* from, int from_stride, uint8_t* to, int to_stride, int width, int height,
                  const Table& table) {
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) to[x] = table[from[x]];
    from += from_stride;
    to += to_stride;
  }
}

}  // namespace

DecodedPictureConverter::~DecodedPictureConverter() {
  sws_freeContext(scaler_);
  av_buffer_pool_uninit(&pool_);
}

Result<DecodedPictureConverter::Target> DecodedPictureConverter::make_target(Size size) {
  const size_t stride = (static_cast<size_t>(size.width) + 63) / 64 * 64;
  const size_t chroma_stride = stride / 2;
  const auto rows = static_cast<size_t>(size.height), chroma_rows = (rows + 1) / 2;
  if (!pool_ || pool_size_ != size) {
    av_buffer_pool_uninit(&pool_);
    pool_ = av_buffer_pool_init(stride * rows + 2 * chroma_stride * chroma_rows + 64, nullptr);
    pool_size_ = size;
  }
  AVBufferRef* memory = pool_ ? av_buffer_pool_get(pool_) : nullptr;
  if (!memory) return Error{ErrorCode::exhausted, "no memory for a picture"};
  uint8_t* const luma = memory->data;
  uint8_t* const first = luma + stride * rows;
  uint8_t* const second = first + chroma_stride * chroma_rows;
  Target target{{luma, first, second},
                {static_cast<int>(stride), static_cast<int>(chroma_stride), static_cast<int>(chroma_stride)},
                {}};
  target.frame.format = PixelFormat::i420;
  target.frame.size = size;
  target.frame.planes = {Plane{reinterpret_cast<std::byte*>(luma), stride, stride * rows},
                         Plane{reinterpret_cast<std::byte*>(first), chroma_stride, chroma_stride * chroma_rows},
                         Plane{reinterpret_cast<std::byte*>(second), chroma_stride, chroma_stride * chroma_rows}};
  target.frame.buffer = std::shared_ptr<const void>(memory, [](const void* owned) {
    auto* reference = static_cast<AVBufferRef*>(const_cast<void*>(owned));
    av_buffer_unref(&reference);
  });
  return target;
}

Result<Frame> DecodedPictureConverter::convert(libav::FrameOwner picture) {
  const Size size{picture->width, picture->height};
  if (size.empty() || size.width > max_dimension || size.height > max_dimension) {
    return Error{ErrorCode::protocol, "a picture of impossible size " + to_string(size)};
  }
  const bool is_i420 = picture->format == AV_PIX_FMT_YUV420P || picture->format == AV_PIX_FMT_YUVJ420P;
  const bool full = is_full_range(*picture);
  if (is_i420 && full && !is_bt709(*picture)) return lend(std::move(picture), PixelFormat::i420);
  if (picture->format == AV_PIX_FMT_GRAY8 && full) return lend(std::move(picture), PixelFormat::grey);
  const bool is_601 = picture->colorspace == AVCOL_SPC_UNSPECIFIED || picture->colorspace == AVCOL_SPC_BT470BG ||
                      picture->colorspace == AVCOL_SPC_SMPTE170M;
  if (!is_i420 || full || !is_601 || is_bt709(*picture)) return scale(*picture);

  auto target = make_target(size);
  if (!target) return target.error();
  for (int i = 0; i < 3; ++i) {
    const int width = i == 0 ? size.width : (size.width + 1) / 2;
    const int height = i == 0 ? size.height : (size.height + 1) / 2;
    expand_plane(picture->data[i], picture->linesize[i], target->planes[i], target->strides[i], width, height,
                 i == 0 ? luma_table : chroma_table);
  }
  return std::move(target->frame);
}

Result<Frame> DecodedPictureConverter::scale(const AVFrame& picture) {
  const Size size{picture.width, picture.height};
  auto target = make_target(size);
  if (!target) return target.error();
  scaler_ = sws_getCachedContext(scaler_, size.width, size.height, static_cast<AVPixelFormat>(picture.format),
                                 size.width, size.height, AV_PIX_FMT_YUV420P, SWS_BILINEAR, nullptr, nullptr, nullptr);
  if (!scaler_) return Error{ErrorCode::unsupported, "a pixel format that can't be converted"};
  const int matrix = is_bt709(picture)                            ? SWS_CS_ITU709
                     : picture.colorspace == AVCOL_SPC_BT2020_NCL ? SWS_CS_BT2020
                                                                  : SWS_CS_ITU601;
  sws_setColorspaceDetails(scaler_, sws_getCoefficients(matrix), is_full_range(picture),
                           sws_getCoefficients(SWS_CS_ITU601),
                           /*dstRange=*/1, 0, 1 << 16, 1 << 16);
  if (const int done =
          sws_scale(scaler_, picture.data, picture.linesize, 0, size.height, target->planes, target->strides);
      done < 0) {
    return libav::error("converting a picture", done);
  }
  return std::move(target->frame);
}

}  // namespace camweave
