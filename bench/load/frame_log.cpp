// See frame_log.h.
#include "frame_log.h"

#include <turbojpeg.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "../common/clock.h"
#include "jpeg_facts.h"

namespace bench {
namespace {

constexpr int64_t kTimesAgreeWithinUs = 1000;
constexpr int64_t kClocksAgreeWithinUs = 1000;
constexpr size_t kSharedFramesKept = 1 << 16;

uint64_t frame_key(uint32_t source, uint64_t sequence) { return static_cast<uint64_t>(source) << 48 ^ sequence; }

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

std::string quantiles_json(std::vector<int64_t> values_us) {
  if (values_us.empty()) return "null";
  std::sort(values_us.begin(), values_us.end());
  const auto at = [&](double share) {
    const auto index = static_cast<size_t>(share * static_cast<double>(values_us.size() - 1) + 0.5);
    return format("%.3f", static_cast<double>(values_us[index]) / 1000.0);
  };
  return "{\"count\":" + std::to_string(values_us.size()) + ",\"p50\":" + at(0.5) + ",\"p95\":" + at(0.95) +
         ",\"p99\":" + at(0.99) + ",\"max\":" + at(1.0) + "}";
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {first, first + bytes.size()};
}

}  // namespace

FrameLog::FrameLog(const Options& options) : options_(options), decoder_(nullptr, tjDestroy) {}

bool FrameLog::load_references(const std::string& dir) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(dir, failed)) {
    const std::vector<std::byte> jpeg = read_file(entry.path());
    const JpegShape shape = check_jpeg(jpeg);
    if (shape.fault == nullptr) reference_hashes_.insert(hash_bytes(std::span(jpeg).subspan(shape.scan_offset)));
  }
  return !reference_hashes_.empty();
}

void FrameLog::mark_torn(const std::string& why) {
  ++torn_;
  count_fault("torn: " + why);
}

void FrameLog::mark_wrong(const std::string& why) {
  ++wrong_;
  count_fault("wrong: " + why);
}

// A frame whose tail comes from another frame can be a well-formed JPEG; three things find it: its scan must be one
// of the references, every client must have got the same bytes, and the decoder must not complain.
void FrameLog::judge_whole(const Picture& picture, std::optional<uint64_t> key) {
  const JpegShape shape = check_jpeg(picture.bytes);
  if (shape.fault != nullptr) return mark_torn(shape.fault);
  if (!reference_hashes_.empty() && !reference_hashes_.contains(hash_bytes(picture.bytes.subspan(shape.scan_offset)))) {
    return mark_torn("scan is in no reference picture");
  }
  if (key) {
    Shared& shared = shared_[*key];
    const uint64_t hash = hash_bytes(picture.bytes);
    if (shared.hash != 0 && shared.hash != hash) return mark_torn("clients got different bytes for one sequence");
    shared.hash = hash;
  }
  if (!options_.decode) return;
  if (!decoder_) decoder_.reset(tjInitDecompress());
  const auto* data = reinterpret_cast<const unsigned char*>(picture.bytes.data());
  const auto size = static_cast<unsigned long>(picture.bytes.size());
  int width = 0, height = 0, subsampling = 0, colour = 0;
  if (tjDecompressHeader3(decoder_.get(), data, size, &width, &height, &subsampling, &colour) != 0) {
    return mark_torn("decoder refuses the header");
  }
  decoded_.resize(tjBufSizeYUV2(width, 4, height, subsampling));
  if (tjDecompressToYUV2(decoder_.get(), data, size, decoded_.data(), width, 4, height, 0) != 0) {
    mark_torn("decoder complains");
  }
}

void FrameLog::judge_order(std::optional<uint64_t> sequence, History& history, bool repeated) {
  if (!sequence) return;
  if (history.last_sequence) {
    if (*sequence < *history.last_sequence) mark_wrong("sequence went back");
    if (*sequence == *history.last_sequence && !repeated) ++duplicates_;
    if (*sequence > *history.last_sequence + 1 && in_window_) gaps_ += *sequence - *history.last_sequence - 1;
  }
  history.last_sequence = sequence;
}

