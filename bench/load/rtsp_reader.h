// One RTSP reader: asks for the stream over TCP (DESCRIBE, SETUP, PLAY), then counts RTP, interleaved or by UDP: frames
// by the marker bit, losses by the sequence numbers. Never blocks. Thread-bound. The load owns it and tells it when a
// socket is ready.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "../common/clock.h"
#include "../common/unique_fd.h"
#include "options.h"

namespace bench {

// What all readers together saw; packets, bytes and frames only inside the measured window.
struct RtspCounts {
  bool in_window = false;
  uint64_t packets = 0;
  uint64_t bytes = 0;  // RTP headers and payload
  uint64_t frames = 0;
  uint64_t lost = 0;  // packets, from the first one of each reader on
};

class RtspReader {
 public:
  enum class Outcome { Wait, Closed };

  // `options` and `counts` outlive the reader.
  RtspReader(const Options& options, RtspCounts& counts, const std::string& url);

  bool open(Monotonic::time_point now);
  Outcome on_connected();
  Outcome on_control_readable(Monotonic::time_point now);
  void on_rtp_readable(Monotonic::time_point now);

  int control_fd() const { return control_.get(); }
  int rtp_fd() const { return rtp_.get(); }  // -1 over TCP, and before SETUP
  bool has_frame() const { return first_frame_us_.has_value(); }
  std::optional<int64_t> first_frame_us() const { return first_frame_us_; }  // since connect
  const std::string& fault() const { return fault_; }

 private:
  enum class Phase { Connecting, Describe, SetUp, Play, Playing };

  bool send_request(const char* method, const std::string& url, const std::string& headers);
  bool take_answer();
  bool on_answer(std::string_view head);
  bool bind_udp();
  size_t take_interleaved(std::string_view bytes, Monotonic::time_point now);
  bool take_pending(Monotonic::time_point now);
  void count(std::string_view packet, size_t packet_bytes, Monotonic::time_point now);
  Outcome fail(std::string why);

  const Options& options_;
  RtspCounts& counts_;
  const std::string url_;
  UniqueFd control_, rtp_, rtcp_;
  Phase phase_ = Phase::Connecting;
  int cseq_ = 0;
  std::string session_;
  std::string pending_;
  std::string fault_;
  std::optional<uint16_t> next_sequence_;
  Monotonic::time_point opened_at_{};
  std::optional<int64_t> first_frame_us_;
};

}  // namespace bench
