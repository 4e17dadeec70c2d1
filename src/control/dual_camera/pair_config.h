// PairConfig: the dual-camera page's settings and the requests that change them (interfaces section 4). Plain values;
// the parsers are pure.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "media/video_format.h"

namespace camweave {

struct PairConfig {
  struct Camera {
    int order = 1;
    int rotation_degrees = 0;
    bool operator==(const Camera&) const = default;
  };
  int gap_px = 76;
  std::array<Camera, 2> cameras{{{1, 0}, {2, 0}}};  // cam0 and cam1: the first two cameras, whatever their ids
  Size resolution{640, 480};
  int quality = 80;
  int fps = 30;
  bool operator==(const PairConfig&) const = default;
};

// In the order that the old server wrote it.
nlohmann::ordered_json to_json(const PairConfig& config);

// What every stream of the page is made as. Order, gap and rotation are the page's own business.
Rendition rendition_of(const PairConfig& config);

// A refused request: `problems` (422: missing or wrongly typed fields), or `out_of_range` (400).
struct PairConfigRefusal {
  struct Problem {
    std::vector<std::string> loc;  // without "body"
    std::string message;
    std::string type;  // FastAPI's word: "missing", "int_parsing", …
  };
  std::vector<Problem> problems;
  std::string out_of_range;
};
struct PairConfigRequest {
  PairConfig config;
  PairConfigRefusal refusal;
  bool ok() const { return refusal.problems.empty() && refusal.out_of_range.empty(); }
};

// By Content-Type: multipart/form-data, application/x-www-form-urlencoded, or else JSON in the shape of to_json().
PairConfigRequest parse_pair_config(std::string_view content_type, std::string_view body);

}  // namespace camweave
