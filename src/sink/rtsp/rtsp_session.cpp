#include "sink/rtsp/rtsp_session.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>

#include "sink/rendition_query.h"

namespace camweave {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view track = "/trackID=0";
constexpr std::string_view methods = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
constexpr std::string_view cname = "camweave";
constexpr auto report_interval = 5s;
constexpr auto most_lag = 1s;                  // of a TCP reader, before it goes on at the next keyframe
constexpr size_t burst_packets = 32;           // of a large frame over UDP, every
constexpr auto burst_interval = 500us;

}  // namespace

struct RtspSession::Pacer {
  explicit Pacer(IoLoop& loop) : timer(loop.context()) {}
  boost::asio::steady_timer timer;
};

void RtspSession::start(std::shared_ptr<RtspService> service, std::unique_ptr<Connection> connection) {
  std::shared_ptr<RtspSession> session(new RtspSession(std::move(service), std::move(connection)));
  session->connection_->wait_readable(session);
}

RtspSession::RtspSession(std::shared_ptr<RtspService> service, std::unique_ptr<Connection> connection)
    : Swept(connection->loop()),
      owned_service_(std::move(service)),
      service_(*owned_service_),
      connection_(std::move(connection)),
      session_id_(rtsp::Authenticator::make_nonce().substr(0, 16)),
      sender_(*connection_),
      challenge_nonce_(rtsp::Authenticator::make_nonce()),
      last_heard_(connection_->loop().now()) {
  ++service_.sessions;
}

RtspSession::~RtspSession() { --service_.sessions; }

void RtspSession::on_readable() {
  const auto scratch = connection_->loop().scratch();
  for (;;) {
    const ptrdiff_t got = connection_->read(scratch);
    if (got == Connection::would_block) break;
    if (got <= 0) return end();
    last_heard_ = connection_->loop().now();
    reader_.feed(scratch.first(static_cast<size_t>(got)));
    read_requests();
    if (ended_) return;
  }
  connection_->wait_readable(shared_from_this());
}

void RtspSession::read_requests() {
  while (!ended_ && !busy_) {
    auto event = reader_.next();
    if (!event) {
      ++service_.refused_requests;
      send(serialize(rtsp::Response{400, {{"Server", "Camweave"}}, event.error().message + "\r\n"}));
      return end();
    }
    switch (event->kind) {
      case rtsp::MessageReader::Kind::need_more: return;
      case rtsp::MessageReader::Kind::request: handle(event->request); break;
      case rtsp::MessageReader::Kind::response:
      case rtsp::MessageReader::Kind::interleaved: break;  // receiver reports: that they came keeps the session
    }
  }
}

void RtspSession::handle(const rtsp::Request& request) {
  using Handler = void (RtspSession::*)(const rtsp::Request&);
  static constexpr std::pair<std::string_view, Handler> handlers[] = {
      {"OPTIONS", &RtspSession::on_options},   {"DESCRIBE", &RtspSession::on_describe},
      {"SETUP", &RtspSession::on_setup},       {"PLAY", &RtspSession::on_play},
      {"PAUSE", &RtspSession::on_pause},       {"TEARDOWN", &RtspSession::on_teardown},
      {"GET_PARAMETER", &RtspSession::on_get_parameter},
      {"SET_PARAMETER", &RtspSession::on_get_parameter},
  };
  const IpAddress& peer = connection_->peer();
  if (service_.authenticator.is_protected() && !peer.is_loopback() && !peer.is_private()) {
    return answer(request, 403, {}, "protected mode: without a password configured only the local network is served\r\n");
  }
  if (request.method != "OPTIONS" && !service_.authenticator.accepts(request, challenge_nonce_)) {
    return answer(request, 401, rtsp::Authenticator::challenges(challenge_nonce_));
  }
  if (!request.header("Require").empty()) return answer(request, 551, {{"Unsupported", std::string(request.header("Require"))}});
  for (const auto& [name, handler] : handlers) {
    if (request.method == name) return (this->*handler)(request);
  }
  const bool known = request.method == "ANNOUNCE" || request.method == "RECORD" || request.method == "REDIRECT";
  answer(request, known ? 405 : 501, {{"Allow", std::string(methods)}});
}

void RtspSession::answer(const rtsp::Request& request, int status, rtsp::Headers headers, std::string body) {
  if (status >= 400) ++service_.refused_requests;
  headers.insert(headers.begin(), {{"CSeq", std::string(request.header("CSeq"))}, {"Server", "Camweave"}});
  send(serialize(rtsp::Response{status, std::move(headers), std::move(body)}));
}

void RtspSession::send(std::string_view bytes) {
  switch (sender_.send_control(bytes)) {
    case FrameSender::Progress::failed: return end();
    case FrameSender::Progress::waiting:
    case FrameSender::Progress::not_started: connection_->wait_writable(shared_from_this()); break;
    case FrameSender::Progress::done: break;
  }
}

