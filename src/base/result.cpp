#include "base/result.h"

#include <cstring>

namespace camweave {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::busy: return "busy";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::io: return "io";
    case ErrorCode::protocol: return "protocol";
    case ErrorCode::exhausted: return "exhausted";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

namespace {
ErrorCode code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return ErrorCode::not_found;
    case EACCES:
    case EPERM: return ErrorCode::permission_denied;
    case EBUSY:
    case EADDRINUSE: return ErrorCode::busy;
    case ETIMEDOUT: return ErrorCode::timeout;
    case ENOMEM:
    case ENOSPC:
    case EMFILE:
    case ENFILE: return ErrorCode::exhausted;
    case EINVAL: return ErrorCode::invalid_argument;
    case ENOTSUP:
    case ENOTTY: return ErrorCode::unsupported;
    default: return ErrorCode::io;
  }
}
}  // namespace

Error system_error(std::string message, int error_number) {
  return Error{code_of(error_number), std::move(message) + ": " + std::strerror(error_number)};
}

}  // namespace camweave
