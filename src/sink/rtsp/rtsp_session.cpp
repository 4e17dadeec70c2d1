// The requests. Playing is in rtsp_playing.cpp.
#include "sink/rtsp/rtsp_session.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace camweave {

namespace {

constexpr std::string_view methods = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

int status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::invalid_argument:
      return 400;
    case ErrorCode::permission_denied:
      return 403;
    case ErrorCode::unsupported:
      return 406;
    default:
      return 503;
  }
}

bool accepts_sdp(const rtsp::Request& request) {
  const auto accept = request.header("Accept");
  return accept.empty() || accept.find("application/sdp") != std::string_view::npos ||
         accept.find("*/*") != std::string_view::npos;
}

}  // namespace

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

RtspSession::~RtspSession() {
  set_state(State::idle);
  --service_.sessions;
}

void RtspSession::on_readable() {
  const auto scratch = connection_->loop().scratch();
  while (!ended_ && !waiting_) {  // who waits for an answer may send on, but we don't keep it all
    const ptrdiff_t got = connection_->read(scratch);
    if (got == Connection::would_block) return connection_->wait_readable(shared_from_this());
    if (got <= 0) return end();
    reader_.feed(scratch.first(static_cast<size_t>(got)));
    read_requests();
  }
}

// After a wait: what was sent meanwhile.
void RtspSession::go_on_reading() {
  read_requests();
  if (!ended_ && !waiting_) connection_->wait_readable(shared_from_this());
}

void RtspSession::read_requests() {
  while (!ended_ && !waiting_) {
    auto event = reader_.next();
    if (!event) {
      ++service_.refused_requests;
      send(serialize(rtsp::Response{400, {{"Server", "Camweave"}}, event.error().message + "\r\n"}));
      return end();
    }
    if (event->kind == rtsp::MessageReader::Kind::need_more) return;
    last_heard_ = connection_->loop().now();  // only whole messages count: a request sent byte by byte gains no time
    // Responses and a client's interleaved receiver reports say nothing that we need: that they came keeps the session.
    if (event->kind == rtsp::MessageReader::Kind::request) handle(event->request);
  }
}

// Who may ask at all; answers where not.
bool RtspSession::admit(const rtsp::Request& request) {
  const auto authenticator = service_.authenticator();
  const IpAddress& peer = connection_->peer();
  if (authenticator->is_protected() && !peer.is_loopback() && !peer.is_private()) {
    answer(request, 403, {}, "protected mode: without an api_key configured only the local network is served\r\n");
    return false;
  }
  if (request.method == "OPTIONS" || authenticator->accepts(request, challenge_nonce_)) return true;
  answer(request, 401, rtsp::Authenticator::challenges(challenge_nonce_));
  if (!request.header("Authorization").empty() && ++wrong_credentials_ >= most_wrong_credentials) end();
  return false;
}

void RtspSession::handle(const rtsp::Request& request) {
  using Handler = void (RtspSession::*)(const rtsp::Request&);
  static constexpr std::pair<std::string_view, Handler> handlers[] = {
      {"OPTIONS", &RtspSession::on_options},
      {"DESCRIBE", &RtspSession::on_describe},
      {"SETUP", &RtspSession::on_setup},
      {"PLAY", &RtspSession::on_play},
      {"PAUSE", &RtspSession::on_pause},
      {"TEARDOWN", &RtspSession::on_teardown},
      {"GET_PARAMETER", &RtspSession::on_get_parameter},
      {"SET_PARAMETER", &RtspSession::on_get_parameter},
  };
  if (!admit(request)) return;
  if (!request.header("Require").empty())
    return answer(request, 551, {{"Unsupported", std::string(request.header("Require"))}});
  for (const auto& [name, handler] : handlers) {
    if (request.method == name) return (this->*handler)(request);
  }
  const bool known = request.method == "ANNOUNCE" || request.method == "RECORD" || request.method == "REDIRECT";
  answer(request, known ? 405 : 501, {{"Allow", std::string(methods)}});
}