void RtspSession::on_options(const rtsp::Request& request) { answer(request, 200, {{"Public", std::string(methods)}}); }

void RtspSession::on_get_parameter(const rtsp::Request& request) {
  if (request.body.empty()) return answer(request, 200, {{"Session", session_id_}});  // a keep-alive
  answer(request, 451);
}

// ---- DESCRIBE ----

Result<RtspSession::Target> RtspSession::target_of(const std::string& url) const {
  std::string_view rest = url;
  if (!rest.starts_with("rtsp://") && !rest.starts_with("rtsps://")) return Error{ErrorCode::invalid_argument, "no rtsp:// address"};
  const size_t path = rest.find('/', rest.find("://") + 3);
  if (path == std::string_view::npos) return Error{ErrorCode::not_found, "the address names no camera: rtsp://HOST:PORT/CAMERA"};
  if (rest.ends_with(track)) rest.remove_suffix(track.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.size() <= path) return Error{ErrorCode::not_found, "the address names no camera: rtsp://HOST:PORT/CAMERA"};
  HttpRequest request;
  if (auto parsed = parse_request_target(rest.substr(path), request); !parsed) return parsed.error();
  if (request.segments.size() != 1) return Error{ErrorCode::not_found, "no such camera"};
  Target target{request.segments[0], {}, std::string(rest)};
  auto rendition = parse_rendition_query(request);
  if (!rendition) return rendition.error();
  target.rendition = *rendition;
  target.rendition.codec = Codec::h264;
  if (const auto codec = request.query_value("codec")) {
    const auto known = parse_codec(*codec);
    if (!known) return Error{ErrorCode::invalid_argument, "codec must be h264, h265 or mjpeg"};
    target.rendition.codec = *known;
  }
  return target;
}

Result<void> RtspSession::open(const Target& target) {
  auto stream = service_.cameras.open(target.camera_id, target.rendition);
  if (!stream) return stream.error();
  target_ = target;
  source_ = service_.sources->of(*stream);
  return {};
}

namespace {
int status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found: return 404;
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::permission_denied: return 403;
    case ErrorCode::unsupported: return 406;
    default: return 503;
  }
}
}  // namespace

void RtspSession::on_describe(const rtsp::Request& request) {
  if (const auto accept = request.header("Accept"); !accept.empty() && accept.find("application/sdp") == std::string_view::npos &&
                                                    accept.find("*/*") == std::string_view::npos) {
    return answer(request, 406);
  }
  auto target = target_of(request.url);
  if (!target) return answer(request, status_of(target.error()), {}, target.error().message + "\r\n");
  if (auto opened = open(*target); !opened) {
    return answer(request, status_of(opened.error()), {}, opened.error().message + "\r\n");
  }
  describe_then(request, *target, false);
}

// The answer waits for the first keyframe. A camera's own JPEG that RTP can't carry is asked for once more, encoded by us.
void RtspSession::describe_then(const rtsp::Request& request, const Target& target, bool encode_again) {
  busy_ = true;
  source_->describe([weak = weak_from_this(), &loop = connection_->loop(), request, target, encode_again](Result<RtspDescription> result) {
    loop.post([weak, request, target, encode_again, result = std::move(result)] {
      const auto self = weak.lock();
      if (!self || self->ended_) return;
      self->busy_ = false;
      if (result) {
        self->answer_describe(request, target, *result);
      } else if (!encode_again && result.error().code == ErrorCode::unsupported && self->open_encoded_again(target)) {
        return self->describe_then(request, target, true);
      } else {
        self->answer(request, status_of(result.error()), {}, result.error().message + "\r\n");
      }
      self->read_requests();
    });
  });
}

bool RtspSession::open_encoded_again(const Target& target) {
  const auto camera = service_.cameras.find(target.camera_id);
  if (target.rendition.codec != Codec::jpeg || !camera) return false;
  Target encoded = target;
  encoded.rendition = encoded_for_rtp(target.rendition, camera->mode.size);
  return open(encoded).ok();
}

void RtspSession::answer_describe(const rtsp::Request& request, const Target& target, const RtspDescription& description) {
  const sdp::Description session{.session_name = target.camera_id,
                                 .address = "0.0.0.0",
                                 .codec = description.codec,
                                 .payload_type = description.payload_type,
                                 .fps_milli = description.fps_milli,
                                 .size = description.size,
                                 .sets = description.sets,
                                 .control = std::string(track.substr(1))};
  answer(request, 200, {{"Content-Base", target.base_url + "/"}, {"Content-Type", "application/sdp"}}, sdp::serialize(session));
}

// ---- SETUP, PLAY, PAUSE, TEARDOWN ----

