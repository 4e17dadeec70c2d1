// See operation.h.
#include "operation.h"

#include <ctime>

#include "../common/clock.h"

namespace bench {
namespace {

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

double time_per_call(double seconds, const std::function<void(size_t)>& work) {
  work(0);
  const auto end = Monotonic::now() + nanoseconds(static_cast<int64_t>(seconds * 1e9));
  const double began = thread_cpu_s();
  size_t calls = 0;
  while (Monotonic::now() < end) work(calls++);
  return 1e3 * (thread_cpu_s() - began) / static_cast<double>(calls);
}

}  // namespace bench
