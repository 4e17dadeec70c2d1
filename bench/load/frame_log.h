// Counts what arrived and judges it: torn and wrong pictures, gaps, ages. Faults are counted from the first byte on,
// frames, bytes and ages only inside the measured window. Thread-bound to the generator's one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "options.h"

namespace bench {

// One JPEG as it came, and what its protocol said of it.
struct Picture {
  std::span<const std::byte> bytes;  // all of it when `whole`, else its first bytes
  bool whole = false;
  bool ends_with_eoi = false;
  std::optional<uint64_t> sequence;  // from the protocol's header
  std::optional<int64_t> unix_us;    // from the protocol's header
  uint32_t source = 0;               // which path or camera: sequences are compared inside one source
};

// What the log remembers of one client and source.
struct History {
  std::optional<uint64_t> last_sequence;
};

enum class Speed { Fast, Slow };

// The identity and age of one judged picture; empty fields where nothing told them.
struct Judged {
  std::optional<uint64_t> sequence;
  std::optional<int64_t> age_us;
};

class FrameLog {
 public:
  explicit FrameLog(const Options& options);

  // Reads the pictures of `dir`: from now on a whole picture whose scan is in none of them is torn. False: none found.
  bool load_references(const std::string& dir);

  void begin_window() { in_window_ = true; }
  void end_window() { in_window_ = false; }

  void count_bytes(size_t count) {
    if (in_window_) bytes_ += count;
  }
  // Judges a picture; `repeated` ones may show the same sequence again.
  Judged judge(const Picture& picture, History& history, bool repeated);
  // Counts one delivered message.
  void count_frame(Speed speed, uint32_t source, const Judged& judged);

  void count_connect() { ++connects_; }
  void count_disconnect() { ++disconnects_; }
  void count_fault(const std::string& words) { ++faults_[words]; }
  void mark_torn(const std::string& why);
  void mark_wrong(const std::string& why);
  void count_first_frame_us(int64_t since_connect_us) { first_frame_us_.push_back(since_connect_us); }

  // One line of JSON.
  std::string to_json() const;

 private:
  // What all clients together saw of one frame.
  struct Shared {
    uint32_t fast_clients = 0;
    int64_t last_age_us = 0;
    uint64_t hash = 0;
  };

  void judge_whole(const Picture& picture, std::optional<uint64_t> key);
  void judge_order(std::optional<uint64_t> sequence, History& history, bool repeated);
  std::string last_client_json() const;

  const Options& options_;
  std::unordered_set<uint64_t> reference_hashes_;
  std::unique_ptr<void, int (*)(void*)> decoder_;  // libjpeg-turbo's, made when it is first wanted
  std::vector<unsigned char> decoded_;

  bool in_window_ = false;
  uint64_t bytes_ = 0;
  uint64_t torn_ = 0;
  uint64_t wrong_ = 0;
  uint64_t gaps_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t connects_ = 0;
  uint64_t disconnects_ = 0;
  uint64_t frames_[2] = {};
  std::vector<int64_t> ages_us_[2];
  std::vector<int64_t> first_frame_us_;
  std::map<std::string, uint64_t> faults_;
  std::unordered_map<uint64_t, Shared> shared_;  // by source and sequence
};

}  // namespace bench
