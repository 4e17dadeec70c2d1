// FFmpeg's functions, those that we call: each loads its library when it is called first, where linking would load a
// hundred libraries into every worker at its start (18 MB private, 40 ms), also for cameras that pass JPEGs through.
// Whoever calls one includes FFmpeg's own headers and links camweave_media_libav; the compiler holds the rows here
// against the headers. A function that has no row here fails to link. Thread-safe.
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>

namespace {

// What the dynamic linker does at the start of a program that lacks a library.
[[noreturn]] void give_up() {
  const char* why = ::dlerror();
  std::fprintf(stderr, "error while loading FFmpeg's libraries: %s\n", why ? why : "unknown");
  ::_exit(127);
}

void* open_library(const char* name) {
  void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) give_up();
  return library;
}

template <typename Function>
Function find(void* library, const char* name) {
  void* found = ::dlsym(library, name);
  if (!found) give_up();
  return reinterpret_cast<Function>(found);
}

// By the version of the headers that this was compiled with: another's structures are laid out in another way.
#define CAMWEAVE_LIBRARY(name, version)                                                  \
  void* name() {                                                                         \
    static void* const library = open_library("lib" #name ".so." AV_STRINGIFY(version)); \
    return library;                                                                      \
  }

CAMWEAVE_LIBRARY(avutil, LIBAVUTIL_VERSION_MAJOR)
CAMWEAVE_LIBRARY(avcodec, LIBAVCODEC_VERSION_MAJOR)
CAMWEAVE_LIBRARY(avformat, LIBAVFORMAT_VERSION_MAJOR)
CAMWEAVE_LIBRARY(swscale, LIBSWSCALE_VERSION_MAJOR)

}  // namespace

