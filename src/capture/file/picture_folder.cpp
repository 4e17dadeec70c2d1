// A folder of pictures, or a single one: JPEGs as they are, others through FFmpeg.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <vector>

#include "base/unique_fd.h"
#include "capture/decode/media_input.h"
#include "capture/decode/video_decoder.h"
#include "capture/file/picture_cache.h"
#include "capture/file/picture_source.h"
#include "capture/jpeg_frame.h"

namespace camweave::file {
namespace {

namespace fs = std::filesystem;

constexpr size_t max_pictures = 1'000'000;
constexpr uintmax_t max_picture_bytes = uintmax_t{64} << 20;

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
std::string_view take_number(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_digit) - text.begin();
  std::string_view number = text.substr(0, static_cast<size_t>(end));
  text.remove_prefix(static_cast<size_t>(end));
  while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
  return number;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Error over_limit(const fs::path& path) {
  return Error{ErrorCode::exhausted, fmt::format("file '{}': over 64 MiB", path.string())};
}

Result<Frame> read_jpeg(const fs::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return system_error(fmt::format("file '{}'", path.string()));
  const auto size = static_cast<size_t>(status.st_size);
  if (size > max_picture_bytes) return over_limit(path);
  const std::shared_ptr<std::byte[]> bytes(new std::byte[size]);
  const ssize_t got = ::read(file.get(), bytes.get(), size);
  if (got < 0) return system_error(fmt::format("file '{}'", path.string()));
  auto frame = make_jpeg_frame({bytes.get(), static_cast<size_t>(got)}, bytes);
  if (!frame) return Error{frame.error().code, fmt::format("file '{}': {}", path.string(), frame.error().message)};
  return frame;
}

Result<Frame> decode_picture(const fs::path& path) {
  const std::string shown = fmt::format("file '{}'", path.string());
  auto input = MediaInput::open({.url = "file:" + path.string(), .shown = shown, .options = {}});
  if (!input) return input.error();
  auto decoder = VideoDecoder::create(*input->video().codecpar, DecodeDelay::low);
  if (!decoder) return Error{decoder.error().code, shown + ": " + decoder.error().message};
  const libav::PacketOwner packet(av_packet_alloc());
  std::optional<Frame> frame;
  const auto keep = [&](VideoDecoder::Picture picture) { frame = std::move(picture.frame); };
  auto read = input->read(*packet);
  if (!read) return read.error();
  auto decoded = decoder->decode(*read ? packet.get() : nullptr, keep);
  if (decoded && !frame) decoded = decoder->decode(nullptr, keep);
  if (!decoded) return Error{decoded.error().code, shown + ": " + decoded.error().message};
  if (!frame) return Error{ErrorCode::protocol, shown + ": no picture in it"};
  return *std::move(frame);
}

bool is_jpeg_name(const fs::path& path) {
  const std::string ending = lower(path.extension().string());
  return ending == ".jpg" || ending == ".jpeg" || ending == ".jpe";
}

Result<Frame> read_picture(const fs::path& path) {
  if (is_jpeg_name(path)) return read_jpeg(path);
  std::error_code failed;
  if (fs::file_size(path, failed) > max_picture_bytes && !failed) return over_limit(path);
  return decode_picture(path);
}

class PictureFolder final : public PictureSource {
 public:
  PictureFolder(std::vector<fs::path> paths, std::string shown, int fps_milli, const Frame& first)
      : paths_(std::move(paths)), shown_(std::move(shown)), mode_{first.format, first.size, fps_milli} {}

  ipc::Mode mode() const override { return mode_; }
  std::chrono::nanoseconds picture_length() const override {
    return std::chrono::nanoseconds(1'000'000'000'000LL / mode_.fps_milli);
  }
  Result<std::optional<TimedPicture>> next(bool pixels_wanted) override;
  Result<void> rewind() override {
    next_ = good_ = 0;
    return {};
  }
  uint64_t take_damaged() override { return std::exchange(damaged_, 0); }

 private:
  Result<Frame> picture(size_t index);

