#include "net/http_message.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace camweave {
namespace {

struct MethodName {
  HttpMethod method;
  const char* name;
};
constexpr std::array<MethodName, 7> method_names{{{HttpMethod::get, "GET"},
                                                  {HttpMethod::head, "HEAD"},
                                                  {HttpMethod::post, "POST"},
                                                  {HttpMethod::put, "PUT"},
                                                  {HttpMethod::patch, "PATCH"},
                                                  {HttpMethod::delete_, "DELETE"},
                                                  {HttpMethod::options, "OPTIONS"}}};

struct Reason {
  int status;
  const char* text;
};
constexpr std::array reasons{Reason{100, "Continue"},
                             Reason{101, "Switching Protocols"},
                             Reason{200, "OK"},
                             Reason{201, "Created"},
                             Reason{202, "Accepted"},
                             Reason{204, "No Content"},
                             Reason{206, "Partial Content"},
                             Reason{301, "Moved Permanently"},
                             Reason{302, "Found"},
                             Reason{303, "See Other"},
                             Reason{304, "Not Modified"},
                             Reason{307, "Temporary Redirect"},
                             Reason{308, "Permanent Redirect"},
                             Reason{400, "Bad Request"},
                             Reason{401, "Unauthorized"},
                             Reason{403, "Forbidden"},
                             Reason{404, "Not Found"},
                             Reason{405, "Method Not Allowed"},
                             Reason{406, "Not Acceptable"},
                             Reason{408, "Request Timeout"},
                             Reason{409, "Conflict"},
                             Reason{411, "Length Required"},
                             Reason{412, "Precondition Failed"},
                             Reason{413, "Content Too Large"},
                             Reason{414, "URI Too Long"},
                             Reason{415, "Unsupported Media Type"},
                             Reason{416, "Range Not Satisfiable"},
                             Reason{417, "Expectation Failed"},
                             Reason{422, "Unprocessable Content"},
                             Reason{426, "Upgrade Required"},
                             Reason{429, "Too Many Requests"},
                             Reason{431, "Request Header Fields Too Large"},
                             Reason{500, "Internal Server Error"},
                             Reason{501, "Not Implemented"},
                             Reason{502, "Bad Gateway"},
                             Reason{503, "Service Unavailable"},
                             Reason{504, "Gateway Timeout"},
                             Reason{505, "HTTP Version Not Supported"}};

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_in_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum class Plus { is_plus, is_space };

Result<std::string> decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Error{ErrorCode::invalid_argument, "a bad %-escape in the URL"};
      if (high == 0 && low == 0) return Error{ErrorCode::invalid_argument, "an encoded NUL in the URL"};
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

Result<void> parse_path(std::string_view raw, HttpRequest& into) {
  into.path.clear();
  into.segments.clear();
  for (size_t at = 0; at < raw.size();) {
    const size_t end = std::min(raw.find('/', at + 1), raw.size());
    auto segment = decode(raw.substr(at + 1, end - at - 1), Plus::is_plus);
    if (!segment) return segment.error();
    if (*segment == ".." || *segment == ".") return Error{ErrorCode::invalid_argument, "a dot segment in the URL"};
    if (std::ranges::any_of(*segment, is_control))
      return Error{ErrorCode::invalid_argument, "a control character in the URL"};
    into.path += '/';
    into.path += *segment;
    if (end < raw.size() || !segment->empty()) into.segments.push_back(std::move(*segment));
    at = end;
  }
  return {};
}

std::string_view find_field(const HttpFields& fields, std::string_view name) {
  const auto found =
      std::ranges::find_if(fields, [&](const auto& field) { return equal_in_any_case(field.first, name); });
  return found == fields.end() ? std::string_view() : found->second;
}

}  // namespace

const char* to_string(HttpMethod method) {
  const auto row = std::ranges::find(method_names, method, &MethodName::method);
  return row == method_names.end() ? "" : row->name;
}

std::optional<HttpMethod> parse_http_method(std::string_view name) {
  const auto row =
      std::ranges::find(method_names, name, [](const MethodName& entry) { return std::string_view(entry.name); });
  return row == method_names.end() ? std::nullopt : std::optional(row->method);
}

const char* http_reason(int status) {
  const auto row = std::ranges::find(reasons, status, &Reason::status);
  return row == reasons.end() ? "Unknown" : row->text;
}

std::string_view HttpRequest::header(std::string_view name) const { return find_field(headers, name); }

std::string_view HttpRequest::parameter(std::string_view name) const { return find_field(parameters, name); }

std::optional<std::string_view> HttpRequest::query_value(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return found == query.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

// Whether a comma-separated header has a token, in any case.
bool has_list_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equal_in_any_case(item, token)) return true;
  }
  return false;
}

bool asks_for_websocket(const HttpRequest& request) {
  return request.method == HttpMethod::get && has_list_token(request.header("Upgrade"), "websocket") &&
         has_list_token(request.header("Connection"), "upgrade");
}

Result<HttpFields> parse_form_fields(std::string_view text) {
  HttpFields fields;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals), Plus::is_space);
    auto value = decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view(), Plus::is_space);
    if (!name) return name.error();
    if (!value) return value.error();
    fields.emplace_back(std::move(*name), std::move(*value));
  }
  return fields;
}

Result<void> parse_request_target(std::string_view target, HttpRequest& into) {
  into.target = target;
  // The absolute form, as sent to proxies: its authority says nothing that Host doesn't.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(std::min(target.find('/', scheme.size()), target.size()));
    if (target.empty()) target = "/";
  }
  if (target.empty() || target.front() != '/') return Error{ErrorCode::invalid_argument, "the URL must begin with /"};
  target = target.substr(0, target.find('#'));
  const size_t question = std::min(target.find('?'), target.size());
  auto fields = parse_form_fields(question < target.size() ? target.substr(question + 1) : std::string_view());
  if (!fields) return fields.error();
  into.query = std::move(*fields);
  return parse_path(target.substr(0, question), into);
}

HttpResponse text_response(int status, std::string text, std::string_view content_type) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(text);
  response.with("Content-Type", std::string(content_type));
  return response;
}

HttpResponse json_response(int status, std::string json_text) {
  return text_response(status, std::move(json_text), "application/json");
}

HttpResponse detail_response(int status, std::string_view detail) {
  const nlohmann::json json{{"detail", std::string(detail)}};
  return json_response(status, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

HttpResponse error_response(const Error& error) {
  int status = 500;
  switch (error.code) {
    case ErrorCode::invalid_argument:
      status = 400;
      break;
    case ErrorCode::not_found:
      status = 404;
      break;
    case ErrorCode::permission_denied:
      status = 403;
      break;
    case ErrorCode::unsupported:
      status = 422;
      break;
    case ErrorCode::busy:
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::exhausted:
      status = 503;
      break;
    case ErrorCode::io:
    case ErrorCode::protocol:
    case ErrorCode::internal:
      break;
  }
  return detail_response(status, error.message);
}

}  // namespace camweave
