#include "capture/libcamera/request_pacer.h"

#include <algorithm>

namespace camweave::libcam {
namespace {

using namespace std::chrono_literals;

constexpr auto window = 500ms;
constexpr double most_above = 1.3;  // a camera that keeps a rate keeps it by a few per cent

}  // namespace

void RequestPacer::note_completed(Timestamp now) {
  if (interval_ <= 0ns || holding_back_) return;
  if (completed_in_window_ == 0) window_start_ = now;
  ++completed_in_window_;
  const auto span = now - window_start_;
  if (span < window) return;
  const double allowed = most_above * static_cast<double>(span.count()) / static_cast<double>(interval_.count());
  // A few more than that: what had queued up comes in a burst when a busy machine gets to it.
  holding_back_ = completed_in_window_ - 1 > allowed + 4;
  completed_in_window_ = 0;
  due_ = now;
}

void RequestPacer::note_queued(Timestamp now) {
  if (holding_back_) due_ = std::max(due_ + interval_, now);
}

}  // namespace camweave::libcam
