// PictureSource: the pictures of a video file or a folder, one pass after another, without any idea of real time.
// Thread-bound.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "capture/camera.h"

namespace camweave::file {

struct TimedPicture {
  std::chrono::nanoseconds time{};  // since the pass began; rises within a pass
  std::optional<Frame> frame;  // empty where no pixels were asked for; sequence and capture_time are to be filled in
};

class PictureSource {
 public:
  virtual ~PictureSource() = default;

  virtual ipc::Mode mode() const = 0;
  // Length of one picture: what lies between the last of a pass and the first of the next.
  virtual std::chrono::nanoseconds picture_length() const = 0;

  // The next picture, or nullopt at the end of the pass; rewind() comes next then. Fails when a whole pass had no
  // picture.
  virtual Result<std::optional<TimedPicture>> next(bool pixels_wanted) = 0;
  virtual Result<void> rewind() = 0;

  // Pictures that were there and could not be decoded, since the last call.
  virtual uint64_t take_damaged() = 0;
};

// A video file; `shown` stands for it in errors.
Result<std::unique_ptr<PictureSource>> open_video(const std::string& path, const std::string& shown);
// A folder, or one picture. `fps_milli`: pictures in 1000 s.
Result<std::unique_ptr<PictureSource>> open_pictures(const std::string& path, const std::string& shown, int fps_milli);

bool is_picture_name(std::string_view name);                      // by its ending: .jpg, .png, …
bool comes_before(std::string_view one, std::string_view other);  // as people count: 2 before 10

}  // namespace camweave::file
