// The bodies of the camera-control requests (interfaces section 6), read as FastAPI and pydantic read them, and their
// problems in both forms: FastAPI's list, and one line for the older clients. Pure; fuzzed.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace camweave {

// Larger ones are refused before they get here: what a body holds is said back in a problem.
inline constexpr size_t max_control_body_bytes = 4096;

struct BodyProblem {
  std::string type;        // pydantic's word: "missing", "int_parsing", "bool_type", …
  nlohmann::json loc;      // ["body", "exposure_us"]
  std::string message;     // pydantic's
  nlohmann::json input;    // what was there; the whole body where the field is missing
  nlohmann::json context;  // null: none
  std::string line;        // "exposure_us must be a whole number"
};

template <typename Values>
struct ControlBody {
  Values values;
  std::vector<BodyProblem> problems;  // not empty: `values` means nothing
};

struct ManualExposure {
  int64_t exposure_us = 0;
  std::optional<double> gain;
};

// {"enabled":…}
ControlBody<bool> parse_switch_body(std::string_view body);
// {"exposure_us":…,"gain":…}; ranges are not looked at.
ControlBody<ManualExposure> parse_exposure_body(std::string_view body);

// {"detail":[{"type","loc","msg","input"},…]}
nlohmann::json fastapi_detail(const std::vector<BodyProblem>& problems);

}  // namespace camweave
