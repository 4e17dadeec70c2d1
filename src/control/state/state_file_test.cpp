#include "control/state/state_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace camweave {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    std::string pattern = (fs::temp_directory_path() / "state_file_test.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~StateFileTest() override { fs::remove_all(directory_); }

  std::string path() const { return (directory_ / "config.json").string(); }
  void write(std::string_view text) { std::ofstream(path()) << text; }
  json loaded() {
    auto result = StateFile(path()).load();
    EXPECT_TRUE(result);
    return result ? result->document : json();
  }

  fs::path directory_;
};

TEST_F(StateFileTest, NothingThereIsNoError) {
  auto result = StateFile(path()).load();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->document.is_null());
  EXPECT_EQ(result->damage, "");
}

TEST_F(StateFileTest, ComesBack) {
  ASSERT_TRUE(StateFile(path()).save({{"gap", 76}}));
  ASSERT_TRUE(StateFile(path()).save({{"gap", -5}}));
  EXPECT_EQ(loaded(), json({{"gap", -5}}));
}

TEST_F(StateFileTest, IsForTheOwnerAlone) {
  ASSERT_TRUE(StateFile(path()).save({{"gap", 76}}));
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(StateFileTest, DamagedOneIsKeptAsideAndReported) {
  for (const char* damaged : {"{\"gap\": 7", "", "[1]", "\0\0\0"}) {
    write(damaged);
    auto result = StateFile(path()).load();
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->document.is_null());
    EXPECT_THAT(result->damage, HasSubstr(path() + ".damaged-"));
    EXPECT_FALSE(fs::exists(path()));
  }
}

// Each call of a save fails once, or the power goes there (no later call happens, and what was written and not fsynced by
// then is lost): what is loaded afterwards is whole, and the old document until the rename.
enum class Fault { error, power_loss, half_a_write };
struct FaultyCalls {
  int calls_left;
  Fault fault;
  bool power_is_off = false;
  bool renamed = false;
  std::map<int, std::string> unsynced = {};  // file descriptor → path of a file with bytes that only memory holds
  std::set<std::string> lost = {};           // paths of such files when the power went

  bool fails() {
    if (power_is_off) return true;
    if (calls_left-- > 0) return false;
    power_is_off = fault != Fault::error;
    for (const auto& [fd, path] : unsynced) lost.insert(path);
    errno = EIO;
    return true;
  }
  FileCalls calls() {
    return {[this](const char* p, int flags, mode_t mode) {
              if (fails()) return -1;
              const int fd = ::open(p, flags, mode);
              if (flags & O_WRONLY) unsynced[fd] = p;
              return fd;
            },
            [this](int fd, const void* bytes, size_t size) -> ssize_t {
              if (!fails()) return ::write(fd, bytes, std::min<size_t>(size, 5));
              if (fault == Fault::half_a_write) (void)!::write(fd, bytes, 2);
              return -1;
            },
            [this](int fd) {
              if (fails()) return -1;
              unsynced.erase(fd);
              return ::fsync(fd);
            },
            [this](const char* from, const char* to) {
              if (fails()) return -1;
              renamed = true;
              for (auto& [fd, path] : unsynced) {
                if (path == from) path = to;
              }
              return ::rename(from, to);
            }};
  }
  // As the disk is found when the power is back.
  void power_comes_back() const {
    if (!power_is_off) return;
    for (const std::string& path : lost) std::ofstream(path, std::ios::trunc) << "";
  }
};

TEST_F(StateFileTest, AFaultAtAnyStepLeavesAWholeDocument) {
  const json before{{"gap", 1}}, after{{"gap", 2222222}};
  int steps_that_failed = 0;
  for (const Fault fault : {Fault::error, Fault::power_loss, Fault::half_a_write}) {
    for (int step = 0; step < 30; ++step) {
      ASSERT_TRUE(StateFile(path()).save(before));
      FaultyCalls faulty{step, fault};
      auto saved = StateFile(path(), faulty.calls()).save(after);
      faulty.power_comes_back();
      const json now = loaded();
      EXPECT_EQ(now, faulty.renamed ? after : before) << "step " << step;
      if (saved) break;
      ++steps_that_failed;
    }
  }
  EXPECT_GT(steps_that_failed, 3 * 6) << "open, writes, fsync, rename, open and fsync of the directory";
}

TEST_F(StateFileTest, ErrorNamesThePath) {
  auto saved = StateFile("/nonexistent/config.json").save({});
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("/nonexistent/config.json"));
}

}  // namespace
}  // namespace camweave
