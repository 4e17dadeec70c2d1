#include "encode/jpeg/jpeg_compressor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
// After cstdio: jpeglib.h uses FILE without including it.
#include <jerror.h>
#include <jpeglib.h>

namespace camweave {
namespace {

constexpr int exact_dct_quality = 96;  // from here on the fast DCT's rounding would show
constexpr int luma_rows = 2 * DCTSIZE;

// The rows of one plane for one row of MCUs, as libjpeg reads them: whole blocks, the edge repeated where the picture
// ends. Always a copy: reading rows in order is what the processor fetches ahead best; blocks read straight from a
// picture that isn't in the cache cost 8 % more for the whole encode.
class StripRows {
 public:
  void begin(int width, int rows) {
    width_ = static_cast<size_t>(width);
    rows_ = rows;
    padded_width_ = static_cast<size_t>((width + DCTSIZE - 1) / DCTSIZE * DCTSIZE);
    strip_.resize({static_cast<int>(padded_width_), rows});
    for (int i = 0; i < rows; ++i) pointers_[static_cast<size_t>(i)] = strip_.row(i);
  }
  uint8_t* data() { return strip_.data(); }
  int stride() const { return strip_.stride(); }
  JSAMPARRAY pointers() { return pointers_.data(); }

  void copy(const PlaneView& plane, int first_row) {
    const int count = std::min(rows_, plane.height - first_row);
    for (int i = 0; i < count; ++i) {
      std::memcpy(strip_.row(i), plane.data + static_cast<ptrdiff_t>(first_row + i) * plane.stride, width_);
    }
    repeat_edges(count);
  }
  // After `count` rows were written.
  void repeat_edges(int count) {
    for (int i = 0; i < count; ++i) {
      uint8_t* row = strip_.row(i);
      std::memset(row + width_, row[width_ - 1], padded_width_ - width_);
    }
    for (int i = count; i < rows_; ++i) std::memcpy(strip_.row(i), strip_.row(count - 1), padded_width_);
  }

 private:
  size_t width_ = 0, padded_width_ = 0;
  int rows_ = 0;
  PlaneBuffer strip_;
  std::array<JSAMPROW, luma_rows> pointers_{};
};

}  // namespace

// libjpeg reports errors by longjmp: what lies between setjmp and the calls has no destructors.
struct JpegCompressor::State {
  struct Errors {
    jpeg_error_mgr base{};  // first: libjpeg hands back a pointer to it
    std::jmp_buf jump{};
    std::array<char, JMSG_LENGTH_MAX> message{};
    bool out_full = false;
  };
  struct Destination {
    jpeg_destination_mgr base{};  // first
    std::span<std::byte> out;
  };

  static void on_error(j_common_ptr cinfo) {
    auto* errors = reinterpret_cast<Errors*>(cinfo->err);
    cinfo->err->format_message(cinfo, errors->message.data());
    std::longjmp(errors->jump, 1);
  }
  static void ignore_message(j_common_ptr, int) {}
  static void begin_output(j_compress_ptr cinfo) {
    auto* destination = reinterpret_cast<Destination*>(cinfo->dest);
    destination->base.next_output_byte = reinterpret_cast<JOCTET*>(destination->out.data());
    destination->base.free_in_buffer = destination->out.size();
  }
  static boolean out_is_full(j_compress_ptr cinfo) {
    reinterpret_cast<Errors*>(cinfo->err)->out_full = true;
    ERREXIT(cinfo, JERR_BUFFER_SIZE);
    return FALSE;
  }
  static void end_output(j_compress_ptr) {}

  explicit State(int jpeg_quality) : quality(jpeg_quality) {
    cinfo.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = ignore_message;
    jpeg_create_compress(&cinfo);
    destination.base.init_destination = begin_output;
    destination.base.empty_output_buffer = out_is_full;
    destination.base.term_destination = end_output;
    cinfo.dest = &destination.base;
  }
  ~State() { jpeg_destroy_compress(&cinfo); }

