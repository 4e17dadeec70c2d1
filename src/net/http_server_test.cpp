// The HTTP server over real sockets: what well-behaved and ill-behaved clients see.
#include "net/http_server.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/fake_clock.h"
#include "net/sse.h"
#include "net/test_client.h"

namespace camweave {
namespace {

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router_.add(HttpMethod::get, "/hello",
                [](const auto& exchange) { exchange->respond(text_response(200, "hello")); });
    router_.add(HttpMethod::post, "/echo",
                [](const auto& exchange) { exchange->respond(text_response(200, exchange->request().body)); },
                {.max_body_bytes = 1000});
    router_.add(HttpMethod::get, "/later", [this](const auto& exchange) {
      workers_.emplace_back([exchange] { exchange->respond(text_response(200, "later")); });
    });
    router_.add(HttpMethod::get, "/forgets", [](const auto&) {});
    router_.add(HttpMethod::get, "/throws", [](const auto&) { throw std::runtime_error("oops"); });
    router_.add(HttpMethod::get, "/big", [this](const auto& exchange) {
      HttpResponse response;
      response.shared_body = std::as_bytes(std::span(big_));
      exchange->respond(std::move(response));
    });
    router_.add(HttpMethod::get, "/events", [this](const auto& exchange) {
      events_ = EventStream::start(exchange);
      ++event_streams_;
    });
    router_.websocket("/ws", [](const auto& exchange) { exchange->respond(detail_response(503, "later")); });
    start({});
  }
  void start(HttpLimits limits, Access access = Access()) {
    server_.reset();
    loops_.reset();
    loops_ = *IoLoops::start(clock_, 2);
    server_ = std::make_unique<HttpServer>(*loops_, router_, std::move(access), log_, limits);
    auto bound = server_->listen(*parse_listen_address("127.0.0.1:0"));
    ASSERT_TRUE(bound.ok());
    port_ = bound->port;
  }
  void TearDown() override {
    for (auto& worker : workers_) worker.join();
    server_.reset();
    events_.reset();
    loops_.reset();
  }
  uint64_t count(NetCounter counter) { return loops_->read(counter); }
  bool all_closed() {
    return eventually([&] { return count(NetCounter::connections_accepted) == count(NetCounter::connections_closed); });
  }

  FakeClock clock_;
  Log log_{clock_, LogLevel::error, [](const LogLine&) {}};
  Router router_;
  std::vector<std::thread> workers_;
  std::string big_ = std::string(8 << 20, 'b');
  std::shared_ptr<EventStream> events_;
  std::atomic<int> event_streams_ = 0;
  std::unique_ptr<IoLoops> loops_;
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  TestClient client(port_);
  for (int i = 0; i < 3; ++i) {
    const std::string answer = client.get("/hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nhello")) << answer;
  }
  EXPECT_EQ(count(NetCounter::connections_accepted), 1u);
}

TEST_F(HttpServerTest, HeadIsGetWithoutItsBody) {
  TestClient client(port_);
  const std::string answer = client.exchange("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  EXPECT_TRUE(client.get("/hello").ends_with("hello"));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  TestClient client(port_);
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n" + std::to_string(1000 + i);
    if (i % 10 == 0) requests += "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  ASSERT_TRUE(client.send(requests));
  ASSERT_TRUE(client.read_until("\r\n\r\n1099"));
  size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = client.received().find("\r\n\r\n" + std::to_string(1000 + i), at);
    ASSERT_NE(at, std::string::npos) << i;
    if (i % 10 == 0) at = client.received().find("\r\n\r\nlater", at);
  }
}

TEST_F(HttpServerTest, RequestsMayComeByteByByte) {
  TestClient client(port_);
  const std::string request =
      "\r\nPOST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const char byte : request) ASSERT_TRUE(client.send({&byte, 1}));
  EXPECT_TRUE(client.read_until("\r\n\r\nabcde"));
}

TEST_F(HttpServerTest, Http10ClosesAfterTheAnswer) {
  TestClient client(port_);
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.read_to_end());
  EXPECT_TRUE(client.received().ends_with("hello"));
}

TEST_F(HttpServerTest, AnAnswerLargerThanTheSocketComesWhole) {
  TestClient client(port_, 4096);
  const std::string answer = client.get("/big");
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, big_.size());
}

