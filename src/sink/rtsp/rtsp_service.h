// RtspService: what all sessions of one RTSP server share and keep alive. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "net/rtsp/authentication.h"
#include "sink/rtp/rtsp_source.h"
#include "sink/rtsp/udp_transport.h"
#include "stream/cameras.h"
#include "stream/gop_cache.h"

namespace camweave {

struct RtspService {
  RtspService(Cameras& cameras, std::shared_ptr<RtspSources> sources, GopCache gop_cache,
              std::shared_ptr<UdpTransport> udp)
      : cameras(cameras), sources(std::move(sources)), gop_cache(gop_cache), udp(std::move(udp)) {}

  void set_password(std::string password) {
    MutexLock lock(mutex_);
    authenticator_ = std::make_shared<const rtsp::Authenticator>(std::move(password));
  }
  std::shared_ptr<const rtsp::Authenticator> authenticator() const {
    MutexLock lock(mutex_);
    return authenticator_;
  }

  Cameras& cameras;
  const std::shared_ptr<RtspSources> sources;
  const GopCache gop_cache;
  const std::shared_ptr<UdpTransport> udp;  // null: UDP is off

  std::atomic<uint64_t> sessions{0};
  std::atomic<uint64_t> playing{0};
  std::atomic<uint64_t> frames_dropped{0};  // not sent to a reader that was behind
  std::atomic<uint64_t> refused_requests{0};
  std::atomic<uint64_t> readers_timed_out{0};
  std::atomic<uint64_t> readers_unreachable{0};  // UDP ports that nobody listens on

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const rtsp::Authenticator> authenticator_ GUARDED_BY(mutex_) =
      std::make_shared<rtsp::Authenticator>("");
};

}  // namespace camweave
