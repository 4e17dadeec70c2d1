#include "sink/publish/record_dialog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace camweave {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Kind = RecordDialog::Step::Kind;

rtsp::RtspUrl url(std::string_view text) { return *rtsp::parse_rtsp_url(text); }
rtsp::Response ok(rtsp::Headers headers = {}) { return {200, std::move(headers), {}}; }

class Dialog : public testing::Test {
 protected:
  // As far as the answer to OPTIONS.
  void begin(RecordDialog& dialog) {
    EXPECT_THAT(dialog.begin(), StartsWith("OPTIONS rtsp://h:8554/cam RTSP/1.0\r\nCSeq: 1\r\n"));
    EXPECT_EQ(dialog.on_response(ok({{"CSeq", "1"}, {"Public", "ANNOUNCE, GET_PARAMETER, RECORD"}}))->kind,
              Kind::describe);
  }
  void record(RecordDialog& dialog) {
    begin(dialog);
    EXPECT_THAT(dialog.announce("v=0\r\n"),
                HasSubstr("Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"));
    const auto set_up = dialog.on_response(ok());
    ASSERT_EQ(set_up->kind, Kind::send);
    EXPECT_THAT(set_up->bytes, StartsWith("SETUP rtsp://h:8554/cam/trackID=0 RTSP/1.0\r\n"));
    EXPECT_THAT(set_up->bytes, HasSubstr("Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n"));
    const auto recorded =
        dialog.on_response(ok({{"Session", "abc;timeout=20"}, {"Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"}}));
    ASSERT_EQ(recorded->kind, Kind::send);
    EXPECT_THAT(recorded->bytes, StartsWith("RECORD rtsp://h:8554/cam RTSP/1.0\r\n"));
    EXPECT_THAT(recorded->bytes, HasSubstr("Session: abc\r\n"));
    EXPECT_EQ(dialog.on_response(ok())->kind, Kind::recording);
  }
  RecordDialog plain_{url("rtsp://h:8554/cam")};
  RecordDialog guarded_{url("rtsp://user:hunter2@h:8554/cam")};
};

TEST_F(Dialog, FromOptionsToTeardown) {
  record(plain_);
  EXPECT_EQ(plain_.time_out(), std::chrono::seconds(20));
  EXPECT_FALSE(plain_.is_waiting());
  EXPECT_THAT(plain_.keep_alive(), StartsWith("GET_PARAMETER rtsp://h:8554/cam"));
  EXPECT_TRUE(plain_.is_waiting());
  EXPECT_EQ(plain_.on_response({451, {}, {}})->kind, Kind::nothing) << "it is there, that's all we ask";
  EXPECT_FALSE(plain_.is_waiting());
  EXPECT_THAT(plain_.teardown(), HasSubstr("Session: abc\r\n"));
  EXPECT_EQ(plain_.on_response(ok())->kind, Kind::ended);
}

TEST_F(Dialog, EachRefusalNamesItself) {
  for (const int status : {400, 403, 404, 406, 451, 500, 501, 503}) {
    RecordDialog dialog(url("rtsp://h:8554/cam"));
    begin(dialog);
    dialog.announce("v=0\r\n");
    const auto refused = dialog.on_response({status, {}, {}});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("the target answered " + std::to_string(status)));
    EXPECT_THAT(refused.error().message, HasSubstr("to ANNOUNCE"));
  }
}

TEST_F(Dialog, DigestIsPreferredAndKept) {
  begin(guarded_);
  guarded_.announce("v=0\r\n");
  const auto again = guarded_.on_response(
      {401, {{"WWW-Authenticate", "Basic realm=\"r\""}, {"www-authenticate", "Digest realm=\"r\", nonce=\"n\""}}, {}});
  ASSERT_EQ(again->kind, Kind::send);
  EXPECT_THAT(again->bytes, StartsWith("ANNOUNCE "));
  EXPECT_THAT(again->bytes, HasSubstr("Authorization: Digest username=\"user\""));
  EXPECT_THAT(again->bytes, HasSubstr("v=0\r\n"));
  EXPECT_THAT(again->bytes, Not(HasSubstr("hunter2")));
  EXPECT_THAT(guarded_.on_response(ok())->bytes, HasSubstr("Authorization: Digest")) << "SETUP is signed at once";
}

TEST_F(Dialog, AWrongPasswordIsSaidAndNotTriedOn) {
  begin(guarded_);
  guarded_.announce("v=0\r\n");
  const rtsp::Response challenge{401, {{"WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\""}}, {}};
  EXPECT_EQ(guarded_.on_response(challenge)->kind, Kind::send);
  const auto refused = guarded_.on_response(challenge);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("wrong user or password"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("hunter2")));
}