TEST_F(HttpServerTest, HandlersThatForgetOrThrowAnswer500) {
  TestClient client(port_);
  EXPECT_TRUE(client.get("/forgets").starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(client.get("/throws").starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(client.get("/hello").ends_with("hello"));
}

TEST_F(HttpServerTest, UnknownPathsAndMethodsAreNamed) {
  TestClient client(port_);
  EXPECT_TRUE(client.get("/nowhere").starts_with("HTTP/1.1 404"));
  const std::string wrong = client.exchange("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(wrong.starts_with("HTTP/1.1 405"));
  EXPECT_NE(wrong.find("Allow: GET, HEAD, OPTIONS\r\n"), std::string::npos);
  EXPECT_NE(wrong.find("{\"detail\":"), std::string::npos);
  const std::string options = client.exchange("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(options.find("Allow: POST, OPTIONS\r\n"), std::string::npos);
  EXPECT_TRUE(client.get("/ws").starts_with("HTTP/1.1 426"));
}

TEST_F(HttpServerTest, ABodyOverTheRoutesLimitIsRefusedBeforeItIsRead) {
  TestClient client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n");
  EXPECT_TRUE(client.read_to_end());
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, AChunkedBodyOverTheLimitIsRefused) {
  TestClient client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) client.send("64\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_TRUE(client.read_until("\r\n\r\n"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, AnEndlessChunkExtensionIsRefused) {
  TestClient client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;");
  for (int i = 0; i < 100 && client.send(std::string(1000, 'x')); ++i) {
  }
  EXPECT_TRUE(client.read_until("\r\n\r\n"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 400"));
}

struct Bad {
  const char* name;
  std::string request;
  int status;
};

TEST_F(HttpServerTest, BadRequestsAreRefusedWithTheRightStatus) {
  const std::string host = " HTTP/1.1\r\nHost: localhost\r\n";
  const std::vector<Bad> cases{
      {"head too large", "GET /hello" + host + "X: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
      {"many headers",
       "GET /hello" + host +
           [] {
             std::string all;
             for (int i = 0; i < 3000; ++i) all += "A: b\r\n";
             return all;
           }() +
           "\r\n",
       431},
      {"URL too long", "GET /" + std::string(9'000, 'x') + host + "\r\n", 414},
      {"URL without end", "GET /" + std::string(30'000, 'x'), 414},
      {"bad escape", "GET /%zz" + host + "\r\n", 400},
      {"cut escape", "GET /a%4" + host + "\r\n", 400},
      {"encoded NUL", "GET /a%00b" + host + "\r\n", 400},
      {"bad escape in the query", "GET /hello?a=%q1" + host + "\r\n", 400},
      {"dot segments", "GET /../etc/passwd" + host + "\r\n", 400},
      {"encoded dot segments", "GET /%2e%2e/etc/passwd" + host + "\r\n", 400},
      {"no host", "GET /hello HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /hello" + host + "Host: other\r\n\r\n", 400},
      {"two lengths", "POST /echo" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"length and chunks", "POST /echo" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"negative length", "POST /echo" + host + "Content-Length: -1\r\n\r\n", 400},
      {"bad chunk", "POST /echo" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9), 400},
      {"no HTTP", "hello there\r\n\r\n", 400},
      {"unknown method", "BREW /pot" + host + "\r\n", 501},
      {"a name with a space", "GET /hello" + host + "Bad Name: 1\r\n\r\n", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
  };
  for (const Bad& bad : cases) {
    TestClient client(port_);
    client.send(bad.request);
    EXPECT_TRUE(client.read_until("\r\n\r\n")) << bad.name;
    EXPECT_TRUE(client.received().starts_with("HTTP/1.1 " + std::to_string(bad.status)))
        << bad.name << ": " << client.received();
    EXPECT_NE(client.received().find("{\"detail\":"), std::string::npos) << bad.name;
  }
  TestClient after(port_);
  EXPECT_TRUE(after.get("/hello").ends_with("hello"));
  EXPECT_GT(count(NetCounter::requests_refused_malformed), 0u);
  EXPECT_GT(count(NetCounter::requests_refused_too_large), 0u);
}

TEST_F(HttpServerTest, ASlowHeadIsRefusedAfterItsDeadlineHoweverBusyItLooks) {
  TestClient client(port_);
  client.send("GET /hello HTTP/1.1\r\n");
  for (int i = 0; i < 4; ++i) {
    clock_.advance(std::chrono::seconds(2));
    client.send("X-" + std::to_string(i) + ": 1\r\n");
  }
  EXPECT_EQ(count(NetCounter::requests_timed_out), 0u);
  // The deadline runs from when the server saw the first byte.
  ASSERT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(3));
    return count(NetCounter::requests_timed_out) == 1;
  }));
  EXPECT_TRUE(client.read_until("\r\n\r\n"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 408"));
}

TEST_F(HttpServerTest, AThousandSilentConnectionsAreClosedAndTheServerServes) {
  std::vector<std::unique_ptr<TestClient>> silent;
  for (int i = 0; i < 1000; ++i) silent.push_back(std::make_unique<TestClient>(port_));
  ASSERT_TRUE(eventually([&] { return count(NetCounter::connections_accepted) >= 1000; }));
  TestClient client(port_);
  EXPECT_TRUE(client.get("/hello").ends_with("hello"));
  ASSERT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(31));
    return count(NetCounter::idle_connections_closed) >= 1000;
  }));
  EXPECT_TRUE(silent.front()->read_to_end());
}

TEST_F(HttpServerTest, ConnectionsOverTheLimitAreToldSo) {
  start({.max_connections = 3});
  TestClient a(port_), b(port_), c(port_), d(port_);
  EXPECT_TRUE(d.read_to_end());
  EXPECT_TRUE(d.received().starts_with("HTTP/1.1 503"));
  EXPECT_EQ(count(NetCounter::connections_refused_limit), 1u);
  a.close();
  ASSERT_TRUE(eventually([&] { return TestClient(port_).get("/hello").ends_with("hello"); }));
}

TEST_F(HttpServerTest, ConnectionsOfOneAddressAreLimited) {
  start({.max_connections_per_address = 2});
  TestClient a(port_), b(port_), c(port_);
  EXPECT_TRUE(c.read_to_end());
  EXPECT_TRUE(c.received().starts_with("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, AClientThatStopsReadingAnAnswerIsCutOff) {
  TestClient client(port_, 4096);
  client.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.read_bytes(1));
  ASSERT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(5));
    return count(NetCounter::slow_clients_cut) == 1;
  }));
  EXPECT_TRUE(client.read_to_end());
}

TEST_F(HttpServerTest, ExpectContinueIsAnsweredWhenTheBodyIsWelcome) {
  TestClient client(port_);
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  ASSERT_TRUE(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("ok");
  EXPECT_TRUE(client.read_until("\r\n\r\nok"));
}

TEST_F(HttpServerTest, AForeignHostIsRefused) {
  TestClient client(port_);
  EXPECT_TRUE(client.exchange("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 403"));
  EXPECT_EQ(count(NetCounter::requests_refused_access), 1u);
}

TEST_F(HttpServerTest, AccessCanBeReplacedWhileServing) {
  server_->set_access(Access({.allowed_hosts = {"front.example"}}));
  TestClient client(port_);
  EXPECT_TRUE(client.exchange("GET /hello HTTP/1.1\r\nHost: front.example\r\n\r\n").ends_with("hello"));
}

TEST_F(HttpServerTest, APortInUseNamesTheCure) {
  auto second = server_->listen({*IpAddress::parse("127.0.0.1"), port_, false});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(port_) + ": the port is in use"),
            std::string::npos);
}

TEST_F(HttpServerTest, NoConnectionsAreAcceptedAfterTheEnd) {
  server_.reset();
  EXPECT_TRUE(eventually([&] { return !TestClient(port_).is_connected(); }));
}

TEST_F(HttpServerTest, EventsReachTheClientAndOverflowsCutIt) {
  TestClient client(port_);
  client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.read_until("text/event-stream"));
  ASSERT_TRUE(eventually([&] { return event_streams_ == 1; }));
  EXPECT_TRUE(events_->send("camera", "{\"a\":1}\nsecond"));
  EXPECT_TRUE(client.read_until("event: camera\ndata: {\"a\":1}\ndata: second\n\n"));
  const std::string large(100'000, 'x');
  bool refused = false;
  for (int i = 0; i < 200 && !refused; ++i) refused = !events_->send("large", large);
  EXPECT_TRUE(refused);
  EXPECT_TRUE(eventually([&] { return !events_->is_open(); }));
  EXPECT_EQ(count(NetCounter::sse_overflows), 1u);
}

TEST_F(HttpServerTest, AQuietEventStreamIsKeptAliveByComments) {
  TestClient client(port_);
  client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  EXPECT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(1));
    return client.has(": still here\n\n");
  }));
  client.close();
  EXPECT_TRUE(all_closed());
}

TEST_F(HttpServerTest, ClientsThatVanishLeaveNothing) {
  for (int i = 0; i < 200; ++i) {
    TestClient client(port_);
    client.send(i % 2 ? "GET /hello HTTP/1.1\r\nHost: loc" : "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.reset_connection();
  }
  EXPECT_TRUE(all_closed());
}

}  // namespace
}  // namespace camweave
