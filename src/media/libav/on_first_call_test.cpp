#include <gtest/gtest.h>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include <fstream>
#include <iterator>
#include <string>

namespace {

bool is_loaded(const std::string& library) {
  std::ifstream maps("/proc/self/maps");
  return std::string(std::istreambuf_iterator(maps), {}).find(library) != std::string::npos;
}

// A worker that passes JPEGs through pays nothing for FFmpeg's libraries.
TEST(Libav, comes_with_the_first_call) {
  EXPECT_FALSE(is_loaded("libavcodec.so"));
  ASSERT_NE(avcodec_find_decoder(AV_CODEC_ID_MJPEG), nullptr);
  EXPECT_TRUE(is_loaded("libavcodec.so"));
}

TEST(Libav, structures_of_the_loaded_library_are_those_of_the_headers) {
  AVPacket* packet = av_packet_alloc();
  ASSERT_NE(packet, nullptr);
  ASSERT_EQ(av_new_packet(packet, 1000), 0);
  EXPECT_EQ(packet->size, 1000);
  av_packet_free(&packet);
  EXPECT_EQ(packet, nullptr);
}

}  // namespace