Judged FrameLog::judge(const Picture& picture, History& history, bool repeated) {
  Judged judged;
  const ExifFacts exif = read_exif(picture.bytes);
  judged.sequence = picture.sequence;
  if (!judged.sequence && exif.number) judged.sequence = *exif.number;
  if (picture.bytes.size() < 2 || picture.bytes[0] != std::byte{0xFF} || picture.bytes[1] != std::byte{0xD8}) {
    mark_torn("no SOI");
  } else if (!picture.ends_with_eoi && !picture.whole) {
    mark_torn("no EOI");
  } else if (picture.whole) {
    judge_whole(picture, judged.sequence ? std::optional(frame_key(picture.source, *judged.sequence)) : std::nullopt);
  }
  if (picture.sequence && exif.number && static_cast<uint32_t>(*picture.sequence) != *exif.number) {
    mark_wrong("header's sequence is not EXIF's number");
  }
  const bool both_times = picture.sequence && picture.unix_us && exif.unix_us;
  if (both_times && std::abs(*picture.unix_us - *exif.unix_us) > kTimesAgreeWithinUs) {
    mark_wrong("header's time is not EXIF's time");
  }
  judge_order(judged.sequence, history, repeated);
  const std::optional<int64_t> captured_us = exif.unix_us ? exif.unix_us : picture.unix_us;
  if (captured_us) {
    judged.age_us = unix_now_us() - *captured_us;
    if (*judged.age_us < -kClocksAgreeWithinUs) mark_wrong("captured in the future");
  }
  return judged;
}

void FrameLog::count_frame(Speed speed, uint32_t source, const Judged& judged) {
  if (!in_window_) return;
  const auto kind = static_cast<size_t>(speed);
  ++frames_[kind];
  if (judged.age_us) ages_us_[kind].push_back(*judged.age_us);
  if (speed == Speed::Slow || !judged.sequence || !judged.age_us) return;
  if (shared_.size() >= kSharedFramesKept) shared_.clear();
  Shared& shared = shared_[frame_key(source, *judged.sequence)];
  ++shared.fast_clients;
  shared.last_age_us = std::max(shared.last_age_us, *judged.age_us);
}

// The age at the last client, over the frames that every fast client of the source got.
std::string FrameLog::last_client_json() const {
  const uint32_t fast = (options_.clients - options_.slow_clients) / static_cast<uint32_t>(options_.paths.size());
  std::vector<int64_t> ages;
  for (const auto& [key, shared] : shared_) {
    if (shared.fast_clients >= std::max(fast, 1U)) ages.push_back(shared.last_age_us);
  }
  return quantiles_json(std::move(ages));
}

std::string FrameLog::to_json() const {
  const auto kind_json = [&](Speed speed, uint32_t clients) {
    const auto kind = static_cast<size_t>(speed);
    const double fps = clients == 0 ? 0 : static_cast<double>(frames_[kind]) / options_.seconds / clients;
    return "{\"clients\":" + std::to_string(clients) + ",\"frames\":" + std::to_string(frames_[kind]) +
           ",\"fps\":" + format("%.2f", fps) + ",\"age_ms\":" + quantiles_json(ages_us_[kind]) + "}";
  };
  std::string json = "{";
  const auto add = [&json](const char* name, uint64_t value) {
    json.append("\"").append(name).append("\":").append(std::to_string(value)).append(",");
  };
  add("frames", frames_[0] + frames_[1]), add("bytes", bytes_), add("torn", torn_), add("wrong", wrong_);
  add("gaps", gaps_), add("duplicates", duplicates_), add("connects", connects_), add("disconnects", disconnects_);
  json += "\"seconds\":" + format("%.3f", options_.seconds) + ",";
  json += "\"fast\":" + kind_json(Speed::Fast, options_.clients - options_.slow_clients) + ",";
  json += "\"slow\":" + kind_json(Speed::Slow, options_.slow_clients) + ",";
  json += "\"last_client_age_ms\":" + last_client_json() + ",";
  json += "\"first_frame_ms\":" + quantiles_json(first_frame_us_) + ",\"faults\":{";
  for (const auto& [words, count] : faults_) add(escaped(words).c_str(), count);
  if (!faults_.empty()) json.pop_back();
  return json + "}}";
}

}  // namespace bench
