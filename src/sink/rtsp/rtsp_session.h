// RtspSession: one client's connection: requests, one track's set-up, playing. Thread-bound to its loop; lives by its pending
// reads. docs/reference/rtsp.md has the states and answers.
//
// Sending: TCP readers get each frame's interleaved packets by one sendfile of the shared image; a reader that falls behind
// loses whole frames up to the next keyframe, visible to it as a gap in the sequence numbers. UDP readers get runs of packets
// by segmentation offload, large frames paced.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/frame_sender.h"
#include "net/rtsp/authentication.h"
#include "net/rtsp/rtsp_message.h"
#include "sink/rtp/rtsp_source.h"
#include "sink/rtsp/udp_transport.h"
#include "stream/cameras.h"

namespace camweave {

// What all sessions of a server share and keep alive. Thread-safe.
struct RtspService {
  RtspService(Cameras& cameras, std::shared_ptr<RtspSources> sources, std::string password, std::shared_ptr<UdpTransport> udp)
      : cameras(cameras), sources(std::move(sources)), authenticator(std::move(password)), udp(std::move(udp)) {}

  Cameras& cameras;
  const std::shared_ptr<RtspSources> sources;
  const rtsp::Authenticator authenticator;
  const std::shared_ptr<UdpTransport> udp;  // null: UDP is off
  std::atomic<uint64_t> sessions{0};
  std::atomic<uint64_t> frames_dropped{0};
  std::atomic<uint64_t> refused_requests{0};
};

class RtspSession final : public std::enable_shared_from_this<RtspSession>,
                          public ReadinessHandler,
                          private PacketReader,
                          private Swept {
 public:
  static constexpr std::chrono::seconds time_out{60};
  static constexpr std::chrono::seconds set_up_time_out{10};  // a connection that never plays

  static void start(std::shared_ptr<RtspService> service, std::unique_ptr<Connection> connection);
  ~RtspSession() override;

  void on_readable() override;
  void on_writable() override;

 private:
  RtspSession(std::shared_ptr<RtspService> service, std::unique_ptr<Connection> connection);

  enum class State { idle, ready, playing };

  // Requests.
  void read_requests();
  void handle(const rtsp::Request& request);
  void on_options(const rtsp::Request& request);
  void on_describe(const rtsp::Request& request);
  void on_setup(const rtsp::Request& request);
  void on_play(const rtsp::Request& request);
  void on_pause(const rtsp::Request& request);
  void on_teardown(const rtsp::Request& request);
  void on_get_parameter(const rtsp::Request& request);
  bool check_session(const rtsp::Request& request);
  void answer(const rtsp::Request& request, int status, rtsp::Headers headers = {}, std::string body = {});
  void send(std::string_view bytes);

  // The stream.
  struct Target {
    std::string camera_id;
    Rendition rendition;
    std::string base_url;  // without the track
  };
  Result<Target> target_of(const std::string& url) const;
  Result<void> open(const Target& target);
  void describe_then(const rtsp::Request& request, const Target& target, bool encode_again);
  bool open_encoded_again(const Target& target);
  void answer_describe(const rtsp::Request& request, const Target& target, const RtspDescription& description);
  std::optional<rtsp::Transport> choose_transport(const std::vector<rtsp::Transport>& offered) const;

  // Playing.
  void on_packet() override;
  void on_sweep(Timestamp now) override;
  void pump();
  bool take_next();
  void finish_play(const Packet& first);
  void send_tcp();
  void send_udp();
  void pace_udp();
  void send_sender_report(Timestamp now);
  void stop_playing();
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
  bool busy_ = false;  // DESCRIBE or PLAY waits for the first keyframe: later requests wait, too
  Timestamp last_heard_;

  std::optional<Target> target_;
  std::shared_ptr<RtspSource> source_;
  std::optional<PacketCursor> cursor_;
  PacketDispatcher::Subscription subscription_;
  std::optional<rtsp::Transport> transport_;
  std::shared_ptr<UdpPeer> udp_peer_;
  std::optional<rtsp::Request> waiting_play_;

  // The frame being sent.
  PacketPtr frame_;
  std::span<const std::byte> udp_rest_;
  bool pacing_ = false;
  struct Pacer;
  std::unique_ptr<Pacer> pacer_;

  // For sender reports.
  uint32_t packets_sent_ = 0;
  uint32_t octets_sent_ = 0;
  std::optional<PacketInfo> last_sent_;
  Timestamp next_report_{};
};

}  // namespace camweave