  const std::vector<fs::path> paths_;
  const std::string shown_;
  const ipc::Mode mode_;
  PictureCache cache_;  // empty while nobody watches
  size_t next_ = 0;
  size_t good_ = 0;  // in this pass
  uint64_t damaged_ = 0;
  std::optional<Error> last_error_;
};

Result<Frame> PictureFolder::picture(size_t index) {
  // Asked before reading: what is written meanwhile counts as another writing the next time.
  const auto writing = PictureCache::writing_of(paths_[index].c_str());
  if (auto kept = cache_.find(index, writing)) return *std::move(kept);
  auto read = read_picture(paths_[index]);
  if (read) cache_.keep(index, writing, *read);
  return read;
}

Result<std::optional<TimedPicture>> PictureFolder::next(bool pixels_wanted) {
  while (next_ < paths_.size()) {
    TimedPicture timed;
    timed.time = picture_length() * static_cast<int64_t>(next_);
    const size_t index = next_++;
    if (pixels_wanted) {
      auto frame = picture(index);
      if (!frame) {
        ++damaged_;
        last_error_ = frame.error();
        continue;
      }
      timed.frame = *std::move(frame);
    } else {
      cache_.clear();
    }
    ++good_;
    return std::optional(std::move(timed));
  }
  if (good_ == 0) return last_error_.value_or(Error{ErrorCode::not_found, shown_ + ": no pictures in it"});
  return std::optional<TimedPicture>();
}

Result<std::vector<fs::path>> list_pictures(const fs::path& folder, const std::string& shown) {
  std::error_code failed;
  fs::directory_iterator entries(folder, failed);
  if (failed) return system_error(shown, failed.value());
  std::vector<fs::path> paths;
  for (const fs::directory_iterator end; entries != end && paths.size() < max_pictures; entries.increment(failed)) {
    if (failed) return system_error(shown, failed.value());
    std::error_code ignored;
    if (is_picture_name(entries->path().filename().string()) && entries->is_regular_file(ignored))
      paths.push_back(entries->path());
  }
  std::ranges::sort(paths, [](const fs::path& one, const fs::path& other) {
    return comes_before(one.filename().string(), other.filename().string());
  });
  return paths;
}

}  // namespace

bool is_picture_name(std::string_view name) {
  constexpr std::array<std::string_view, 10> endings{".jpg", ".jpeg", ".jpe",  ".png", ".bmp",
                                                     ".tif", ".tiff", ".webp", ".ppm", ".pgm"};
  if (name.starts_with('.')) return false;
  const std::string lowered = lower(name);
  return std::ranges::any_of(endings, [&](std::string_view ending) { return lowered.ends_with(ending); });
}

bool comes_before(std::string_view one, std::string_view other) {
  while (!one.empty() && !other.empty()) {
    if (is_digit(one.front()) && is_digit(other.front())) {
      const std::string_view a = take_number(one), b = take_number(other);
      if (a.size() != b.size()) return a.size() < b.size();
      if (a != b) return a < b;
    } else {
      if (one.front() != other.front()) return one.front() < other.front();
      one.remove_prefix(1);
      other.remove_prefix(1);
    }
  }
  return one.size() < other.size();
}

Result<std::unique_ptr<PictureSource>> open_pictures(const std::string& path, const std::string& shown, int fps_milli) {
  std::vector<fs::path> paths{path};
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    auto listed = list_pictures(path, shown);
    if (!listed) return listed.error();
    paths = *std::move(listed);
  }
  if (paths.empty())
    return Error{ErrorCode::not_found, shown + ": no pictures in it (.jpg, .png, .bmp, .tif, .webp, .ppm)"};
  Result<Frame> first = read_picture(paths.front());
  for (size_t i = 1; !first && i < paths.size(); ++i) first = read_picture(paths[i]);
  if (!first) return first.error();
  return std::unique_ptr<PictureSource>(std::make_unique<PictureFolder>(std::move(paths), shown, fps_milli, *first));
}

}  // namespace camweave::file
