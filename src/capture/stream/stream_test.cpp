#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "capture/running_camera.h"
#include "capture/stream/address.h"
#include "capture/stream/authorization.h"
#include "capture/stream/bundle_reader.h"
#include "capture/stream/length_prefix.h"
#include "capture/stream/multipart_reader.h"
#include "capture/stream/stream_camera.h"

namespace camweave::stream_driver {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A real picture, small.
const std::string& jpeg() {
  static const std::string made = [] {
    const std::string path = testing::TempDir() + "stream_test.jpg";
    EXPECT_EQ(std::system(("ffmpeg -v error -y -f lavfi -i testsrc2=s=64x48 -frames:v 1 " + path).c_str()), 0);
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }();
  return made;
}

TEST(Address, IsTakenApart) {
  const auto address = parse_address("HTTP://me:p%40ss@[::1]:8080/a/b?c=d#e");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->scheme, "http");
  EXPECT_EQ(address->user, "me");
  EXPECT_EQ(address->password, "p@ss");
  EXPECT_EQ(address->host, "::1");
  EXPECT_EQ(address->host_header(), "[::1]:8080");
  EXPECT_EQ(address->target, "/a/b?c=d");
  EXPECT_EQ(parse_address("tcp+jpeg://host:8001")->target, "/");
  EXPECT_EQ(parse_address("http://host?x")->target, "/?x");
  for (const char* bad : {"host", "http://", "http://h:0/", "http://h:99999/", "http://h:x/", "http://[::1/",
                          "http://h/a b", "http://a%@h/"}) {
    EXPECT_FALSE(parse_address(bad)) << bad;
  }
}

TEST(Address, ARedirectElsewhereGetsNoPassword) {
  const auto from = *parse_address("http://me:secret@host:81/a");
  EXPECT_EQ(resolve_location(from, "/b")->password, "secret");
  EXPECT_EQ(resolve_location(from, "/b")->target, "/b");
  EXPECT_EQ(resolve_location(from, "http://host:81/c")->password, "secret");
  EXPECT_EQ(resolve_location(from, "http://other:81/c")->password, "");
  EXPECT_FALSE(resolve_location(from, "b"));
}

