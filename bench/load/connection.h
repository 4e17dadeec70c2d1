// One client: connects, asks for its stream, and reads frame after frame without ever blocking. In drain mode the body
// of a frame never reaches user space: only its first kilobyte (headers, EXIF) and its last two bytes do.
// Thread-bound. The generator owns the connection and tells it when its socket is ready.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../common/clock.h"
#include "../common/unique_fd.h"
#include "frame_log.h"
#include "options.h"
#include "token_bucket.h"

namespace bench {

class Connection {
 public:
  enum class Outcome {
    Wait,       // nothing more to read now
    Frame,      // a whole frame was counted; there may be more
    Throttled,  // a slow client's allowance is used up: call again at resume_at()
    Closed,     // over; counted
  };

  // `options` and `log` outlive the connection.
  Connection(const Options& options, FrameLog& log, uint32_t index, Speed speed);

  // Starts to connect; false (counted) when that fails at once.
  bool open(Monotonic::time_point now);
  // The socket became writable for the first time: connected or failed.
  Outcome on_connected();
  Outcome on_readable(Monotonic::time_point now);
  void close();

  int fd() const { return fd_.get(); }
  bool connecting() const { return phase_ == Phase::Connecting; }
  bool has_frame() const { return frames_ > 0; }
  Monotonic::time_point resume_at() const { return bucket_->next_at(); }

 private:
  enum class Phase { Idle, Connecting, ResponseHead, FrameHead, Body, OpenBody };
  enum class Step { Again, Wait, Throttled, Frame, Closed };

  Step step(Monotonic::time_point now);
  Step read_response_head(Monotonic::time_point now);
  Step read_frame_head(Monotonic::time_point now);
  Step join_parts(Monotonic::time_point now);
  Step read_part_head(Monotonic::time_point now);
  Step read_websocket_head(Monotonic::time_point now);
  Step read_length_head(Monotonic::time_point now);
  Step read_body(Monotonic::time_point now);
  Step read_open_body(Monotonic::time_point now);
  Step end_of_body();

  // Appends at most `want` bytes to pending_.
  Step fill(size_t want, Monotonic::time_point now);
  // recv, limited by the allowance; > 0 bytes, or the step to return in `otherwise`.
  size_t receive(void* to, size_t want, int flags, Monotonic::time_point now, Step& otherwise);
  void consume(size_t count) { pending_.erase(0, count); }
  void keep_body(const char* bytes, size_t count);
  Step begin_body(uint64_t bytes, bool last_fragment);
  Step frame_done();
  void judge_single();
  void judge_bundle();
  void judge_cameras(std::string_view message, uint16_t camera_count, bool whole);
  // Both count why, close, and return Closed.
  Step fail(const std::string& words);
  Step fail_torn(const std::string& words);
  void answer_ping(std::string_view payload);
  std::string request() const;
  bool speaks_websocket() const { return protocol_ == Protocol::WebSocket || protocol_ == Protocol::Bundle; }

  // Constant after construction.
  const Options& options_;
  FrameLog& log_;
  const Protocol protocol_;
  const uint32_t source_;
  const Speed speed_;

  UniqueFd fd_;
  Phase phase_ = Phase::Idle;
  std::optional<TokenBucket> bucket_;
  Monotonic::time_point opened_at_{};
  uint64_t frames_ = 0;
  bool joined_ = false;                // a stream without HTTP: at a part's boundary
  std::vector<History> histories_{1};  // one per camera of a bundle

  std::string pending_;     // received, not yet parsed
  uint64_t body_left_ = 0;  // of the current body or fragment
  bool last_fragment_ = true;
  uint64_t frame_bytes_ = 0;
  std::string kept_;      // the frame's first bytes; all of them in check mode
  unsigned tail_ = 0;     // its last two bytes
  std::string boundary_;  // of a multipart stream without Content-Length
  size_t searched_ = 0;   // how much of kept_ holds no boundary
  std::optional<uint64_t> sequence_;
  std::optional<int64_t> unix_us_;
};

}  // namespace bench
