// RecordDialog: what is said to another RTSP server so that it takes a stream: OPTIONS, ANNOUNCE, SETUP, RECORD,
// keep-alive, TEARDOWN (RFC 2326; docs/reference/publish.md). One dialog is one connection. Pure: no I/O, no clock;
// fuzzed with whatever a hostile server may answer. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/rtsp/rtsp_message.h"
#include "net/rtsp/rtsp_url.h"

namespace camweave {

class RecordDialog {
 public:
  static constexpr std::chrono::seconds default_time_out{60};  // section 12.37
  static constexpr std::string_view track = "trackID=0";

  explicit RecordDialog(rtsp::RtspUrl target) : target_(std::move(target)) {}

  // What comes next. `send`: these bytes. `describe`: announce() with the session description. `recording`: RTP may
  // flow.
  struct Step {
    enum class Kind { nothing, send, describe, recording, redirect, ended } kind = Kind::nothing;
    std::string bytes;
    rtsp::RtspUrl target;  // of redirect: connect there, with a new dialog
  };

  // Each gives the bytes to send.
  std::string begin();
  std::string announce(std::string session_description);
  std::string keep_alive();  // only while !is_waiting()
  std::string teardown();

  // An error names the request and the answer, and ends the dialog.
  Result<Step> on_response(const rtsp::Response& response);
  // The answer to a request that the server makes of us.
  static std::string answer(const rtsp::Request& request);

  // A request is not answered yet: since when and for how long is the owner's business.
  bool is_waiting() const { return !pending_.method.empty(); }
  void stop_waiting() { pending_ = {}; }
  const std::string& pending_method() const { return pending_.method; }
  bool has_session() const { return !session_.empty(); }
  std::chrono::seconds time_out() const { return time_out_; }

 private:
  enum class Phase { options, describe, announce, setup, record, recording, teardown };

  std::string send(rtsp::Request request);
  Result<Step> authorize(const rtsp::Response& response);
  Result<Step> redirect(const rtsp::Response& response) const;
  Result<Step> advance(const rtsp::Response& response);
  Result<Step> on_set_up(const rtsp::Response& response);
  void read_session(std::string_view header);
  bool answers_pending(const rtsp::Response& response) const;
  Error refused(const rtsp::Response& response) const;

  const rtsp::RtspUrl target_;
  Phase phase_ = Phase::options;
  rtsp::Request pending_;  // as given to send(), without the headers that send() adds
  unsigned sequence_ = 0;
  int refusals_ = 0;  // 401 in a row
  std::string challenge_;
  std::string session_;
  std::chrono::seconds time_out_ = default_time_out;
  bool has_get_parameter_ = false;
};

}  // namespace camweave
