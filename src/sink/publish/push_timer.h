// A push's one timer. Private to this folder.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "sink/publish/push.h"

namespace camweave {

struct Push::Timer {
  explicit Timer(IoLoop& loop) : timer(loop.context()) {}
  boost::asio::steady_timer timer;
};

}  // namespace camweave