std::optional<rtsp::Transport> RtspSession::choose_transport(const std::vector<rtsp::Transport>& offered) const {
  for (const rtsp::Transport& transport : offered) {
    if (transport.multicast || transport.record) continue;
    if (transport.tcp) {
      rtsp::Transport chosen;
      chosen.tcp = true;
      chosen.interleaved = {0, 1};  // the packets are shared by all readers, and the channel is in them
      return chosen;
    }
    if (!service_.udp || !transport.client_port || transport.client_port->first == 0) continue;
    rtsp::Transport chosen = transport;
    chosen.interleaved.reset();
    chosen.server_port = service_.udp->ports();
    return chosen;
  }
  return std::nullopt;
}

void RtspSession::on_setup(const rtsp::Request& request) {
  if (state_ == State::playing) return answer(request, 455);
  auto target = target_of(request.url);
  if (!target) return answer(request, status_of(target.error()), {}, target.error().message + "\r\n");
  const auto offered = rtsp::parse_transport(request.header("Transport"));
  if (!offered) return answer(request, 461, {}, offered.error().message + "\r\n");
  const auto chosen = choose_transport(*offered);
  if (!chosen) return answer(request, 461);
  // Pictures go to the address that asks for them and nowhere else.
  if (!chosen->destination.empty()) {
    const auto destination = IpAddress::parse(chosen->destination);
    if (!destination || *destination != connection_->peer()) return answer(request, 403, {}, "destination must be your own address\r\n");
  }
  if (!source_ || !target_ || target_->base_url != target->base_url) {
    if (auto opened = open(*target); !opened) {
      return answer(request, status_of(opened.error()), {}, opened.error().message + "\r\n");
    }
  }
  transport_ = chosen;
  transport_->destination.clear();
  if (!chosen->tcp) udp_peer_ = service_.udp->add_peer(connection_->peer(), *chosen->client_port);
  state_ = State::ready;
  answer(request, 200,
         {{"Transport", fmt::format("{};ssrc={:08X}", serialize(*transport_), source_->ssrc())},
          {"Session", fmt::format("{};timeout={}", session_id_, time_out.count())}});
}

bool RtspSession::check_session(const rtsp::Request& request) {
  const auto session = request.header("Session");
  const auto id = session.substr(0, session.find(';'));
  if (state_ != State::idle && (id.empty() || id == session_id_)) return true;
  answer(request, state_ == State::idle && id.empty() ? 455 : 454);
  return false;
}

void RtspSession::on_play(const rtsp::Request& request) {
  if (!check_session(request)) return;
  if (state_ == State::playing) return answer(request, 200, {{"Session", session_id_}, {"Range", "npt=now-"}});
  // A stream that we encode makes a keyframe for the new reader: it starts at the live edge. The kept GOP is for cameras
  // whose keyframes we can't order; without a newer keyframe it is what begins at once.
  cursor_.emplace(source_->rtp(), PacketCursor::Begin::newest);
  source_->rtp()->request_keyframe();
  subscription_ = connection_->loop().dispatcher().subscribe(source_->rtp(), *this);
  state_ = State::playing;
  next_report_ = connection_->loop().now();
  // Answered with the first frame, whose sequence number and time belong into RTP-Info.
  waiting_play_ = request;
  busy_ = true;
  pump();
}

void RtspSession::finish_play(const Packet& first) {
  const auto request = std::exchange(waiting_play_, std::nullopt);
  auto bytes = first.body.bytes();
  const auto packet = rtp::next_packet(bytes);
  const unsigned sequence = std::to_integer<unsigned>(packet[2]) << 8 | std::to_integer<unsigned>(packet[3]);
  answer(*request, 200,
         {{"Session", fmt::format("{};timeout={}", session_id_, time_out.count())},
          {"Range", "npt=now-"},
          {"RTP-Info", fmt::format("url={}{};seq={};rtptime={}", target_->base_url, track, sequence,
                                   source_->rtp_time(first.info.capture_time))}});
  busy_ = false;
}

void RtspSession::stop_playing() {
  subscription_.reset();
  cursor_.reset();
  udp_rest_ = {};
  if (sender_.idle()) frame_.reset();
}

void RtspSession::on_pause(const rtsp::Request& request) {
  if (!check_session(request)) return;
  stop_playing();
  state_ = State::ready;
  answer(request, 200, {{"Session", session_id_}});
}

void RtspSession::on_teardown(const rtsp::Request& request) {
  if (!check_session(request)) return;
  stop_playing();
  source_.reset();
  transport_.reset();
  udp_peer_.reset();
  state_ = State::idle;
  answer(request, 200);
}

// ---- Playing ----

void RtspSession::on_packet() {
  const auto keep = shared_from_this();
  pump();
}

