// Push: one camera's pictures sent to one RTSP server that takes them (ANNOUNCE, RECORD; RTP over the same TCP or TLS
// connection). One small state machine on one I/O loop, from start() to stop(): it connects, says what is needed, sends
// whole frames, and whatever goes wrong it tries again by the one RetryPolicy. docs/reference/publish.md.
//
// The camera is opened only after the target has answered: while it is away nothing is encoded for it. What is sent are
// the packets of an RtspSource, the same that readers of our own RTSP server get; each frame by one system call.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "base/retry_policy.h"
#include "net/outbound/outbound_stream.h"
#include "sink/publish/record_dialog.h"
#include "sink/rtp/rtsp_source.h"
#include "stream/cameras.h"

namespace camweave {

enum class PushState { stopped, connecting, waiting_for_camera, streaming, retrying };
const char* to_string(PushState state);

struct PushStatus {
  PushState state = PushState::stopped;
  UnixMicroseconds since{};  // of this state
  std::string last_error;    // "" none yet; kept after recovery; no secrets
  std::optional<Timestamp> next_retry;
  uint64_t frames_sent = 0;
  uint64_t bytes_sent = 0;
  uint64_t frames_dropped = 0;  // the target read too slowly
  uint64_t connections = 0;     // how often it began to send
};

struct PushOptions {
  std::string name;
  std::string camera;  // "": the default camera of the moment
  Rendition rendition;
  rtsp::RtspUrl target;
  std::string ca_file;
  bool check_certificate = true;
  // For a connection, an answer, or a byte taken.
  std::chrono::nanoseconds patience = std::chrono::seconds(10);
  // How long a connected target is held without a picture to announce.
  std::chrono::nanoseconds camera_patience = std::chrono::seconds(5);
};

// Borrowed ones must outlive the loops.
struct PushParts {
  Cameras& cameras;
  std::shared_ptr<RtspSources> sources;
  Log& log;
  std::function<double()> chance;               // 0 to 1, for the back-off
  std::function<std::string()> default_camera;  // called on the loop
};

class Push final : public std::enable_shared_from_this<Push>, private OutboundStream::Owner, private PacketReader {
 public:
  static constexpr int most_redirects = 3;

  // Stopped. May be let go on any thread: it ends on its loop, without a farewell to the target.
  static std::shared_ptr<Push> create(IoLoop& loop, PushParts parts, PushOptions options);
  ~Push() override;

  // Thread-safe, all of them. Idempotent.
  void start();
  // Says TEARDOWN where there is a session and waits a second for its answer; then `done` is called on the loop.
  void stop(std::function<void()> done = {});
  bool is_on() const { return is_on_; }
  PushStatus status() const;
  const PushOptions& options() const { return options_; }

 private:
  struct Timer;
  Push(IoLoop& loop, PushParts parts, PushOptions options);

  // The connection.
  void begin(const rtsp::RtspUrl& target);
  void on_connected() override;
  void on_bytes(std::span<const std::byte> bytes) override;
  void on_idle() override;
  void on_ended(Error why) override;
  void say(const std::string& bytes);
  bool take_message();
  void follow(RecordDialog::Step step);
  void fail(const Error& why);
  void drop_connection();
  void finish_stop();

  // The camera.
  void open_camera();
  void on_description(const Result<RtspDescription>& description);
  bool encode_instead(const Error& why);
  void announce(const RtspDescription& description);

  // Sending.
  void begin_recording();
  void on_packet() override;
  void pump();
  bool take_next();
  bool is_too_late(const Packet& packet) const;
  void skip_to_keyframe();
  void count_sent(const Packet& packet);
  void send_sender_report();

  // Time.
  void tick_in(std::chrono::nanoseconds time);
  void on_tick();
  void check_connection(Timestamp now);
  void check_pictures(Timestamp now);

  void set_state(PushState state);
  std::string subject() const { return "publish " + options_.name; }

  // Constant after construction.
  IoLoop& loop_;
  const PushParts parts_;
  const PushOptions options_;

  std::atomic<bool> is_on_{false};

  // The loop only.
  RetryPolicy retry_;
  std::unique_ptr<Timer> timer_;
  uint64_t attempt_ = 0;  // a late answer belongs to an earlier one
  int redirects_ = 0;
  bool is_stopping_ = false;
  std::vector<std::function<void()>> when_stopped_;
  std::string logged_error_;
  std::shared_ptr<OutboundStream> stream_;  // null: not connected nor connecting
  std::optional<RecordDialog> dialog_;
  std::optional<rtsp::MessageReader> reader_;
  std::optional<Timestamp> due_;   // for the connection, an answer, or the camera
  bool waits_for_camera_ = false;  // due_ is the camera's
  Timestamp next_keep_alive_{};
  std::string camera_;
  Rendition rendition_;
  Size announced_size_{};
  std::shared_ptr<RtspSource> source_;
  std::optional<PacketCursor> cursor_;  // while recording
  PacketDispatcher::Subscription subscription_;
  PacketPtr frame_;                      // refused by a full socket
  std::optional<PacketInfo> last_sent_;  // of this connection
  Timestamp last_sent_at_{};
  uint32_t packets_sent_ = 0;  // of this connection, for the reports
  uint32_t octets_sent_ = 0;
  Timestamp next_report_{};

  mutable Mutex mutex_;
  PushStatus status_ GUARDED_BY(mutex_);
};

}  // namespace camweave
