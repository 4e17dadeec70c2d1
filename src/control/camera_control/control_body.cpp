#include "control/camera_control/control_body.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace camweave {
namespace {

using nlohmann::json;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

template <typename Number>
std::optional<Number> parse_whole_text(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

// Beyond what any camera takes the exact number doesn't matter: its limits refuse it.
int64_t saturated(double value) {
  constexpr double limit = 9.0e18;
  return static_cast<int64_t>(std::clamp(value, -limit, limit));
}

// One problem with one field, as pydantic and as an older client read it.
struct Wrong {
  const char* type;
  const char* message;
  const char* line;
};

constexpr Wrong no_bool{"bool_type", "Input should be a valid boolean", "must be true or false"};
constexpr Wrong bad_bool{"bool_parsing", "Input should be a valid boolean, unable to interpret input",
                         "must be true or false"};
constexpr Wrong no_whole{"int_type", "Input should be a valid integer", "must be a whole number"};
constexpr Wrong bad_whole{"int_parsing", "Input should be a valid integer, unable to parse string as an integer",
                          "must be a whole number"};
constexpr Wrong fraction{"int_from_float", "Input should be a valid integer, got a number with a fractional part",
                         "must be a whole number"};
constexpr Wrong no_number{"float_type", "Input should be a valid number", "must be a number"};
constexpr Wrong bad_number{"float_parsing", "Input should be a valid number, unable to parse string as a number",
                           "must be a number"};

// pydantic's lax mode: what a person would take for the type is taken. The value, or what is wrong with it.
const Wrong* read(const json& input, bool& value) {
  if (input.is_boolean()) {
    value = input.get<bool>();
    return nullptr;
  }
  if (input.is_number()) {
    const double number = input.get<double>();
    if (number != 0 && number != 1) return number == std::floor(number) ? &bad_bool : &no_bool;
    value = number == 1;
    return nullptr;
  }
  if (!input.is_string()) return &no_bool;
  std::string word = input.get<std::string>();
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array on{"1", "on", "t", "true", "y", "yes"};
  constexpr std::array off{"0", "off", "f", "false", "n", "no"};
  value = std::ranges::find(on, word) != on.end();
  return value || std::ranges::find(off, word) != off.end() ? nullptr : &bad_bool;
}

const Wrong* read(const json& input, int64_t& value) {
  if (input.is_boolean()) {
    value = input.get<bool>();
  } else if (input.is_number_unsigned()) {
    value = static_cast<int64_t>(std::min<uint64_t>(input.get<uint64_t>(), INT64_MAX));
  } else if (input.is_number_integer()) {
    value = input.get<int64_t>();
  } else if (input.is_number()) {
    if (input.get<double>() != std::floor(input.get<double>())) return &fraction;
    value = saturated(input.get<double>());
  } else if (input.is_string()) {
    std::string_view text = trimmed(input.get_ref<const std::string&>());
    if (const size_t point = text.find('.'); point != text.npos && point + 1 < text.size()) {
      if (text.find_first_not_of('0', point + 1) == text.npos) text = text.substr(0, point);
    }
    const auto whole = parse_whole_text<int64_t>(text);
    if (!whole) return &bad_whole;
    value = *whole;
  } else {
    return &no_whole;
  }
  return nullptr;
}

const Wrong* read(const json& input, double& value) {
  if (input.is_boolean()) {
    value = input.get<bool>() ? 1 : 0;
  } else if (input.is_number()) {
    value = input.get<double>();
  } else if (input.is_string()) {
    const auto number = parse_whole_text<double>(trimmed(input.get_ref<const std::string&>()));
    if (!number || !std::isfinite(*number)) return &bad_number;
    value = *number;
  } else {
    return &no_number;
  }
  return nullptr;
}

BodyProblem missing(json loc, json input, std::string line) {
  return {"missing", std::move(loc), "Field required", std::move(input), {}, std::move(line)};
}

// The body's object, or the one problem that it has.
json read_object(std::string_view body, std::vector<BodyProblem>& problems) {
  json document;
  if (trimmed(body).empty()) {
    problems.push_back(missing(json::array({"body"}), json(), "the body must be a JSON object"));
    return document;
  }
  try {
    document = json::parse(body);
  } catch (const json::exception& error) {
    const auto* parse_error = dynamic_cast<const json::parse_error*>(&error);
    const size_t at = parse_error && parse_error->byte > 0 ? parse_error->byte - 1 : 0;
    problems.push_back({"json_invalid", json::array({"body", at}), "JSON decode error", json::object(),
                        json{{"error", "this is no JSON"}}, "the body is no JSON"});
    return {};
  }
  if (document.is_null()) {
    problems.push_back(missing(json::array({"body"}), json(), "the body must be a JSON object"));
  } else if (!document.is_object()) {
    problems.push_back({"model_attributes_type",
                        json::array({"body"}),
                        "Input should be a valid dictionary or object to extract fields from",
                        document,
                        {},
                        "the body must be a JSON object"});
  }
  return document;
}

enum class Field { required, optional };

template <typename Value>
void read_field(const json& object, const char* name, Field field, Value& value, std::vector<BodyProblem>& problems) {
  const json loc = json::array({"body", name});
  const auto found = object.find(name);
  if (found == object.end()) {
    if (field == Field::required) problems.push_back(missing(loc, object, std::string(name) + " is missing"));
    return;
  }
  if (const Wrong* wrong = read(*found, value)) {
    problems.push_back({wrong->type, loc, wrong->message, *found, {}, std::string(name) + " " + wrong->line});
  }
}

}  // namespace

ControlBody<bool> parse_switch_body(std::string_view body) {
  ControlBody<bool> parsed{};
  const json object = read_object(body, parsed.problems);
  if (parsed.problems.empty()) read_field(object, "enabled", Field::required, parsed.values, parsed.problems);
  return parsed;
}

ControlBody<ManualExposure> parse_exposure_body(std::string_view body) {
  ControlBody<ManualExposure> parsed{};
  const json object = read_object(body, parsed.problems);
  if (!parsed.problems.empty()) return parsed;
  read_field(object, "exposure_us", Field::required, parsed.values.exposure_us, parsed.problems);
  double gain = 1;
  read_field(object, "gain", Field::optional, gain, parsed.problems);
  if (object.contains("gain")) parsed.values.gain = gain;
  return parsed;
}

json fastapi_detail(const std::vector<BodyProblem>& problems) {
  json list = json::array();
  for (const BodyProblem& problem : problems) {
    json item{{"type", problem.type}, {"loc", problem.loc}, {"msg", problem.message}, {"input", problem.input}};
    if (!problem.context.is_null()) item["ctx"] = problem.context;
    list.push_back(std::move(item));
  }
  return {{"detail", std::move(list)}};
}

}  // namespace camweave
