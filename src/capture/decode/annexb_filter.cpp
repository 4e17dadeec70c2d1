#include "capture/decode/annexb_filter.h"

namespace camweave {

std::optional<PixelFormat> AnnexBFilter::format_of(const AVCodecParameters& video) {
  if (video.video_delay > 0) return std::nullopt;
  if (video.codec_id == AV_CODEC_ID_H264) return PixelFormat::h264;
  if (video.codec_id == AV_CODEC_ID_HEVC) return PixelFormat::h265;
  return std::nullopt;
}

Result<AnnexBFilter> AnnexBFilter::create(const AVStream& video) {
  // The second one for streams whose parameter sets stand in their description alone.
  const bool is_h265 = video.codecpar->codec_id == AV_CODEC_ID_HEVC;
  const char* name =
      is_h265 ? "hevc_mp4toannexb,dump_extra=freq=keyframe" : "h264_mp4toannexb,dump_extra=freq=keyframe";
  AVBSFContext* made = nullptr;
  if (const int code = av_bsf_list_parse_str(name, &made); code < 0) return libav::error(name, code);
  libav::FilterOwner context(made);
  if (const int code = avcodec_parameters_copy(context->par_in, video.codecpar); code < 0)
    return libav::error(name, code);
  context->time_base_in = video.time_base;
  if (const int code = av_bsf_init(context.get()); code < 0) return libav::error(name, code);
  return AnnexBFilter(std::move(context));
}

Result<void> AnnexBFilter::push(AVPacket& packet, const Units& units) {
  if (const int sent = av_bsf_send_packet(context_.get(), &packet); sent < 0) return libav::error("a packet", sent);
  for (;;) {
    const int got = av_bsf_receive_packet(context_.get(), unit_.get());
    if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return {};
    if (got < 0) return libav::error("a packet", got);
    units(*unit_);
    av_packet_unref(unit_.get());
  }
}

}  // namespace camweave
