#include "encode/picture/rendition_size.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

TEST(RenditionSize, NothingAskedIsTheSourceTurned) {
  EXPECT_EQ(rendition_size({}, {1280, 720}, 0), (Size{1280, 720}));
  EXPECT_EQ(rendition_size({}, {1280, 720}, 90), (Size{720, 1280}));
  EXPECT_EQ(rendition_size({}, {1280, 720}, 180), (Size{1280, 720}));
}

TEST(RenditionSize, ASizeWithinTheSourceIsTakenExactly) {
  EXPECT_EQ(rendition_size({640, 480}, {1280, 720}, 0), (Size{640, 480}));
  EXPECT_EQ(rendition_size({1280, 720}, {1280, 720}, 0), (Size{1280, 720}));
  EXPECT_EQ(rendition_size({480, 640}, {1280, 720}, 270), (Size{480, 640}));
}

TEST(RenditionSize, ASourceIsNeverEnlargedAndKeepsItsAspect) {
  EXPECT_EQ(rendition_size({1280, 720}, {640, 480}, 0), (Size{640, 480}));
  EXPECT_EQ(rendition_size({800, 300}, {640, 480}, 0), (Size{400, 300}));
  EXPECT_EQ(rendition_size({1920, 1080}, {1280, 720}, 90), (Size{608, 1080}));
  EXPECT_EQ(rendition_size({16000, 1}, {640, 480}, 0), (Size{1, 1}));
}

}  // namespace
}  // namespace camweave