bool RtspSession::take_next() {
  auto next = cursor_->next();
  service_.frames_dropped += next.dropped;
  if (next.closed) {
    end();
    return false;
  }
  if (!next.packet) return false;
  const auto newest = source_->rtp()->newest();
  if (newest && newest->info.capture_time - next.packet->info.capture_time > most_lag) {
    cursor_->skip_to_keyframe();
    ++service_.frames_dropped;
    return take_next();
  }
  frame_ = std::move(next.packet);
  return true;
}

// One frame after another while the client takes them; a frame that the socket refused is kept for on_writable().
void RtspSession::pump() {
  while (!ended_ && state_ == State::playing && !pacing_) {
    if (!frame_ && !take_next()) break;
    if (waiting_play_) finish_play(*frame_);
    if (ended_) return;
    if (transport_->tcp) {
      if (!sender_.idle()) return;
      send_tcp();
      if (frame_) return;
    } else {
      send_udp();
    }
  }
  if (!busy_ && !ended_) read_requests();
}

void RtspSession::send_tcp() {
  const auto progress = sender_.start_frame(std::shared_ptr<const PacketBuffer>(frame_, &frame_->body));
  if (progress == FrameSender::Progress::failed) return end();
  if (progress != FrameSender::Progress::done) connection_->wait_writable(shared_from_this());
  if (progress == FrameSender::Progress::not_started) return;
  last_sent_ = frame_->info;
  octets_sent_ += static_cast<uint32_t>(frame_->body.size());
  frame_.reset();
  if (progress == FrameSender::Progress::done && connection_->loop().now() >= next_report_) {
    send_sender_report(connection_->loop().now());
  }
}

void RtspSession::on_writable() {
  const auto progress = sender_.on_writable();
  if (progress == FrameSender::Progress::failed) return end();
  if (progress != FrameSender::Progress::done) return connection_->wait_writable(shared_from_this());
  pump();
}

void RtspSession::send_udp() {
  udp_rest_ = frame_->body.bytes();
  last_sent_ = frame_->info;
  octets_sent_ += static_cast<uint32_t>(frame_->body.size());
  pace_udp();
}

void RtspSession::pace_udp() {
  const auto sent = service_.udp->send_packets(*udp_peer_, udp_rest_, burst_packets);
  if (sent == UdpTransport::Sent::socket_full) {
    // What is missing of this frame breaks the picture until the next keyframe anyway.
    udp_rest_ = {};
    ++service_.frames_dropped;
    if (cursor_) cursor_->skip_to_keyframe();
  }
  if (udp_rest_.empty()) {
    frame_.reset();
    if (connection_->loop().now() >= next_report_) send_sender_report(connection_->loop().now());
    return;
  }
  pacing_ = true;
  if (!pacer_) pacer_ = std::make_unique<Pacer>(connection_->loop());
  pacer_->timer.expires_after(burst_interval);
  pacer_->timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    self->pacing_ = false;
    if (error || self->ended_ || !self->frame_) return;
    self->pace_udp();
    self->pump();
  });
}

void RtspSession::send_sender_report(Timestamp now) {
  next_report_ = now + report_interval;
  if (!last_sent_) return;
  const auto report = rtp::serialize_sender_report({.ssrc = source_->ssrc(),
                                                    .wall_us = last_sent_->capture_wall.count(),
                                                    .rtp_timestamp = source_->rtp_time(last_sent_->capture_time),
                                                    .packet_count = packets_sent_,
                                                    .octet_count = octets_sent_},
                                                   cname);
  if (udp_peer_) return service_.udp->send_rtcp(*udp_peer_, report);
  std::string framed{'$', '\x01', static_cast<char>(report.size() >> 8), static_cast<char>(report.size() & 0xff)};
  framed.append(reinterpret_cast<const char*>(report.data()), report.size());
  send(framed);
}

void RtspSession::on_sweep(Timestamp now) {
  const auto keep = shared_from_this();
  if (udp_peer_) last_heard_ = std::max(last_heard_, from_nanoseconds(udp_peer_->last_heard_ns));
  const bool is_tcp_player = state_ == State::playing && transport_ && transport_->tcp;
  // A TCP reader shows by reading that it is there; everybody else has to say something.
  const auto patience = state_ == State::idle ? set_up_time_out : time_out;
  if (sender_.is_stalled(now) || (!is_tcp_player && !busy_ && now - last_heard_ > patience)) end();
}

void RtspSession::end() {
  if (std::exchange(ended_, true)) return;
  stop_playing();
  if (pacer_) pacer_->timer.cancel();
  if (udp_peer_ && source_) service_.udp->send_rtcp(*udp_peer_, rtp::serialize_bye(source_->ssrc()));
  source_.reset();
  connection_->close();
}

}  // namespace camweave
