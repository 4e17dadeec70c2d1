#include "encode/picture/picture_converter.h"

#include <fmt/format.h>
#include <libyuv.h>

#include <utility>

#include "encode/picture/level_range.h"
#include "encode/picture/rendition_size.h"

namespace camweave {
namespace {

const uint8_t* pixels(const Plane& plane) { return reinterpret_cast<const uint8_t*>(plane.data); }
int stride_of(const Plane& plane) { return static_cast<int>(plane.stride_bytes); }

struct PlaneNeed {
  size_t row_bytes = 0;
  size_t rows = 0;
};

// What each plane of a raw format must hold.
std::array<PlaneNeed, 3> needs_of(PixelFormat format, Size size) {
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const Size half = half_size(size);
  const auto half_width = static_cast<size_t>(half.width), half_height = static_cast<size_t>(half.height);
  switch (format) {
    case PixelFormat::yuyv:
    case PixelFormat::uyvy:
      return {{{half_width * 4, height}}};
    case PixelFormat::nv12:
      return {{{width, height}, {half_width * 2, half_height}}};
    case PixelFormat::i420:
      return {{{width, height}, {half_width, half_height}, {half_width, half_height}}};
    case PixelFormat::rgb24:
    case PixelFormat::bgr24:
      return {{{width * 3, height}}};
    case PixelFormat::grey:
    case PixelFormat::bayer_rggb8:
    case PixelFormat::bayer_grbg8:
    case PixelFormat::bayer_gbrg8:
    case PixelFormat::bayer_bggr8:
      return {{{width, height}}};
    case PixelFormat::jpeg:
    case PixelFormat::h264:
    case PixelFormat::h265:
      return {};
  }
  return {};
}

Result<void> check_planes(const Frame& frame) {
  if (frame.size.empty() || frame.size.width > max_dimension || frame.size.height > max_dimension) {
    return Error{ErrorCode::invalid_argument, fmt::format("a frame of {}", to_string(frame.size))};
  }
  const auto needs = needs_of(frame.format, frame.size);
  for (size_t i = 0; i < needs.size(); ++i) {
    const PlaneNeed& need = needs[i];
    if (need.rows == 0) continue;
    const Plane& plane = frame.planes[i];
    if (!plane.data || plane.stride_bytes < need.row_bytes ||
        plane.size_bytes < plane.stride_bytes * (need.rows - 1) + need.row_bytes) {
      return Error{ErrorCode::invalid_argument,
                   fmt::format("a {} frame of {} with {} bytes in plane {}", to_string(frame.format),
                               to_string(frame.size), plane.size_bytes, i)};
    }
  }
  return {};
}

PlaneView view(const Plane& plane, Size size) { return {pixels(plane), stride_of(plane), size.width, size.height}; }

// Grey says nothing of colour; compressed and RGB pictures, and what we demosaic, have full levels anyway.
bool has_video_levels(const Frame& frame) {
  if (frame.full_range) return false;
  switch (frame.format) {
    case PixelFormat::yuyv:
    case PixelFormat::uyvy:
    case PixelFormat::nv12:
    case PixelFormat::i420:
    case PixelFormat::grey:
      return true;
    case PixelFormat::rgb24:
    case PixelFormat::bgr24:
    case PixelFormat::bayer_rggb8:
    case PixelFormat::bayer_grbg8:
    case PixelFormat::bayer_gbrg8:
    case PixelFormat::bayer_bggr8:
    case PixelFormat::jpeg:
    case PixelFormat::h264:
    case PixelFormat::h265:
      return false;
  }
  return false;
}

libyuv::RotationMode rotation_mode(int degrees) { return static_cast<libyuv::RotationMode>(degrees); }

}  // namespace

void unpack_rows(const Frame& frame, int first_row, int rows, uint8_t* y, int y_stride, uint8_t* u, uint8_t* v,
                 int chroma_stride) {
  const uint8_t* source = pixels(frame.planes[0]) + static_cast<ptrdiff_t>(first_row) * stride_of(frame.planes[0]);
  const auto unpack = frame.format == PixelFormat::uyvy ? libyuv::UYVYToI420 : libyuv::YUY2ToI420;
  unpack(source, stride_of(frame.planes[0]), y, y_stride, u, chroma_stride, v, chroma_stride, frame.size.width, rows);
}

bool PictureConverter::only_unpacks(const Frame& frame) const {
  const bool packed = frame.format == PixelFormat::yuyv || frame.format == PixelFormat::uyvy;
  return packed && frame.full_range && rotation_ == 0 && check_planes(frame).ok() &&
         rendition_size(wanted_, frame.size, 0) == frame.size;
}

Result<PicturePlanes> PictureConverter::convert(const Frame& frame) {
  Size source = frame.size;
  if (frame.format == PixelFormat::jpeg) {
    const auto size = decompressor_.read_size(frame.bytes());
    if (!size) return size.error();
    source = *size;
  } else if (const auto checked = check_planes(frame); !checked) {
    return checked.error();
  }
  Size target = rendition_size(wanted_, source, rotation_);
  if (rotation_ == 90 || rotation_ == 270) std::swap(target.width, target.height);
  auto planes = planes_of(frame, target);
  if (!planes) return planes;
  PicturePlanes picture = scale(*planes, target);
  if (has_video_levels(frame)) picture = expand(picture);
  return rotation_ == 0 ? picture : rotate(picture);
}

Result<PicturePlanes> PictureConverter::planes_of(const Frame& frame, Size target) {
  const Size half = half_size(frame.size);
  switch (frame.format) {
    case PixelFormat::jpeg:
      return decompressor_.decompress(frame.bytes(), target);
    case PixelFormat::grey:
      return PicturePlanes{view(frame.planes[0], frame.size), {}, {}};
    case PixelFormat::i420:
      return PicturePlanes{view(frame.planes[0], frame.size), view(frame.planes[1], half), view(frame.planes[2], half)};
    case PixelFormat::nv12:
      return nv12_planes(frame);
    case PixelFormat::bayer_rggb8:
    case PixelFormat::bayer_grbg8:
    case PixelFormat::bayer_gbrg8:
    case PixelFormat::bayer_bggr8:
      return bayer_planes(frame, target);
    case PixelFormat::yuyv:
    case PixelFormat::uyvy:
    case PixelFormat::rgb24:
    case PixelFormat::bgr24:
      return converted(frame);
    case PixelFormat::h264:
    case PixelFormat::h265:
      break;
  }
  return Error{ErrorCode::unsupported, fmt::format("{} can't be decoded here", to_string(frame.format))};
}

PicturePlanes PictureConverter::bayer_planes(const Frame& frame, Size target) {
  const Plane& plane = frame.planes[0];
  const BayerSource source = bayer_source(frame.format, pixels(plane), stride_of(plane), frame.size);
  if (target.width <= frame.size.width / 2 && target.height <= frame.size.height / 2) {
    bayer_.to_half_i420(source, converted_);
  } else {
    bayer_.to_i420(source, converted_);
  }
  return converted_.view(/*grey=*/false);
}

PicturePlanes PictureConverter::nv12_planes(const Frame& frame) {
  const Size half = half_size(frame.size);
  converted_.u.resize(half);
  converted_.v.resize(half);
  libyuv::SplitUVPlane(pixels(frame.planes[1]), stride_of(frame.planes[1]), converted_.u.data(), converted_.u.stride(),
                       converted_.v.data(), converted_.v.stride(), half.width, half.height);
  return {view(frame.planes[0], frame.size), converted_.u.view(), converted_.v.view()};
}

PicturePlanes PictureConverter::converted(const Frame& frame) {
  using Function = int (*)(const uint8_t*, int, uint8_t*, int, uint8_t*, int, uint8_t*, int, int, int);
  converted_.resize(frame.size, /*grey=*/false);
  // libyuv's RGB24 has blue first; RAW has red first. J420 is full range.
  Function function = libyuv::YUY2ToI420;
  if (frame.format == PixelFormat::uyvy) function = libyuv::UYVYToI420;
  if (frame.format == PixelFormat::rgb24) function = libyuv::RAWToJ420;
  if (frame.format == PixelFormat::bgr24) function = libyuv::RGB24ToJ420;
  function(pixels(frame.planes[0]), stride_of(frame.planes[0]), converted_.y.data(), converted_.y.stride(),
           converted_.u.data(), converted_.u.stride(), converted_.v.data(), converted_.v.stride(), frame.size.width,
           frame.size.height);
  return converted_.view(/*grey=*/false);
}

PicturePlanes PictureConverter::scale(const PicturePlanes& planes, Size target) {
  const auto scale_plane = [](PlaneView plane, Size size, PlaneBuffer& out) {
    if (plane.empty() || plane.size() == size) return plane;
    out.resize(size);
    libyuv::ScalePlane(plane.data, plane.stride, plane.width, plane.height, out.data(), out.stride(), size.width,
                       size.height, libyuv::kFilterBox);
    return out.view();
  };
  const Size half = half_size(target);
  return {scale_plane(planes.y, target, scaled_.y), scale_plane(planes.u, half, scaled_.u),
          scale_plane(planes.v, half, scaled_.v)};
}

PicturePlanes PictureConverter::expand(const PicturePlanes& planes) {
  expanded_.resize(planes.size(), planes.grey());
  expand_luma(planes.y, expanded_.y.data(), expanded_.y.stride());
  if (!planes.grey()) {
    expand_chroma(planes.u, expanded_.u.data(), expanded_.u.stride());
    expand_chroma(planes.v, expanded_.v.data(), expanded_.v.stride());
  }
  return expanded_.view(planes.grey());
}

PicturePlanes PictureConverter::rotate(const PicturePlanes& planes) {
  const auto rotate_plane = [this](PlaneView plane, PlaneBuffer& out) {
    const bool upright = rotation_ == 180;
    out.resize(upright ? plane.size() : Size{plane.height, plane.width});
    libyuv::RotatePlane(plane.data, plane.stride, out.data(), out.stride(), plane.width, plane.height,
                        rotation_mode(rotation_));
  };
  rotate_plane(planes.y, rotated_.y);
  if (!planes.grey()) {
    rotate_plane(planes.u, rotated_.u);
    rotate_plane(planes.v, rotated_.v);
  }
  return rotated_.view(planes.grey());
}

}  // namespace camweave
