// What the network side counts, for /metrics: every refusal, drop and cut-off has a counter. One block for each I/O
// loop, so that loops don't share cache lines; add() and read() are thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace camweave {

enum class NetCounter : unsigned {
  connections_accepted,
  connections_closed,
  connections_refused_limit,   // too many at once, on the listener or from one address
  accept_paused_out_of_files,  // the process is out of file descriptors
  requests,
  requests_refused_malformed,  // 400
  requests_refused_too_large,  // 413, 414, 431
  requests_refused_access,     // 401, 403
  requests_refused_unknown,    // 404, 405
  requests_timed_out,          // 408: the head or body did not come in time
  idle_connections_closed,
  websocket_protocol_errors,
  websocket_floods,  // too many pings or control frames
  frames_sent,
  frames_dropped_slow_client,  // passed over because a newer one was there
  frames_dropped_memory,       // packet memory was short
  bytes_sent,
  send_calls,        // sendfile and splice calls for frames
  slow_clients_cut,  // 10 s without progress
  sse_overflows,
  count_of_counters,
};
inline constexpr size_t net_counter_count = static_cast<size_t>(NetCounter::count_of_counters);

// Snake case, as in /metrics.
const char* to_string(NetCounter counter);

class NetCounters {
 public:
  void add(NetCounter counter, uint64_t by = 1) {
    values_[static_cast<size_t>(counter)].fetch_add(by, std::memory_order_relaxed);
  }
  uint64_t read(NetCounter counter) const {
    return values_[static_cast<size_t>(counter)].load(std::memory_order_relaxed);
  }

 private:
  alignas(64) std::array<std::atomic<uint64_t>, net_counter_count> values_{};
};

}  // namespace camweave