void RtspSession::answer(const rtsp::Request& request, int status, rtsp::Headers headers, std::string body) {
  if (status >= 400) ++service_.refused_requests;
  const std::time_t now =
      std::chrono::duration_cast<std::chrono::seconds>(connection_->loop().clock().wall_now()).count();
  headers.insert(headers.begin(), {{"CSeq", std::string(request.header("CSeq"))},
                                   {"Server", "Camweave"},
                                   {"Date", fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now))}});
  send(serialize(rtsp::Response{status, std::move(headers), std::move(body)}));
}

void RtspSession::refuse(const rtsp::Request& request, const Error& error) {
  answer(request, status_of(error), {}, error.message + "\r\n");
}

void RtspSession::send(std::string_view bytes) {
  switch (sender_.send_control(bytes)) {
    case FrameSender::Progress::failed:
      return end();
    case FrameSender::Progress::waiting:
    case FrameSender::Progress::not_started:
      connection_->wait_writable(shared_from_this());
      break;
    case FrameSender::Progress::done:
      break;
  }
}

void RtspSession::on_options(const rtsp::Request& request) { answer(request, 200, {{"Public", std::string(methods)}}); }

// An empty one is a keep-alive.
void RtspSession::on_get_parameter(const rtsp::Request& request) {
  if (!request.header("Session").empty() && !check_session(request)) return;
  answer(request, request.body.empty() ? 200 : 451, {{"Session", session_id_}});
}

// ---- DESCRIBE ----

Result<void> RtspSession::open(RtspTarget target) {
  // Without codec= a camera that gives H.265 is served as it is.
  if (!target.names_codec) {
    Rendition own = target.rendition;
    own.codec = Codec::h265;
    if (const auto camera = service_.cameras.find(target.camera_id); camera && passes_through(own, camera->mode))
      target.rendition = own;
  }
  auto stream = service_.cameras.open(target.camera_id, target.rendition);
  if (!stream) return stream.error();
  target_ = std::move(target);
  source_ = service_.sources->of(*stream);
  return {};
}

void RtspSession::on_describe(const rtsp::Request& request) {
  if (!accepts_sdp(request)) return answer(request, 406);
  if (state_ == State::playing) return answer(request, 455);
  auto target = parse_rtsp_target(request.url);
  if (!target) return refuse(request, target.error());
  if (auto opened = open(*target); !opened) return refuse(request, opened.error());
  describe_then(request, *target, false);
}

// Nothing is read meanwhile, so it is the loop that keeps the session.
void RtspSession::wait_with(const rtsp::Request& request) {
  connection_->loop().keep(shared_from_this());
  waiting_ = request;
  waiting_since_ = connection_->loop().now();
  ++waits_;
}

rtsp::Request RtspSession::stop_waiting() {
  rtsp::Request request = *std::exchange(waiting_, std::nullopt);
  last_heard_ = connection_->loop().now();  // the client was waiting, not silent
  connection_->loop().let_go(this);
  return request;
}

// The answer waits for the first keyframe.
void RtspSession::describe_then(const rtsp::Request& request, const RtspTarget& target, bool encode_again) {
  wait_with(request);
  source_->describe([weak = weak_from_this(), &loop = connection_->loop(), target, encode_again,
                     wait = waits_](const Result<RtspDescription>& result) {
    loop.post([weak, target, encode_again, wait, result] {
      const auto self = weak.lock();
      if (self && !self->ended_ && self->waiting_ && self->waits_ == wait)
        self->on_description(target, encode_again, result);
    });
  });
}

// A camera's own JPEG that RTP can't carry is asked for once more, encoded by us.
void RtspSession::on_description(const RtspTarget& target, bool encode_again, const Result<RtspDescription>& result) {
  const rtsp::Request request = stop_waiting();
  if (result) {
    answer_describe(request, target, *result);
  } else if (!encode_again && result.error().code == ErrorCode::unsupported && open_encoded_again(target)) {
    return describe_then(request, target, true);
  } else {
    refuse(request, result.error());
  }
  go_on_reading();
}

bool RtspSession::open_encoded_again(const RtspTarget& target) {
  const auto camera = service_.cameras.find(target.camera_id);
  if (target.rendition.codec != Codec::jpeg || !camera) return false;
  RtspTarget encoded = target;
  encoded.rendition = encoded_for_rtp(target.rendition, camera->mode.size);
  return open(encoded).ok();
}