TEST_F(Dialog, AWrongPasswordIsSaidAlsoWhereTheSecond401AsksForNothing) {  // as MediaMTX answers
  begin(guarded_);
  guarded_.announce("v=0\r\n");
  EXPECT_EQ(guarded_.on_response({401, {{"WWW-Authenticate", "Basic realm=\"r\""}}, {}})->kind, Kind::send);
  const auto refused = guarded_.on_response({401, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_THAT(refused.error().message, HasSubstr("wrong user or password"));
}

TEST_F(Dialog, A401ThatNeverSaysHowToSignInIsNotThePasswordsFault) {
  begin(guarded_);
  guarded_.announce("v=0\r\n");
  const auto refused = guarded_.on_response({401, {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("no way to sign in"));
}

TEST_F(Dialog, StaleNoncesForEverAreBounded) {
  begin(guarded_);
  guarded_.announce("v=0\r\n");
  const rtsp::Response stale{401, {{"WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", stale=true"}}, {}};
  int sent = 0;
  while (guarded_.on_response(stale) && ++sent < 100) {
  }
  EXPECT_EQ(sent, 2);
}

TEST_F(Dialog, WithoutCredentialsThe401IsExplained) {
  begin(plain_);
  plain_.announce("v=0\r\n");
  const auto refused = plain_.on_response({401, {{"WWW-Authenticate", "Basic realm=\"r\""}}, {}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("wants a user and a password"));
}

TEST_F(Dialog, ARedirectTakesThePasswordOnlyToTheSameHost) {
  begin(guarded_);
  guarded_.announce("v=0\r\n");
  const auto same = guarded_.on_response({302, {{"Location", "rtsp://h:9554/other"}}, {}});
  ASSERT_EQ(same->kind, Kind::redirect);
  EXPECT_EQ(same->target.port, 9554);
  EXPECT_EQ(same->target.password, "hunter2");
  const auto elsewhere = guarded_.on_response({302, {{"Location", "rtsp://evil/other"}}, {}});
  ASSERT_EQ(elsewhere->kind, Kind::redirect);
  EXPECT_FALSE(elsewhere->target.has_credentials);
  EXPECT_FALSE(guarded_.on_response({302, {{"Location", "nonsense"}}, {}}));
  RecordDialog secure(url("rtsps://h:8554/cam"));
  secure.begin();
  EXPECT_FALSE(secure.on_response({301, {{"Location", "rtsp://h/cam"}}, {}})) << "out of TLS";
}

TEST_F(Dialog, AnotherTransportIsRefused) {
  for (const char* transport : {"RTP/AVP;unicast;client_port=5000-5001", "RTP/AVP/TCP;unicast;interleaved=2-3"}) {
    RecordDialog dialog(url("rtsp://h:8554/cam"));
    begin(dialog);
    dialog.announce("v=0\r\n");
    ASSERT_TRUE(dialog.on_response(ok()));
    EXPECT_FALSE(dialog.on_response(ok({{"Session", "s"}, {"Transport", transport}}))) << transport;
  }
  begin(plain_);
  plain_.announce("v=0\r\n");
  ASSERT_TRUE(plain_.on_response(ok()));
  EXPECT_FALSE(plain_.on_response(ok())) << "no Session";
}

TEST_F(Dialog, AnswersToNothingAreOverlooked) {
  EXPECT_EQ(plain_.on_response(ok())->kind, Kind::nothing);
  plain_.begin();
  EXPECT_EQ(plain_.on_response({100, {}, {}})->kind, Kind::nothing);
  EXPECT_EQ(plain_.on_response(ok({{"CSeq", "77"}}))->kind, Kind::nothing);
  EXPECT_TRUE(plain_.is_waiting());
}

TEST_F(Dialog, ASessionThatIsGoneEndsIt) {
  record(plain_);
  plain_.keep_alive();
  EXPECT_FALSE(plain_.on_response({454, {}, {}}));
}

TEST_F(Dialog, TheServersOwnRequestsAreAnswered) {
  EXPECT_THAT(RecordDialog::answer({"OPTIONS", "*", {{"CSeq", "9"}}, {}}),
              StartsWith("RTSP/1.0 200 OK\r\nCSeq: 9\r\n"));
  EXPECT_THAT(RecordDialog::answer({"REDIRECT", "*", {{"CSeq", "9"}}, {}}), StartsWith("RTSP/1.0 501"));
}

}  // namespace
}  // namespace camweave