  void configure(bool grey) {
    cinfo.input_components = grey ? 1 : 3;
    cinfo.in_color_space = grey ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(&cinfo);
    jpeg_set_quality(&cinfo, quality, TRUE);
    cinfo.raw_data_in = TRUE;
    cinfo.write_JFIF_header = FALSE;
    cinfo.dct_method = quality >= exact_dct_quality ? JDCT_ISLOW : JDCT_IFAST;
    // Grey has one component: its sampling factors are 1 whatever they say.
    cinfo.comp_info[0].h_samp_factor = cinfo.comp_info[0].v_samp_factor = grey ? 1 : 2;
    configured_grey = grey;
    configured = true;
  }

  // One row of blocks at `row` into the strips.
  void load(int row) {
    if (fill) return load_filled(row);
    y.copy(planes.y, row);
    if (planes.grey()) return;
    u.copy(planes.u, row / 2);
    v.copy(planes.v, row / 2);
  }
  void load_filled(int row) {
    const int rows = std::min(luma_rows, static_cast<int>(cinfo.image_height) - row);
    (*fill)({row, rows, y.data(), u.data(), v.data(), y.stride(), u.stride()});
    y.repeat_edges(rows);
    u.repeat_edges((rows + 1) / 2);
    v.repeat_edges((rows + 1) / 2);
  }

  bool compress(Size size, bool grey) {
    if (setjmp(errors.jump)) {
      jpeg_abort_compress(&cinfo);
      return false;
    }
    cinfo.image_width = static_cast<JDIMENSION>(size.width);
    cinfo.image_height = static_cast<JDIMENSION>(size.height);
    if (!configured || configured_grey != grey) configure(grey);
    jpeg_start_compress(&cinfo, TRUE);
    JSAMPARRAY components[3] = {y.pointers(), u.pointers(), v.pointers()};
    const int step = grey ? DCTSIZE : luma_rows;
    for (int row = 0; row < size.height; row += step) {
      load(row);
      jpeg_write_raw_data(&cinfo, components, static_cast<JDIMENSION>(step));
    }
    jpeg_finish_compress(&cinfo);
    return true;
  }

  const int quality;
  Errors errors;
  Destination destination;
  jpeg_compress_struct cinfo{};
  bool configured = false;
  bool configured_grey = false;
  StripRows y, u, v;
  // The picture in work: planes, or what fills the strips.
  PicturePlanes planes;
  const StripFill* fill = nullptr;
};

JpegCompressor::JpegCompressor(int quality) : state_(std::make_unique<State>(quality)) {}
JpegCompressor::~JpegCompressor() = default;

Result<size_t> JpegCompressor::compress(const PicturePlanes& planes, std::span<std::byte> out) {
  state_->planes = planes;
  state_->fill = nullptr;
  return run(planes.size(), planes.grey(), out);
}

Result<size_t> JpegCompressor::compress(Size size, const StripFill& fill, std::span<std::byte> out) {
  state_->fill = &fill;
  return run(size, /*grey=*/false, out);
}

Result<size_t> JpegCompressor::run(Size size, bool grey, std::span<std::byte> out) {
  State& state = *state_;
  state.destination.out = out;
  state.errors.out_full = out.empty();
  state.y.begin(size.width, grey ? DCTSIZE : luma_rows);
  if (!grey) {
    state.u.begin(half_size(size).width, DCTSIZE);
    state.v.begin(half_size(size).width, DCTSIZE);
  }
  if (out.empty() || !state.compress(size, grey)) {
    if (state.errors.out_full) {
      return Error{ErrorCode::exhausted, fmt::format("the JPEG needs more than {} bytes", out.size())};
    }
    return Error{ErrorCode::internal, fmt::format("libjpeg: {}", state.errors.message.data())};
  }
  return out.size() - state.destination.base.free_in_buffer;
}

}  // namespace camweave
