#include "net/net_counters.h"

namespace camweave {

const char* to_string(NetCounter counter) {
  switch (counter) {
    case NetCounter::connections_accepted:
      return "connections_accepted";
    case NetCounter::connections_closed:
      return "connections_closed";
    case NetCounter::connections_refused_limit:
      return "connections_refused_limit";
    case NetCounter::accept_paused_out_of_files:
      return "accept_paused_out_of_files";
    case NetCounter::requests:
      return "requests";
    case NetCounter::requests_refused_malformed:
      return "requests_refused_malformed";
    case NetCounter::requests_refused_too_large:
      return "requests_refused_too_large";
    case NetCounter::requests_refused_access:
      return "requests_refused_access";
    case NetCounter::requests_refused_unknown:
      return "requests_refused_unknown";
    case NetCounter::requests_timed_out:
      return "requests_timed_out";
    case NetCounter::idle_connections_closed:
      return "idle_connections_closed";
    case NetCounter::websocket_protocol_errors:
      return "websocket_protocol_errors";
    case NetCounter::websocket_floods:
      return "websocket_floods";
    case NetCounter::frames_sent:
      return "frames_sent";
    case NetCounter::frames_dropped_slow_client:
      return "frames_dropped_slow_client";
    case NetCounter::frames_dropped_memory:
      return "frames_dropped_memory";
    case NetCounter::bytes_sent:
      return "bytes_sent";
    case NetCounter::send_calls:
      return "send_calls";
    case NetCounter::slow_clients_cut:
      return "slow_clients_cut";
    case NetCounter::sse_overflows:
      return "sse_overflows";
    case NetCounter::count_of_counters:
      break;
  }
  return "";
}

}  // namespace camweave
