#include "net/outbound/name_lookup.h"

#include <gtest/gtest.h>

#include <atomic>

#include "net/test_client.h"

namespace camweave {
namespace {

class NameLookupTest : public testing::Test {
 protected:
  // On the loop, as its owners do.
  void look_up(const std::string& host, bool is_dropped = false) {
    loop_.post([this, host, is_dropped] {
      lookup_ = std::make_unique<NameLookup>(loop_, host, 8554, [this](const auto& result) {
        found_ = result ? result->size() : 0;
        ++answers_;
      });
      if (is_dropped) lookup_.reset();
    });
  }
  ~NameLookupTest() override {
    loops_->stop();
    lookup_.reset();
  }

  SystemClock clock_;
  std::unique_ptr<IoLoops> loops_ = *IoLoops::start(clock_, 1);
  IoLoop& loop_ = loops_->at(0);
  std::unique_ptr<NameLookup> lookup_;
  std::atomic<size_t> found_ = 0;
  std::atomic<int> answers_ = 0;
};

TEST_F(NameLookupTest, AddressesAndNamesHaveAddresses) {
  for (const char* host : {"127.0.0.1", "::1", "localhost"}) {
    const int before = answers_;
    look_up(host);
    ASSERT_TRUE(eventually([&] { return answers_ > before; })) << host;
    EXPECT_GE(found_, 1u) << host;
  }
}

TEST_F(NameLookupTest, ADroppedOneSaysNothing) {
  for (const char* host : {"127.0.0.1", "localhost"}) look_up(host, true);
  look_up("127.0.0.1");
  ASSERT_TRUE(eventually([&] { return answers_ > 0; }));
  EXPECT_EQ(answers_, 1);
}

TEST_F(NameLookupTest, TheLoopMayEndBeforeTheAnswer) {
  look_up("localhost");
  loops_->stop();
}

}  // namespace
}  // namespace camweave
