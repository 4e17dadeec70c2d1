// RtspSession: one client's connection: requests (rtsp_session.cpp), one track's set-up, playing (rtsp_playing.cpp).
// Thread-bound to its loop; lives by its pending reads, or the loop's keeping while an answer waits for a picture.
// docs/reference/rtsp.md has the states and answers.
//
// Sending: TCP readers get each frame's interleaved packets by one sendfile of the shared image; a reader that falls
// behind loses whole frames up to the next keyframe, visible to it as a gap in the sequence numbers. UDP readers get
// runs of packets by segmentation offload, many readers' in one system call; large frames and a kept GOP paced.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/frame_sender.h"
#include "net/rtsp/rtsp_message.h"
#include "sink/rtsp/rtsp_service.h"
#include "sink/rtsp/rtsp_target.h"

namespace camweave {

class RtspSession final : public std::enable_shared_from_this<RtspSession>,
                          public ReadinessHandler,
                          private PacketReader,
                          private Swept {
 public:
  static constexpr std::chrono::seconds time_out{60};
  static constexpr std::chrono::seconds set_up_time_out{10};  // a connection that sets nothing up
  static constexpr std::chrono::seconds answer_patience{10};  // DESCRIBE and PLAY wait so long for a picture, then 503
  static constexpr std::chrono::seconds unreachable_time{1};  // a UDP port that nobody listens on
  static constexpr int most_wrong_credentials = 5;

  static void start(std::shared_ptr<RtspService> service, std::unique_ptr<Connection> connection);
  ~RtspSession() override;

  void on_readable() override;
  void on_writable() override;

 private:
  RtspSession(std::shared_ptr<RtspService> service, std::unique_ptr<Connection> connection);

  enum class State { idle, ready, playing };

  // Requests.
  void read_requests();
  void go_on_reading();
  void handle(const rtsp::Request& request);
  bool admit(const rtsp::Request& request);
  void on_options(const rtsp::Request& request);
  void on_describe(const rtsp::Request& request);
  void on_setup(const rtsp::Request& request);
  void on_play(const rtsp::Request& request);
  void on_pause(const rtsp::Request& request);
  void on_teardown(const rtsp::Request& request);
  void on_get_parameter(const rtsp::Request& request);
  bool check_session(const rtsp::Request& request);
  void answer(const rtsp::Request& request, int status, rtsp::Headers headers = {}, std::string body = {});
  void refuse(const rtsp::Request& request, const Error& error);
  void send(std::string_view bytes);

  // The stream.
  Result<void> open(RtspTarget target);
  void describe_then(const rtsp::Request& request, const RtspTarget& target, bool encode_again);
  void on_description(const RtspTarget& target, bool encode_again, const Result<RtspDescription>& result);
  bool open_encoded_again(const RtspTarget& target);
  void answer_describe(const rtsp::Request& request, const RtspTarget& target, const RtspDescription& description);
  std::optional<rtsp::Transport> choose_transport(const std::vector<rtsp::Transport>& offered) const;
  void wait_with(const rtsp::Request& request);
  rtsp::Request stop_waiting();
  void give_up_waiting();

  // Playing.
  void set_state(State state);
  void on_packet() override;
  void on_sweep(Timestamp now) override;
  void begin_at_picture();
  void pump();
  bool take_next();
  bool is_too_late(const Packet& next);
  void finish_play(const RtpFrame& first);
  void send_tcp();
  void send_udp();
  void learn_unsent();
  void wait_for_pace(std::chrono::microseconds interval);
  void send_sender_report(Timestamp now);
  void stop_playing();
  void leave_udp();
  void end();

  const std::shared_ptr<RtspService> owned_service_;
  RtspService& service_;
  const std::unique_ptr<Connection> connection_;
  const std::string session_id_;
  FrameSender sender_;
  rtsp::MessageReader reader_;
  std::string challenge_nonce_;
  State state_ = State::idle;
  bool ended_ = false;
  int wrong_credentials_ = 0;
  Timestamp last_heard_;

  // DESCRIBE or PLAY waits for the first keyframe: later requests wait, too, unread.
  std::optional<rtsp::Request> waiting_;
  Timestamp waiting_since_{};
  uint64_t waits_ = 0;  // counts them: a description that comes too late belongs to an earlier one

  std::optional<RtspTarget> target_;
  std::shared_ptr<RtspSource> source_;
  std::optional<PacketCursor> cursor_;
  PacketDispatcher::Subscription subscription_;
  std::optional<rtsp::Transport> transport_;
  std::shared_ptr<UdpPeer> udp_peer_;
  std::shared_ptr<UdpBatch> udp_batch_;  // with udp_peer_

  // The frame being sent.
  PacketPtr frame_;
  std::span<const std::byte> udp_rest_;
  bool pacing_ = false;
  std::unique_ptr<boost::asio::steady_timer> pacer_;  // made when it is first wanted
  std::chrono::nanoseconds most_lag_{};  // behind the newest frame, before the reader goes on at the next keyframe
  bool catches_up_ = false;              // a kept GOP is being sent

  // For sender reports: all that went to this reader.
  uint32_t packets_sent_ = 0;
  uint32_t octets_sent_ = 0;
  std::optional<PacketInfo> last_sent_;
  Timestamp next_report_{};
};

}  // namespace camweave