TEST(HttpResponse, IsReadAsCamerasSendIt) {
  const std::string text =
      "HTTP/1.0 200 OK\nContent-type :multipart/x-mixed-replace; boundary=\"--my \\\"b\"\n junk \nX:  y \n\nbody";
  const auto end = find_end_of_fields(bytes_of(text));
  ASSERT_TRUE(end && *end);
  EXPECT_EQ(text.substr(**end), "body");
  const auto head = parse_response_head(text.substr(0, **end));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(find_field(head->fields, "x"), "y");
  EXPECT_EQ(find_parameter(find_field(head->fields, "content-type"), "boundary"), "--my \"b");
  EXPECT_EQ(find_parameter("multipart/x-mixed-replace;boundary=frame", "boundary"), "frame");
  EXPECT_EQ(find_parameter("text/html", "boundary"), "");
  EXPECT_FALSE(parse_response_head("RTSP/1.0 200 OK\r\n\r\n"));
  EXPECT_FALSE(parse_response_head("HTTP/1.1 2x\r\n\r\n"));
  EXPECT_FALSE(find_end_of_fields(bytes_of(std::string(20'000, 'a'))));
}

TEST(ChunkDecoder, GivesTheDataOfATornBody) {
  const std::string body = "5;x=y\r\nhello\r\n1\r\n \r\nA\nworld, you\r\n0\r\n\r\n";
  for (size_t chunk = 1; chunk <= body.size(); ++chunk) {
    ChunkDecoder decoder;
    std::string out;
    for (size_t at = 0; at < body.size(); at += chunk) {
      EXPECT_TRUE(decoder.push(bytes_of(body).subspan(at, std::min(chunk, body.size() - at)),
                               [&](auto data) { out += text_of(data); }));
    }
    EXPECT_EQ(out, "hello world, you");
    EXPECT_TRUE(decoder.ended());
  }
  for (const char* bad : {"x\r\n", "\r\n", "123456789\r\n", "1\r\nab\r\n"}) {
    EXPECT_FALSE(ChunkDecoder().push(bytes_of(bad), [](auto) {})) << bad;
  }
}

struct Read {
  std::vector<std::string> bodies, times;
};
Read read_parts(const std::string& boundary, const std::string& body, size_t chunk) {
  MultipartReader reader(boundary);
  Read read;
  for (size_t at = 0; at < body.size(); at += chunk) {
    EXPECT_TRUE(reader.push(bytes_of(body).subspan(at, std::min(chunk, body.size() - at)),
                            [&](const MultipartReader::Part& part) {
                              read.bodies.push_back(text_of(part.body));
                              read.times.emplace_back(find_field(part.fields, "x-timestamp"));
                            }));
  }
  return read;
}

TEST(MultipartReader, ReadsWhatCamerasReallySend) {
  const std::string length = std::to_string(jpeg().size());
  const std::string with =
      "Content-Type: image/jpeg\r\nContent-length: " + length + "\r\nX-Timestamp: 12.5\r\n\r\n" + jpeg();
  const std::string bare = "Content-Type: image/jpeg\n\n" + jpeg();
  const struct {
    const char* name;
    std::string boundary, body;
  } cases[] = {
      {"plain", "frame", "--frame\r\n" + with + "\r\n--frame\r\n" + with + "\r\n--frame--\r\n"},
      {"boundary with its own dashes", "--frame", "--frame\r\n" + with + "\r\n--frame\r\n" + with},
      {"boundary with dashes and the rule's", "--frame", "----frame\r\n" + with + "\r\n----frame\r\n" + with},
      {"a preamble, no line before the boundary", "x y", "hello\r\n--x y\r\n" + with + "--x y\r\n" + with},
      {"no length", "frame", "\r\n--frame\n" + bare + "\n--frame\n" + bare},
      {"no length and no boundary", "", "--frame\n" + bare + "\n--frame\n" + bare},
      {"a length of nonsense", "frame",
       "--frame\r\nContent-Length: -5\r\n\r\n" + jpeg() + "\r\n--frame\r\n\r\n" + jpeg()},
  };
  for (const auto& one : cases) {
    for (const size_t chunk : {size_t{1}, size_t{7}, one.body.size()}) {
      EXPECT_THAT(read_parts(one.boundary, one.body, chunk).bodies, ElementsAre(jpeg(), jpeg()))
          << one.name << " " << chunk;
    }
  }
  EXPECT_THAT(read_parts("frame", cases[0].body, 3).times, ElementsAre("12.5", "12.5"));
}

TEST(Authorization, IsTheStandardsOwnExample) {
  // RFC 7616, 3.9.1.
  const std::string common =
      R"(realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")";
  const AuthorizationRequest request{"Mufasa", "Circle of Life", "GET", "/dir/index.html",
                                     "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};
  const Fields md5{{"www-authenticate", "Digest " + common + ", algorithm=MD5"}};
  EXPECT_THAT(*answer_challenge(md5, request), HasSubstr("response=\"8ca523f5e9506fed4657c9700eebdbec\""));
  const Fields both{
      md5[0], {"www-authenticate", "Basic realm=x"}, {"www-authenticate", "Digest " + common + ", algorithm=SHA-256"}};
  EXPECT_THAT(*answer_challenge(both, request),
              HasSubstr("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""));
  EXPECT_EQ(*answer_challenge({{"www-authenticate", "basic realm=\"x\""}}, {"Aladdin", "open sesame", "", "", ""}),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_FALSE(answer_challenge({{"www-authenticate", "NTLM"}}, request));
}

std::string little(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string bundle_of(const std::string& first, const std::string& second, uint32_t second_flags = 0,
                      uint64_t wall_us = 0) {
  std::string bundle = "CWFB" + little(1, 2) + little(2, 2) + little(9, 8) + little(0, 8);
  for (uint16_t i = 0; i < 2; ++i) {
    const std::string& payload = i == 0 ? first : second;
    bundle += little(i, 2) + little(1, 2) + little(64, 2) + little(48, 2) + little(i == 0 ? 0 : second_flags, 4) +
              little(payload.size(), 4) + little(77, 8) + little(wall_us, 8) + little(20'000, 4) + little(2500, 4) +
              payload;
  }
  return bundle;
}

TEST(FrameBundle, GivesTheCameraAskedForAndRefusesLies) {
  const std::string bundle = bundle_of("one", "twotwo");
  const auto found = find_in_bundle(bytes_of(bundle), 1);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(text_of((*found)->payload), "twotwo");
  EXPECT_EQ((*found)->metadata, (FrameMetadata{.exposure_us = 20'000, .gain = 2.5f}));
  EXPECT_FALSE(find_in_bundle(bytes_of(bundle), 2)->has_value());
  for (size_t size = 0; size < bundle.size(); ++size)
    EXPECT_FALSE(find_in_bundle(bytes_of(bundle).first(size), 0)) << size;
  EXPECT_FALSE(find_in_bundle(bytes_of(bundle + "x"), 0));
}

TEST(WebSocketReader, PutsPiecesTogetherAndRefusesBrokenRules) {
  const std::string stream = std::string("\x02\x03one\x89\x01p\x80\x03two\x82\x7e\x00\x80", 17) +
                             std::string(128, 'x') + std::string("\x88\0", 2);
  for (const size_t chunk : {size_t{1}, size_t{5}, stream.size()}) {
    WebSocketReader reader;
    std::vector<std::string> seen;
    for (size_t at = 0; at < stream.size(); at += chunk) {
      EXPECT_TRUE(reader.push(bytes_of(stream).subspan(at, std::min(chunk, stream.size() - at)),
                              [&](const WebSocketReader::Message& message) {
                                seen.push_back(std::to_string(static_cast<int>(message.kind)) + text_of(message.body));
                              }));
    }
    EXPECT_THAT(seen, ElementsAre("2p", "0onetwo", "0" + std::string(128, 'x'), "3"));
  }
  for (const std::string& bad :
       {std::string("\xc2\0", 2), std::string("\x82\x81", 2), std::string("\x80\0", 2), std::string("\x8b\0", 2),
        std::string("\x09\0", 2), std::string("\x82\x7f\1\0\0\0\0\0\0\0", 10)}) {
    EXPECT_FALSE(WebSocketReader().push(bytes_of(bad), [](auto&) {}));
  }
}

TEST(LengthPrefixReader, RefusesALengthThatCannotBe) {
  EXPECT_FALSE(LengthPrefixReader().push(bytes_of("HTTP"), [](auto) {}));
  EXPECT_FALSE(LengthPrefixReader().push(bytes_of(std::string(4, '\0')), [](auto) {}));
}

// A camera on the network, on a port of its own: takes connections one after another and answers each by
// `answer(request)`, torn into small pieces; then keeps it open until the test ends, or closes it.
class FakePeer {
 public:
  enum class After { hold, close };
  using Answer = std::function<std::string(const std::string& request)>;

  FakePeer(Answer answer, After after, bool reads_request = true, size_t piece_bytes = 1111)
      : answer_(std::move(answer)), after_(after), reads_request_(reads_request), piece_bytes_(piece_bytes) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::listen(listener_.get(), 5);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakePeer() {
    stop_.raise();
    thread_.join();
  }
  std::string port() const { return std::to_string(port_); }

 private:
  bool readable(int fd) const {
    pollfd fds[2] = {{fd, POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    return ::poll(fds, 2, 20'000) > 0 && !fds[1].revents;
  }
  void serve() {
    while (readable(listener_.get())) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      while (reads_request_ && request.find("\r\n\r\n") == std::string::npos && readable(fd.get())) {
        char chunk[1000];
        const ssize_t got = ::recv(fd.get(), chunk, sizeof chunk, 0);
        if (got <= 0) break;
        request.append(chunk, static_cast<size_t>(got));
      }
      const std::string text = answer_(request);
      for (size_t at = 0; at < text.size(); at += piece_bytes_) {
        const size_t piece_bytes = std::min(piece_bytes_, text.size() - at);
        if (::send(fd.get(), text.data() + at, piece_bytes, MSG_NOSIGNAL) <= 0) break;
        std::this_thread::yield();
      }
      if (after_ == After::hold) held_.push_back(std::move(fd));
    }
  }

  const Answer answer_;
  const After after_;
  const bool reads_request_;
  const size_t piece_bytes_;
  StopSignal stop_ = *StopSignal::create();
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::vector<UniqueFd> held_;
  std::thread thread_;
};

class Running : public RunningCamera {
 public:
  explicit Running(const std::string& source) : RunningCamera(make_camera, request(source)) {}

 private:
  static CameraRequest request(const std::string& source) {
    CameraRequest request;
    request.source = *parse_source_uri(source);
    request.first_sequence = 5;
    return request;
  }
};

std::string part(const std::string& more_fields = "") {
  return "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg().size()) + "\r\n" +
         more_fields + "\r\n" + jpeg() + "\r\n";
}
const std::string ok_head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n";

TEST(StreamCamera, MjpegWithAnotherCamweavesMetadata) {
  const SystemClock clock;
  const auto captured = clock.wall_now() - 250ms;
  const std::string fields = fmt::format("X-Timestamp: {}.{:06}\r\nX-Exposure-Us: 12000\r\nX-Gain: 1.5\r\n",
                                         captured.count() / 1'000'000, captured.count() % 1'000'000);
  FakePeer peer([&](const std::string&) { return ok_head + "\r\n" + part(fields) + part() + part(); },
                FakePeer::After::hold);
  Running camera("http://127.0.0.1:" + peer.port() + "/cam.mjpg");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  EXPECT_EQ(camera.opened()->mode, (ipc::Mode{PixelFormat::jpeg, {64, 48}, 0}));
  ASSERT_TRUE(camera.sink().wait_for(3));
  EXPECT_TRUE(camera.finish());
  const auto frames = camera.sink().frames();
  EXPECT_EQ(frames[0].metadata, (FrameMetadata{.exposure_us = 12'000, .gain = 1.5f}));
  EXPECT_EQ(text_of(frames[2].bytes()), jpeg());
  EXPECT_EQ(frames[2].sequence, 7u);
  EXPECT_GE(frames[1].capture_time - frames[0].capture_time, 200ms);
}

TEST(StreamCamera, ChunkedBodiesAndTheEndOfTheStream) {
  const std::string body = part() + part();
  const std::string chunked = fmt::format("{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", 100, body.substr(0, 100),
                                          body.size() - 100, body.substr(100));
  FakePeer peer([&](const std::string&) { return ok_head + "Transfer-Encoding: chunked\r\n\r\n" + chunked; },
                FakePeer::After::close);
  Running camera("http://127.0.0.1:" + peer.port() + "/");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  const auto ended = camera.join();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::unavailable);
  EXPECT_EQ(ended.error().message, "127.0.0.1 port " + peer.port() + ": the camera ended its stream");
}

TEST(StreamCamera, LogsInWhereAskedAndSaysNoSecretWhereRefused) {
  FakePeer peer(
      [](const std::string& request) -> std::string {
        std::string challenge =
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nContent-Length: "
            "0\r\n\r\n";
        if (request.find("username=\"me\"") == std::string::npos || request.find("GET /refuse") == 0) return challenge;
        return ok_head + "\r\n" + part();
      },
      FakePeer::After::hold);
  const std::string host = "me:hunter2@127.0.0.1:" + peer.port();
  Running camera("http://" + host + "/");
  EXPECT_TRUE(camera.opened()) << camera.opened().error().message;
  Running refused("http://" + host + "/refuse?token=hunter2");
  ASSERT_FALSE(refused.opened());
  EXPECT_EQ(refused.opened().error().code, ErrorCode::permission_denied);
  EXPECT_THAT(refused.opened().error().message, HasSubstr("wrong user name or password"));
  EXPECT_THAT(refused.opened().error().message, Not(HasSubstr("hunter2")));
  Running nobody("http://127.0.0.1:" + peer.port() + "/");
  EXPECT_THAT(nobody.opened().error().message, HasSubstr("wants a user name and password"));
}

TEST(StreamCamera, FollowsARedirectAndNamesWhatIsNoStream) {
  FakePeer peer(
      [](const std::string& request) -> std::string {
        if (request.find("GET /old ") == 0) return "HTTP/1.1 302 Found\r\nLocation: /new\r\n\r\n";
        if (request.find("GET /loop ") == 0) return "HTTP/1.1 302 Found\r\nLocation: /loop\r\n\r\n";
        if (request.find("GET /new ") == 0) return ok_head + "\r\n" + part();
        if (request.find("GET /page ") == 0) return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>";
        if (request.find("GET /noise ") == 0) return "hello\r\n\r\n";
        return "HTTP/1.1 404 Not Found\r\n\r\n";
      },
      FakePeer::After::hold);
  const std::string base = "http://127.0.0.1:" + peer.port(), name = "127.0.0.1 port " + peer.port() + ": ";
  EXPECT_TRUE(Running(base + "/old").opened());
  EXPECT_EQ(Running(base + "/loop").opened().error().message, name + "answers 302 Found");
  EXPECT_EQ(Running(base + "/page").opened().error().message, name + "it is text/html and no MJPEG stream");
  EXPECT_EQ(Running(base + "/noise").opened().error().message, name + "the answer is no HTTP");
  EXPECT_EQ(Running(base + "/none").opened().error().message, name + "answers 404 Not Found");
  EXPECT_EQ(Running("tcp+jpeg://127.0.0.1:1").opened().error().message, "127.0.0.1 port 1: Connection refused");
}

TEST(StreamCamera, AStopEndsAWaitAtOnce) {
  FakePeer peer([](const std::string&) { return ok_head + "\r\n" + part(); }, FakePeer::After::hold);
  Running camera("http://127.0.0.1:" + peer.port() + "/");
  ASSERT_TRUE(camera.sink().wait_for(1));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(camera.finish());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s);  // without it: 10 s of patience
}

TEST(StreamCamera, LengthPrefixedJpegs) {
  const uint32_t length = htonl(static_cast<uint32_t>(jpeg().size()));
  const std::string prefixed = std::string(reinterpret_cast<const char*>(&length), 4) + jpeg();
  const std::string damaged = std::string("\0\0\0\x05hello", 9);
  FakePeer peer([&](const std::string&) { return prefixed + damaged + prefixed; }, FakePeer::After::hold,
                /*reads_request=*/false);
  Running camera("tcp+jpeg://127.0.0.1:" + peer.port());
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  ASSERT_TRUE(camera.sink().wait_for(1));
  EXPECT_TRUE(camera.finish());
  EXPECT_EQ(text_of(camera.sink().frames()[0].bytes()), jpeg());
}

// The handshake's answer, then camera 1 of four bundles, away in the last.
std::string bundles_after(const std::string& request) {
  const size_t at = request.find("Sec-WebSocket-Key: ") + 19;
  const std::string key = request.substr(at, request.find('\r', at) - at);
  const std::string command =
      "printf '%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11' '" + key + "' | openssl dgst -sha1 -binary | base64 -w0";
  FILE* pipe = ::popen(command.c_str(), "r");
  char accept[100] = "";
  [[maybe_unused]] const char* got = std::fgets(accept, sizeof accept, pipe);
  ::pclose(pipe);
  std::string answer = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                       std::string(accept) + "\r\n\r\n";
  for (const std::string& bundle :
       {bundle_of("x", jpeg()), bundle_of("x", "", 1), bundle_of("x", jpeg()), bundle_of("x", "", 2)}) {
    answer +=
        "\x82\x7e" + std::string{static_cast<char>(bundle.size() >> 8), static_cast<char>(bundle.size())} + bundle;
  }
  return answer;
}

class OtherServersCamera : public testing::TestWithParam<size_t> {};

TEST_P(OtherServersCamera, IsReadFromItsBundles) {
  FakePeer peer(bundles_after, FakePeer::After::hold, true, GetParam());
  Running camera("ws+bundle://127.0.0.1:" + peer.port() + "/1");
  ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
  const auto ended = camera.join();
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("camera 1 is away there"));
  ASSERT_FALSE(camera.sink().frames().empty());
  EXPECT_EQ(camera.sink().frames()[0].metadata.exposure_us, 20'000u);
  EXPECT_THAT(Running("ws+bundle://127.0.0.1:" + peer.port() + "/").opened().error().message,
              HasSubstr("camera's number"));
}

// The second: what comes behind the first picture, the end among it, comes in one read with it.
INSTANTIATE_TEST_SUITE_P(InPieces, OtherServersCamera, testing::Values(1111, 1'000'000));

// GStreamer's RTSP server, by Debian's own Python.
TEST(StreamCamera, RtspOfGStreamer) {
  const char* script =
      "import gi, signal\n"
      "signal.alarm(60)\n"  // its end, whatever becomes of the test
      "gi.require_version('Gst', '1.0')\n"
      "gi.require_version('GstRtspServer', '1.0')\n"
      "from gi.repository import Gst, GstRtspServer, GLib\n"
      "Gst.init(None)\n"
      "s = GstRtspServer.RTSPServer(); s.set_address('127.0.0.1'); s.set_service('0')\n"
      "for name, launch in (('h', 'x264enc tune=zerolatency key-int-max=30 ! rtph264pay name=pay0'), ('j', 'jpegenc ! "
      "rtpjpegpay name=pay0')):\n"
      "  f = GstRtspServer.RTSPMediaFactory(); f.set_shared(True)\n"
      "  f.set_launch('( videotestsrc is-live=1 ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! ' + "
      "launch + ' )')\n"
      "  s.get_mount_points().add_factory('/' + name, f)\n"
      "s.attach(None)\n"
      "print(s.get_bound_port(), flush=True)\n"
      "GLib.MainLoop().run()\n";
  const std::string path = testing::TempDir() + "rtsp_server.py";
  std::ofstream(path) << script;
  if (std::system("/usr/bin/python3 -c \"import gi; gi.require_version('GstRtspServer','1.0')\" 2>/dev/null") != 0) {
    GTEST_SKIP() << "gir1.2-gst-rtsp-server-1.0 is not installed";
  }
  FILE* server = ::popen(("/usr/bin/python3 " + path + " & echo $!; wait").c_str(), "r");
  int pid = 0, port = 0;
  ASSERT_EQ(std::fscanf(server, "%d %d", &pid, &port), 2);
  const std::string base = "rtsp://127.0.0.1:" + std::to_string(port);
  {
    Running camera(base + "/h");
    ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
    EXPECT_EQ(camera.opened()->mode.size, (Size{320, 240}));
    EXPECT_EQ(camera.opened()->mode.format, PixelFormat::h264);
    EXPECT_TRUE(camera.sink().wait_for(20));
    camera.sink().set_wanted(false);
    EXPECT_TRUE(camera.sink().wait_for(camera.sink().seen().size() + 10));
    EXPECT_TRUE(camera.finish());
    EXPECT_TRUE(camera.sink().seen().back().delivered) << "the chain is never broken";
    const auto frames = camera.sink().frames();
    EXPECT_TRUE(frames.at(0).keyframe);
    EXPECT_TRUE(std::ranges::none_of(frames, [](const Frame& frame) { return frame.bytes().empty(); }));
    const auto seen = camera.sink().seen();
    for (size_t i = 1; i < seen.size(); ++i) EXPECT_GE(seen[i].capture_time, seen[i - 1].capture_time);
  }
  {
    Running camera(base + "/j");
    ASSERT_TRUE(camera.opened()) << camera.opened().error().message;
    EXPECT_EQ(camera.opened()->mode.format, PixelFormat::jpeg);
    EXPECT_TRUE(camera.sink().wait_for(10));
  }
  Running missing("rtsp://me:hunter2@127.0.0.1:" + std::to_string(port) + "/none");
  EXPECT_EQ(missing.opened().error().code, ErrorCode::not_found);
  EXPECT_THAT(missing.opened().error().message, HasSubstr("rtsp://***@127.0.0.1"));
  ::kill(pid, SIGKILL);
  ::pclose(server);
}

}  // namespace
}  // namespace camweave::stream_driver
