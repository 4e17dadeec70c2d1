#include "sink/publish/record_dialog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "net/rtsp/authentication.h"

namespace camweave {
namespace {

constexpr int most_refusals = 3;  // of one request: the first without proof, then stale nonces
constexpr std::chrono::seconds shortest_time_out{5};
constexpr std::chrono::seconds longest_time_out{3600};

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

bool lists(std::string_view list, std::string_view word) {
  for (size_t at = list.find(word); at != std::string_view::npos; at = list.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || list[at - 1] == ' ' || list[at - 1] == ',';
    if (begins && (end == list.size() || list[end] == ' ' || list[end] == ',')) return true;
  }
  return false;
}

}  // namespace

std::string RecordDialog::send(rtsp::Request request) {
  pending_ = request;
  ++sequence_;
  rtsp::Headers head{{"CSeq", std::to_string(sequence_)}, {"User-Agent", "Camweave"}};
  if (!session_.empty()) head.emplace_back("Session", session_);
  if (!challenge_.empty()) {
    head.emplace_back("Authorization",
                      rtsp::authorization(challenge_, request.method, request.url, target_.user, target_.password));
  }
  request.headers.insert(request.headers.begin(), head.begin(), head.end());
  return serialize(request);
}

std::string RecordDialog::begin() { return send({"OPTIONS", target_.request_url, {}, {}}); }

std::string RecordDialog::announce(std::string session_description) {
  phase_ = Phase::announce;
  return send({"ANNOUNCE", target_.request_url, {{"Content-Type", "application/sdp"}}, std::move(session_description)});
}

std::string RecordDialog::keep_alive() {
  return send({has_get_parameter_ ? "GET_PARAMETER" : "OPTIONS", target_.request_url, {}, {}});
}

std::string RecordDialog::teardown() {
  phase_ = Phase::teardown;
  return send({"TEARDOWN", target_.request_url, {}, {}});
}

std::string RecordDialog::answer(const rtsp::Request& request) {
  const bool known =
      request.method == "OPTIONS" || request.method == "GET_PARAMETER" || request.method == "SET_PARAMETER";
  return serialize(rtsp::Response{
      known ? 200 : 501, {{"CSeq", std::string(request.header("CSeq"))}, {"User-Agent", "Camweave"}}, {}});
}

bool RecordDialog::answers_pending(const rtsp::Response& response) const {
  if (!is_waiting()) return false;
  const auto number = response.header("CSeq");
  return number.empty() || parse_number(number) == sequence_;  // a few servers leave it out
}

Error RecordDialog::refused(const rtsp::Response& response) const {
  const ErrorCode code = response.status == 404                             ? ErrorCode::not_found
                         : response.status == 401 || response.status == 403 ? ErrorCode::permission_denied
                                                                            : ErrorCode::unavailable;
  return {code, fmt::format("the target answered {} {} to {}", response.status, rtsp::reason(response.status),
                            pending_.method)};
}

Result<RecordDialog::Step> RecordDialog::on_response(const rtsp::Response& response) {
  if (response.status < 200 || !answers_pending(response)) return Step{};  // 1xx, or the late answer to something else
  if (response.status == 401) return authorize(response);
  if (phase_ == Phase::teardown) return Step{.kind = Step::Kind::ended};
  if (phase_ == Phase::recording) {
    // That it doesn't know this way of keeping alive is no matter; that the session is gone is.
    if (response.status == 454) return refused(response);
    refusals_ = 0;
    pending_ = {};
    return Step{};
  }
  if (response.status >= 300 && response.status < 400) return redirect(response);
  if (response.status >= 300) return refused(response);
  return advance(response);
}

Result<RecordDialog::Step> RecordDialog::authorize(const rtsp::Response& response) {
  if (!target_.has_credentials) {
    Error error = refused(response);
    error.message += ": it wants a user and a password, which go into the url";
    return error;
  }
  std::string best;
  for (const auto& [name, value] : response.headers) {
    if (rtsp::find_header(rtsp::Headers{{name, value}}, "WWW-Authenticate").empty()) continue;
    if (rtsp::authorization(value, pending_.method, pending_.url, target_.user, target_.password).empty()) continue;
    if (best.empty() || value.starts_with("Digest")) best = value;
  }
  const bool was_signed = !challenge_.empty();
  if (best.empty() && !was_signed)
    return Error{ErrorCode::unsupported, refused(response).message + ", with no way to sign in that we know"};
  // MediaMTX asks a second time without saying how.
  if (best.empty() || (was_signed && refusals_ > 0 && !rtsp::says_stale(best)) || ++refusals_ >= most_refusals) {
    return Error{ErrorCode::permission_denied, refused(response).message + ": wrong user or password"};
  }
  challenge_ = std::move(best);
  return Step{.kind = Step::Kind::send, .bytes = send(std::exchange(pending_, {}))};
}

Result<RecordDialog::Step> RecordDialog::redirect(const rtsp::Response& response) const {
  auto target = rtsp::parse_rtsp_url(response.header("Location"));
  if (!target) return Error{ErrorCode::protocol, refused(response).message + " without a usable Location"};
  if (target_.tls && !target->tls)
    return Error{ErrorCode::protocol, refused(response).message + ": it leads out of TLS"};
  // The password is for this server, and for nobody that it names.
  if (!target->has_credentials && target->host == target_.host) {
    target->user = target_.user;
    target->password = target_.password;
    target->has_credentials = target_.has_credentials;
  }
  return Step{.kind = Step::Kind::redirect, .target = *std::move(target)};
}

Result<RecordDialog::Step> RecordDialog::advance(const rtsp::Response& response) {
  refusals_ = 0;
  switch (phase_) {
    case Phase::options:
      has_get_parameter_ = lists(response.header("Public"), "GET_PARAMETER");
      pending_ = {};
      phase_ = Phase::describe;
      return Step{.kind = Step::Kind::describe};
    case Phase::announce: {
      read_session(response.header("Session"));
      phase_ = Phase::setup;
      rtsp::Transport transport{.tcp = true, .record = true, .interleaved = {{0, 1}}};
      return Step{
          .kind = Step::Kind::send,
          .bytes = send(
              {"SETUP", fmt::format("{}/{}", target_.request_url, track), {{"Transport", serialize(transport)}}, {}})};
    }
    case Phase::setup:
      return on_set_up(response);
    case Phase::record:
      read_session(response.header("Session"));
      pending_ = {};
      phase_ = Phase::recording;
      return Step{.kind = Step::Kind::recording};
    case Phase::describe:
    case Phase::recording:
    case Phase::teardown:
      break;  // nothing is pending, or on_response() has dealt with it
  }
  return Step{};
}

Result<RecordDialog::Step> RecordDialog::on_set_up(const rtsp::Response& response) {
  read_session(response.header("Session"));
  if (session_.empty()) return Error{ErrorCode::protocol, "the target answered SETUP without a Session"};
  // The packets are made once for everybody, with the channel in them.
  if (const auto transports = rtsp::parse_transport(response.header("Transport"))) {
    const auto& chosen = transports->front();
    if (!chosen.tcp || (chosen.interleaved && chosen.interleaved->first != 0)) {
      return Error{ErrorCode::unsupported,
                   "the target answered SETUP with another transport than RTP over TCP on channels 0-1"};
    }
  }
  phase_ = Phase::record;
  return Step{.kind = Step::Kind::send, .bytes = send({"RECORD", target_.request_url, {{"Range", "npt=0.000-"}}, {}})};
}

void RecordDialog::read_session(std::string_view header) {
  const size_t end = header.find(';');
  std::string_view id = header.substr(0, end);
  while (id.ends_with(' ')) id.remove_suffix(1);
  if (!id.empty()) session_ = id;
  const size_t parameter = header.find("timeout=");
  if (parameter == std::string_view::npos) return;
  if (const auto seconds = parse_number(header.substr(parameter + 8))) {
    time_out_ = std::clamp(std::chrono::seconds(*seconds), shortest_time_out, longest_time_out);
  }
}

}  // namespace camweave