#define CAMWEAVE_CALL(library, Return, name, parameters, arguments)         \
  Return name parameters {                                                  \
    static const auto function = find<decltype(&::name)>(library(), #name); \
    return function arguments;                                              \
  }

extern "C" {

// clang-format off
CAMWEAVE_CALL(avutil, AVBufferRef*, av_buffer_create, (uint8_t* data, size_t size, void (*free)(void*, uint8_t*), void* opaque, int flags), (data, size, free, opaque, flags))
CAMWEAVE_CALL(avutil, AVBufferRef*, av_buffer_pool_get, (AVBufferPool* pool), (pool))
CAMWEAVE_CALL(avutil, AVBufferPool*, av_buffer_pool_init, (size_t size, AVBufferRef* (*alloc)(size_t)), (size, alloc))
CAMWEAVE_CALL(avutil, void, av_buffer_pool_uninit, (AVBufferPool** pool), (pool))
CAMWEAVE_CALL(avutil, void, av_buffer_unref, (AVBufferRef** buffer), (buffer))
CAMWEAVE_CALL(avutil, void, av_dict_free, (AVDictionary** entries), (entries))
CAMWEAVE_CALL(avutil, int, av_dict_set, (AVDictionary** entries, const char* key, const char* value, int flags), (entries, key, value, flags))
CAMWEAVE_CALL(avutil, AVFrame*, av_frame_alloc, (), ())
CAMWEAVE_CALL(avutil, void, av_frame_free, (AVFrame** frame), (frame))
CAMWEAVE_CALL(avutil, int, av_frame_get_buffer, (AVFrame* frame, int align), (frame, align))
CAMWEAVE_CALL(avutil, void, av_frame_unref, (AVFrame* frame), (frame))
CAMWEAVE_CALL(avutil, int, av_hwdevice_ctx_create, (AVBufferRef** made, AVHWDeviceType type, const char* device, AVDictionary* options, int flags), (made, type, device, options, flags))
CAMWEAVE_CALL(avutil, AVBufferRef*, av_hwframe_ctx_alloc, (AVBufferRef* device), (device))
CAMWEAVE_CALL(avutil, int, av_hwframe_ctx_init, (AVBufferRef* frames), (frames))
CAMWEAVE_CALL(avutil, int, av_hwframe_get_buffer, (AVBufferRef* frames, AVFrame* frame, int flags), (frames, frame, flags))
CAMWEAVE_CALL(avutil, int, av_hwframe_transfer_data, (AVFrame* to, const AVFrame* from, int flags), (to, from, flags))
CAMWEAVE_CALL(avutil, int, av_log_get_level, (), ())
CAMWEAVE_CALL(avutil, void, av_log_set_level, (int level), (level))
CAMWEAVE_CALL(avutil, int, av_opt_set, (void* object, const char* name, const char* value, int flags), (object, name, value, flags))
CAMWEAVE_CALL(avutil, int64_t, av_rescale_q, (int64_t value, AVRational from, AVRational to), (value, from, to))
CAMWEAVE_CALL(avutil, int, av_strerror, (int code, char* text, size_t size), (code, text, size))

CAMWEAVE_CALL(avcodec, void, av_bsf_flush, (AVBSFContext* filter), (filter))
CAMWEAVE_CALL(avcodec, void, av_bsf_free, (AVBSFContext** filter), (filter))
CAMWEAVE_CALL(avcodec, int, av_bsf_init, (AVBSFContext* filter), (filter))
CAMWEAVE_CALL(avcodec, int, av_bsf_list_parse_str, (const char* text, AVBSFContext** filter), (text, filter))
CAMWEAVE_CALL(avcodec, int, av_bsf_receive_packet, (AVBSFContext* filter, AVPacket* packet), (filter, packet))
CAMWEAVE_CALL(avcodec, int, av_bsf_send_packet, (AVBSFContext* filter, AVPacket* packet), (filter, packet))
CAMWEAVE_CALL(avcodec, int, av_new_packet, (AVPacket* packet, int size), (packet, size))
CAMWEAVE_CALL(avcodec, AVPacket*, av_packet_alloc, (), ())
CAMWEAVE_CALL(avcodec, AVPacket*, av_packet_clone, (const AVPacket* packet), (packet))
CAMWEAVE_CALL(avcodec, void, av_packet_free, (AVPacket** packet), (packet))
CAMWEAVE_CALL(avcodec, void, av_packet_unref, (AVPacket* packet), (packet))
CAMWEAVE_CALL(avcodec, AVCodecContext*, avcodec_alloc_context3, (const AVCodec* codec), (codec))
CAMWEAVE_CALL(avcodec, const AVCodec*, avcodec_find_decoder, (AVCodecID id), (id))
CAMWEAVE_CALL(avcodec, const AVCodec*, avcodec_find_encoder_by_name, (const char* name), (name))
CAMWEAVE_CALL(avcodec, void, avcodec_flush_buffers, (AVCodecContext* context), (context))
CAMWEAVE_CALL(avcodec, void, avcodec_free_context, (AVCodecContext** context), (context))
CAMWEAVE_CALL(avcodec, const char*, avcodec_get_name, (AVCodecID id), (id))
CAMWEAVE_CALL(avcodec, int, avcodec_open2, (AVCodecContext* context, const AVCodec* codec, AVDictionary** options), (context, codec, options))
CAMWEAVE_CALL(avcodec, int, avcodec_parameters_copy, (AVCodecParameters* to, const AVCodecParameters* from), (to, from))
CAMWEAVE_CALL(avcodec, int, avcodec_parameters_to_context, (AVCodecContext* context, const AVCodecParameters* parameters), (context, parameters))
CAMWEAVE_CALL(avcodec, int, avcodec_receive_frame, (AVCodecContext* context, AVFrame* frame), (context, frame))
CAMWEAVE_CALL(avcodec, int, avcodec_receive_packet, (AVCodecContext* context, AVPacket* packet), (context, packet))
CAMWEAVE_CALL(avcodec, int, avcodec_send_frame, (AVCodecContext* context, const AVFrame* frame), (context, frame))
CAMWEAVE_CALL(avcodec, int, avcodec_send_packet, (AVCodecContext* context, const AVPacket* packet), (context, packet))

CAMWEAVE_CALL(avformat, int, av_find_best_stream, (AVFormatContext* context, AVMediaType type, int wanted, int related, const AVCodec** decoder, int flags), (context, type, wanted, related, decoder, flags))
CAMWEAVE_CALL(avformat, int, av_read_frame, (AVFormatContext* context, AVPacket* packet), (context, packet))
CAMWEAVE_CALL(avformat, AVFormatContext*, avformat_alloc_context, (), ())
CAMWEAVE_CALL(avformat, void, avformat_close_input, (AVFormatContext** context), (context))
CAMWEAVE_CALL(avformat, int, avformat_find_stream_info, (AVFormatContext* context, AVDictionary** options), (context, options))
CAMWEAVE_CALL(avformat, int, avformat_network_init, (), ())
CAMWEAVE_CALL(avformat, int, avformat_open_input, (AVFormatContext** context, const char* url, const AVInputFormat* format, AVDictionary** options), (context, url, format, options))
CAMWEAVE_CALL(avformat, int, avformat_seek_file, (AVFormatContext* context, int stream, int64_t from, int64_t wanted, int64_t to, int flags), (context, stream, from, wanted, to, flags))

CAMWEAVE_CALL(swscale, void, sws_freeContext, (SwsContext* context), (context))
CAMWEAVE_CALL(swscale, SwsContext*, sws_getCachedContext, (SwsContext* context, int from_width, int from_height, AVPixelFormat from, int to_width, int to_height, AVPixelFormat to, int flags, SwsFilter* from_filter, SwsFilter* to_filter, const double* parameters), (context, from_width, from_height, from, to_width, to_height, to, flags, from_filter, to_filter, parameters))
CAMWEAVE_CALL(swscale, const int*, sws_getCoefficients, (int colour_space), (colour_space))
CAMWEAVE_CALL(swscale, int, sws_scale, (SwsContext* context, const uint8_t* const from[], const int from_strides[], int y, int height, uint8_t* const to[], const int to_strides[]), (context, from, from_strides, y, height, to, to_strides))
CAMWEAVE_CALL(swscale, int, sws_setColorspaceDetails, (SwsContext* context, const int from[4], int from_range, const int to[4], int to_range, int brightness, int contrast, int saturation), (context, from, from_range, to, to_range, brightness, contrast, saturation))
// clang-format on

}  // extern "C"
