#include "encode/picture/jpeg_decompressor.h"

#include <fmt/format.h>

#include <array>
#include <csetjmp>
#include <cstdio>
// After cstdio: jpeglib.h uses FILE without including it.
#include <jerror.h>
#include <jpeglib.h>

namespace camweave {
namespace {

constexpr int64_t most_pixels = int64_t{1} << 26;  // 8192×8192

int dct_size(const jpeg_component_info& component) {
#if JPEG_LIB_VERSION >= 70
  return component.DCT_h_scaled_size;
#else
  return component.DCT_scaled_size;
#endif
}

int least_dct_size(const jpeg_decompress_struct& cinfo) {
#if JPEG_LIB_VERSION >= 70
  return cinfo.min_DCT_h_scaled_size;
#else
  return cinfo.min_DCT_scaled_size;
#endif
}

int scaled(int length, int eighths) { return (length * eighths + 7) / 8; }

}  // namespace

// libjpeg reports errors by longjmp: what lies between setjmp and the calls has no destructors.
struct JpegDecompressor::State {
  struct Errors {
    jpeg_error_mgr base{};  // first: libjpeg hands back a pointer to it
    std::jmp_buf jump{};
    std::array<char, JMSG_LENGTH_MAX> message{};
    bool damaged = false;
  };

  static void on_error(j_common_ptr cinfo) {
    auto* errors = reinterpret_cast<Errors*>(cinfo->err);
    cinfo->err->format_message(cinfo, errors->message.data());
    std::longjmp(errors->jump, 1);
  }
  static void on_message(j_common_ptr cinfo, int level) {
    if (level >= 0) return;
    // Many cameras pad between segments; everything else that libjpeg patches over shows in the picture.
    if (cinfo->err->msg_code == JWRN_EXTRANEOUS_DATA) return;
    auto* errors = reinterpret_cast<Errors*>(cinfo->err);
    if (!errors->damaged) cinfo->err->format_message(cinfo, errors->message.data());
    errors->damaged = true;
  }

  State() {
    cinfo.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = on_message;
    jpeg_create_decompress(&cinfo);
  }
  ~State() { jpeg_destroy_decompress(&cinfo); }

  bool read_header(std::span<const std::byte> jpeg) {
    errors.damaged = false;
    if (setjmp(errors.jump)) return false;
    jpeg_abort_decompress(&cinfo);
    // The declaration in older headers lacks the const; nothing is written there.
    jpeg_mem_src(&cinfo, reinterpret_cast<unsigned char*>(const_cast<std::byte*>(jpeg.data())),
                 static_cast<unsigned long>(jpeg.size()));
    jpeg_read_header(&cinfo, TRUE);
    return true;
  }

  bool start(int eighths) {
    if (setjmp(errors.jump)) return false;
    cinfo.scale_num = static_cast<unsigned>(eighths);
    cinfo.scale_denom = 8;
    cinfo.raw_data_out = TRUE;
    cinfo.do_fancy_upsampling = FALSE;
    cinfo.out_color_space = cinfo.jpeg_color_space;
    jpeg_start_decompress(&cinfo);
    return true;
  }

  // Each component's plane as libjpeg writes it: whole blocks in whole rows of MCUs.
  void size_planes() {
    for (int i = 0; i < cinfo.num_components; ++i) {
      const jpeg_component_info& component = cinfo.comp_info[i];
      const int block = dct_size(component);
      const int rows = static_cast<int>(cinfo.total_iMCU_rows) * component.v_samp_factor * block;
      planes[static_cast<size_t>(i)].resize({static_cast<int>(component.width_in_blocks) * block, rows});
      // Kept here: libjpeg forgets its components with the end of the picture.
      visible[static_cast<size_t>(i)] = {static_cast<int>(component.downsampled_width),
                                         static_cast<int>(component.downsampled_height)};
    }
  }

  bool read_rows() {
    if (setjmp(errors.jump)) return false;
    constexpr int most_rows = 4 * DCTSIZE;  // 4 is the largest sampling factor
    JSAMPROW rows[3][most_rows];
    JSAMPARRAY components[3] = {rows[0], rows[1], rows[2]};
    const auto lines_per_call = static_cast<JDIMENSION>(cinfo.max_v_samp_factor * least_dct_size(cinfo));
    for (int mcu_row = 0; cinfo.output_scanline < cinfo.output_height; ++mcu_row) {
      for (int i = 0; i < cinfo.num_components; ++i) {
        const int count = cinfo.comp_info[i].v_samp_factor * dct_size(cinfo.comp_info[i]);
        for (int row = 0; row < count; ++row) rows[i][row] = planes[static_cast<size_t>(i)].row(mcu_row * count + row);
      }
      jpeg_read_raw_data(&cinfo, components, lines_per_call);
    }
    jpeg_finish_decompress(&cinfo);
    return true;
  }

  // Without the padding to whole blocks.
  PlaneView view_of(size_t i) const {
    PlaneView view = planes[i].view();
    view.width = visible[i].width;
    view.height = visible[i].height;
    return view;
  }

  Error error() const {
    return Error{ErrorCode::invalid_argument, fmt::format("damaged JPEG: {}", errors.message.data())};
  }

  Errors errors;
  jpeg_decompress_struct cinfo{};
  std::array<PlaneBuffer, 3> planes;
  std::array<Size, 3> visible{};
};

JpegDecompressor::JpegDecompressor() : state_(std::make_unique<State>()) {}
JpegDecompressor::~JpegDecompressor() = default;

Result<Size> JpegDecompressor::read_size(std::span<const std::byte> jpeg) {
  if (jpeg.empty() || !state_->read_header(jpeg)) return state_->error();
  return Size{static_cast<int>(state_->cinfo.image_width), static_cast<int>(state_->cinfo.image_height)};
}

Result<PicturePlanes> JpegDecompressor::decompress(std::span<const std::byte> jpeg, Size least_size) {
  const auto size = read_size(jpeg);
  if (!size) return size.error();
  const jpeg_decompress_struct& cinfo = state_->cinfo;
  const bool grey = cinfo.num_components == 1;
  if (!grey && (cinfo.num_components != 3 || cinfo.jpeg_color_space != JCS_YCbCr)) {
    return Error{ErrorCode::invalid_argument, "the JPEG is neither grey nor YCbCr"};
  }
  if (int64_t{size->width} * size->height > most_pixels) {
    return Error{ErrorCode::invalid_argument, fmt::format("the JPEG has {} pixels", to_string(*size))};
  }
  // Powers of two only: those have vector code.
  int eighths = 8;
  while (eighths > 1 && scaled(size->width, eighths / 2) >= least_size.width &&
         scaled(size->height, eighths / 2) >= least_size.height) {
    eighths /= 2;
  }
  if (!state_->start(eighths)) return state_->error();
  state_->size_planes();
  if (!state_->read_rows() || state_->errors.damaged) return state_->error();
  if (grey) return PicturePlanes{state_->view_of(0), {}, {}};
  return PicturePlanes{state_->view_of(0), state_->view_of(1), state_->view_of(2)};
}

}  // namespace camweave