void RtspSession::answer_describe(const rtsp::Request& request, const RtspTarget& target,
                                  const RtspDescription& description) {
  const sdp::Description session{.session_name = target.camera_id,
                                 .session_id = source_->ssrc(),
                                 .address = "0.0.0.0",
                                 .codec = description.codec,
                                 .payload_type = description.payload_type,
                                 .fps_milli = description.fps_milli,
                                 .size = description.size,
                                 .sets = description.sets,
                                 .control = std::string(rtsp_track.substr(1))};
  answer(request, 200,
         {{"Content-Base", target.base_url + "/"}, {"Content-Type", "application/sdp"}, {"Cache-Control", "no-cache"}},
         sdp::serialize(session));
}

// DESCRIBE or PLAY has waited for a picture for too long: the camera is away, or its keyframes are far apart.
void RtspSession::give_up_waiting() {
  const rtsp::Request request = stop_waiting();
  if (state_ == State::playing) {
    stop_playing();
    set_state(State::ready);
  }
  std::string why = "no picture within 10 s";
  if (const auto camera = service_.cameras.find(target_->camera_id)) {
    why = fmt::format("camera {} is {}{}{}; {}", camera->id, to_string(camera->health.state),
                      camera->health.last_error.empty() ? "" : ": ", camera->health.last_error, why);
  }
  answer(request, 503, {}, why + "\r\n");
  go_on_reading();
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
    if (!service_.udp || !transport.client_port || transport.client_port->first == 0 ||
        transport.client_port->second == 0)
      continue;
    rtsp::Transport chosen = transport;
    chosen.interleaved.reset();
    chosen.server_port = service_.udp->ports();
    return chosen;
  }
  return std::nullopt;
}

void RtspSession::on_setup(const rtsp::Request& request) {
  if (state_ == State::playing) return answer(request, 455);
  auto target = parse_rtsp_target(request.url);
  if (!target) return refuse(request, target.error());
  const auto offered = rtsp::parse_transport(request.header("Transport"));
  if (!offered) return answer(request, 461, {}, offered.error().message + "\r\n");
  const auto chosen = choose_transport(*offered);
  if (!chosen) return answer(request, 461);
  // Pictures go to the address that asks for them and nowhere else.
  if (!chosen->destination.empty()) {
    const auto destination = IpAddress::parse(chosen->destination);
    if (!destination || *destination != connection_->peer())
      return answer(request, 403, {}, "destination must be your own address\r\n");
  }
  if (!source_ || !target_ || target_->base_url != target->base_url) {
    if (auto opened = open(*std::move(target)); !opened) return refuse(request, opened.error());
  }
  leave_udp();
  transport_ = chosen;
  transport_->destination.clear();
  if (!chosen->tcp) {
    udp_peer_ = service_.udp->add_peer(connection_->peer(), *chosen->client_port);
    udp_batch_ = service_.udp->batch_on(connection_->loop());
  }
  set_state(State::ready);
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
  set_state(State::playing);
  next_report_ = connection_->loop().now();
  begin_at_picture();
  subscription_ = connection_->loop().dispatcher().subscribe(source_->rtp(), *this);
  // Answered with the first frame, whose sequence number and time belong into RTP-Info.
  wait_with(request);
  pump();
}

void RtspSession::finish_play(const RtpFrame& first) {
  const rtsp::Request request = stop_waiting();
  answer(request, 200,
         {{"Session", fmt::format("{};timeout={}", session_id_, time_out.count())},
          {"Range", "npt=now-"},
          {"RTP-Info", fmt::format("url={}{};seq={};rtptime={}", target_->base_url, rtsp_track, first.first_sequence,
                                   source_->rtp_time(first.info.capture_time))}});
}

void RtspSession::on_pause(const rtsp::Request& request) {
  if (!check_session(request)) return;
  stop_playing();
  set_state(State::ready);
  answer(request, 200, {{"Session", session_id_}});
}

void RtspSession::on_teardown(const rtsp::Request& request) {
  if (!check_session(request)) return;
  stop_playing();
  leave_udp();
  source_.reset();
  transport_.reset();
  set_state(State::idle);
  answer(request, 200, {{"Session", session_id_}});
}

}  // namespace camweave
