// See rtsp_load.h.
#include "rtsp_load.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace bench {
namespace {

constexpr uint64_t kIsRtp = uint64_t{1} << 32;

std::chrono::nanoseconds seconds(double value) { return nanoseconds(static_cast<int64_t>(value * 1e9)); }

std::string milliseconds_json(int64_t us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(us) / 1e3);
  return text;
}

}  // namespace

RtspLoad::RtspLoad(const Options& options, std::function<void(const char*)> say)
    : options_(options), say_(std::move(say)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (uint32_t i = 0; i < options.clients; ++i) {
    const std::string& path = options.paths[i % options.paths.size()];
    const std::string url = "rtsp://" + options.host + ":" + std::to_string(options.port) + path;
    readers_.push_back(std::make_unique<RtspReader>(options_, counts_, url));
  }
  connected_.assign(options.clients, false);
  watches_rtp_.assign(options.clients, false);
  started_.assign(options.clients, false);
}

void RtspLoad::run() {
  const auto all_started = [this] { return opened_ == options_.clients && starting_ == 0; };
  turn_until(Monotonic::now() + seconds(options_.connect_timeout_s), all_started);
  if (!all_started()) ++faults_["not every reader had its first frame in time"];
  const auto never = [] { return false; };
  turn_until(Monotonic::now() + seconds(options_.warmup_s), never);
  say_("ready");
  counts_.in_window = true;
  counts_.lost = 0;
  turn_until(Monotonic::now() + seconds(options_.seconds), never);
  counts_.in_window = false;
  say_("done");
}

void RtspLoad::turn_until(Monotonic::time_point deadline, const std::function<bool()>& done) {
  std::array<epoll_event, 256> events;
  while (!done() && Monotonic::now() < deadline) {
    open_more();
    const auto left = std::max(nanoseconds(0), std::chrono::duration_cast<nanoseconds>(deadline - Monotonic::now()));
    const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000),
                           static_cast<long>(left.count() % 1'000'000'000)};
    const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i)
      on_event(events[static_cast<size_t>(i)].data.u64, events[static_cast<size_t>(i)].events);
  }
}

void RtspLoad::watch(int fd, uint64_t key, uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  epoll_ctl(epoll_.get(), operation, fd, &event);
}

void RtspLoad::open_more() {
  while (opened_ < options_.clients && starting_ < options_.most_starting) {
    const uint32_t index = opened_++;
    if (!readers_[index]->open(Monotonic::now())) {
      ++faults_["can't connect"];
      continue;
    }
    ++starting_;
    watch(readers_[index]->control_fd(), index, EPOLLOUT, EPOLL_CTL_ADD);
  }
}

void RtspLoad::on_event(uint64_t key, uint32_t events) {
  const auto index = static_cast<size_t>(key & (kIsRtp - 1));
  RtspReader& reader = *readers_[index];
  if (reader.control_fd() < 0) return;
  auto outcome = RtspReader::Outcome::Wait;
  if ((key & kIsRtp) != 0) {
    reader.on_rtp_readable(Monotonic::now());
  } else if (connected_[index]) {
    outcome = reader.on_control_readable(Monotonic::now());
  } else if ((events & EPOLLOUT) != 0) {
    connected_[index] = true;
    watch(reader.control_fd(), key, EPOLLIN, EPOLL_CTL_MOD);
    outcome = reader.on_connected();
  }
  if (reader.rtp_fd() >= 0 && !watches_rtp_[index]) {
    watches_rtp_[index] = true;
    watch(reader.rtp_fd(), index | kIsRtp, EPOLLIN, EPOLL_CTL_ADD);
  }
  const bool closed = outcome == RtspReader::Outcome::Closed;
  if (closed) ++faults_[reader.fault()];
  if (!started_[index] && (closed || reader.has_frame())) {
    started_[index] = true;
    --starting_;
  }
}

std::string RtspLoad::to_json() const {
  std::vector<int64_t> first;
  for (const auto& reader : readers_) {
    if (reader->first_frame_us()) first.push_back(*reader->first_frame_us());
  }
  std::sort(first.begin(), first.end());
  char fps[32];
  std::snprintf(fps, sizeof fps, "%.2f", static_cast<double>(counts_.frames) / options_.seconds / options_.clients);
  std::string json = "{\"frames\":" + std::to_string(counts_.frames) + ",\"bytes\":" + std::to_string(counts_.bytes) +
                     ",\"torn\":0,\"wrong\":0,\"rtp_packets\":" + std::to_string(counts_.packets) +
                     ",\"rtp_lost\":" + std::to_string(counts_.lost) +
                     ",\"fast\":{\"clients\":" + std::to_string(options_.clients) + ",\"fps\":" + fps + "}";
  if (!first.empty()) {
    json += ",\"first_frame_ms\":{\"p50\":" + milliseconds_json(first[first.size() / 2]) +
            ",\"max\":" + milliseconds_json(first.back()) + "}";
  }
  json += ",\"faults\":{";
  for (const auto& [words, count] : faults_) json += "\"" + words + "\":" + std::to_string(count) + ",";
  if (!faults_.empty()) json.pop_back();
  return json + "}}";
}

}  // namespace bench
