// One timed JPEG operation and what it works on.
#pragma once

#include <array>
#include <functional>
#include <string_view>
#include <vector>

#include "yuv_picture.h"

namespace bench {

// The same pictures in every form that an operation may start from.
struct Inputs {
  std::vector<std::vector<unsigned char>> jpegs;
  std::vector<I420Picture> planes;
  std::vector<std::vector<unsigned char>> yuyv;
};

struct Operation {
  std::string_view name;
  // CPU milliseconds per frame; 0 when it failed.
  double (*run)(const Inputs&, double seconds);
};

// CPU milliseconds of this thread per call of work(i), after one call to warm up.
double time_per_call(double seconds, const std::function<void(size_t)>& work);

// Camweave's own encoder, in builds that have it.
std::array<Operation, 2> camweave_operations();

}  // namespace bench
