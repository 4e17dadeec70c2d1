#include "sink/rendition_query.h"

#include <charconv>
#include <cmath>

namespace camweave {
namespace {

constexpr int most_fps = 1000;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Error bad(std::string_view name, std::string_view rule) {
  return {ErrorCode::invalid_argument, std::string(name) + " must be " + std::string(rule)};
}

Result<void> read_size(std::string_view text, Rendition& into) {
  auto size = parse_size(text);
  if (!size) return bad("size", "WIDTHxHEIGHT, as 640x480, each from 1 to " + std::to_string(max_dimension));
  into.size = *size;
  return {};
}

Result<void> read_fps(std::string_view text, Rendition& into) {
  const auto fps = parse_number<double>(text);
  if (!fps || !std::isfinite(*fps) || *fps < 0.001 || *fps > most_fps) return bad("fps", "a number from 0.001 to 1000");
  into.fps_milli = static_cast<int>(std::lround(*fps * 1000));
  return {};
}

Result<void> read_quality(std::string_view text, Rendition& into) {
  const auto quality = parse_number<int>(text);
  if (!quality || *quality < 1 || *quality > 100) return bad("quality", "a whole number from 1 to 100");
  into.quality = *quality;
  return {};
}

Result<void> read_rotation(std::string_view text, Rendition& into) {
  const auto degrees = parse_number<int>(text);
  if (!degrees || *degrees < 0 || *degrees > 270 || *degrees % 90 != 0) return bad("rotate", "0, 90, 180 or 270");
  into.rotation = *degrees;
  return {};
}

struct Parameter {
  const char* name;
  Result<void> (*read)(std::string_view text, Rendition& into);
};
constexpr Parameter parameters[] = {
    {"size", read_size}, {"fps", read_fps}, {"quality", read_quality}, {"rotate", read_rotation}};

}  // namespace

Result<Rendition> parse_rendition_query(const HttpRequest& request) {
  Rendition rendition;
  for (const Parameter& parameter : parameters) {
    const auto text = request.query_value(parameter.name);
    if (!text) continue;
    if (auto read = parameter.read(*text, rendition); !read) return read.error();
  }
  return rendition;
}

HttpResponse rendition_refusal(const Error& error) {
  return error.code == ErrorCode::invalid_argument ? detail_response(422, error.message) : error_response(error);
}

}  // namespace camweave
