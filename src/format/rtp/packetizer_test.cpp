#include "format/rtp/packetizer.h"

#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <random>
#include <set>
#include <string>

#include "format/rtp/jpeg_payload.h"
#include "media/h264/nal.h"

namespace camweave::rtp {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(std::byte(value));
  return bytes;
}

// A NAL unit without anything that looks like a start code.
std::vector<std::byte> nal_of(std::vector<std::byte> header, size_t size) {
  std::minstd_rand random(static_cast<unsigned>(size));
  while (header.size() < size) header.push_back(std::byte(1 + random() % 255));
  return header;
}

std::vector<std::byte> annex_b(const std::vector<std::vector<std::byte>>& nals) {
  std::vector<std::byte> out;
  for (const auto& nal : nals) {
    for (const int value : {0, 0, 0, 1}) out.push_back(std::byte(value));
    out.insert(out.end(), nal.begin(), nal.end());
  }
  return out;
}

uint32_t u16_at(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<uint32_t>(bytes[at]) << 8 | std::to_integer<uint32_t>(bytes[at + 1]);
}
uint32_t u32_at(std::span<const std::byte> bytes, size_t at) { return u16_at(bytes, at) << 16 | u16_at(bytes, at + 2); }

std::vector<std::span<const std::byte>> packets_of(std::span<const std::byte> interleaved) {
  std::vector<std::span<const std::byte>> packets;
  for (auto packet = next_packet(interleaved); !packet.empty(); packet = next_packet(interleaved)) packets.push_back(packet);
  EXPECT_TRUE(interleaved.empty());
  return packets;
}

// What a receiver of RFC 6184 does: the NAL units of a frame.
std::vector<std::vector<std::byte>> depacketize_h264(const std::vector<std::span<const std::byte>>& packets) {
  std::vector<std::vector<std::byte>> nals;
  for (const auto packet : packets) {
    const auto payload = packet.subspan(header_bytes);
    const int type = std::to_integer<int>(payload[0]) & 0x1f;
    if (type == 24) {
      for (auto rest = payload.subspan(1); !rest.empty(); rest = rest.subspan(2 + u16_at(rest, 0))) {
        const auto nal = rest.subspan(2, u16_at(rest, 0));
        nals.emplace_back(nal.begin(), nal.end());
      }
      continue;
    }
    if (type != 28) {
      nals.emplace_back(payload.begin(), payload.end());
      continue;
    }
    if ((payload[1] & std::byte{0x80}) != std::byte{0}) nals.push_back({(payload[0] & std::byte{0xe0}) | (payload[1] & std::byte{0x1f})});
    nals.back().insert(nals.back().end(), payload.begin() + 2, payload.end());
  }
  return nals;
}

TEST(RtpH264, EveryNalUnitComesOutAsItWentIn) {
  const std::vector<std::vector<std::byte>> nals{nal_of(bytes_of({0x67}), 20), nal_of(bytes_of({0x68}), 5),
                                                 nal_of(bytes_of({0x65}), 40'000), nal_of(bytes_of({0x65}), 1388),
                                                 nal_of(bytes_of({0x65}), 1389)};
  Packetizer packetizer({.codec = Codec::h264, .ssrc = 7, .first_sequence = 65'530});
  std::vector<std::byte> out;
  const auto count = packetizer.packetize(annex_b(nals), 1234, out);
  ASSERT_TRUE(count);
  const auto packets = packets_of(out);
  EXPECT_EQ(packets.size(), *count);
  EXPECT_EQ(depacketize_h264(packets), nals);
  for (size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(u16_at(packets[i], 2), static_cast<uint16_t>(65'530 + i));  // goes on over the wrap
    EXPECT_EQ(u32_at(packets[i], 4), 1234u);
    EXPECT_EQ(u32_at(packets[i], 8), 7u);
    EXPECT_LE(packets[i].size(), max_packet_bytes);
    EXPECT_EQ((packets[i][1] & std::byte{0x80}) != std::byte{0}, i + 1 == packets.size());  // marker on the last alone
  }
}

TEST(RtpH264, SmallUnitsShareAPacket) {
  // As an encoder's keyframe begins: parameter sets and a message of 60 bytes, then the slice.
  const std::vector<std::vector<std::byte>> nals{nal_of(bytes_of({0x67}), 20), nal_of(bytes_of({0x28}), 5), nal_of(bytes_of({0x06}), 60),
                                                 nal_of(bytes_of({0x65}), 5000)};
  Packetizer packetizer({.codec = Codec::h264});
  std::vector<std::byte> out;
  EXPECT_EQ(*packetizer.packetize(annex_b(nals), 0, out), 1u + 4u);
  const auto packets = packets_of(out);
  EXPECT_EQ(packets[0][header_bytes], std::byte{0x60 | 24}) << "a STAP-A as important as its most important unit";
  EXPECT_EQ(packets[0].size(), header_bytes + 1 + 3 * 2 + 20 + 5 + 60);
  EXPECT_EQ(depacketize_h264(packets), nals);
}

TEST(RtpH264, UnitsThatDoNotFitTogetherGoApart) {
  for (const size_t second : {1388 - 1 - 2 - 700 - 2, 1388 - 1 - 2 - 700 - 1}) {
    const std::vector<std::vector<std::byte>> nals{nal_of(bytes_of({0x41}), 700), nal_of(bytes_of({0x41}), second)};
    Packetizer packetizer({.codec = Codec::h264});
    std::vector<std::byte> out;
    EXPECT_EQ(*packetizer.packetize(annex_b(nals), 0, out), second == 683 ? 1u : 2u);
    for (const auto packet : packets_of(out)) EXPECT_LE(packet.size(), max_packet_bytes);
    EXPECT_EQ(depacketize_h264(packets_of(out)), nals);
  }
}

TEST(RtpH265, SmallUnitsShareAPacket) {
  const std::vector<std::vector<std::byte>> nals{nal_of(bytes_of({32 << 1, 1}), 20), nal_of(bytes_of({33 << 1, 2}), 30)};
  Packetizer packetizer({.codec = Codec::h265});
  std::vector<std::byte> out;
  ASSERT_EQ(*packetizer.packetize(annex_b(nals), 0, out), 1u);
  const auto payload = packets_of(out)[0].subspan(header_bytes);
  EXPECT_EQ(u16_at(payload, 0), 48u << 9 | 1u) << "an AP of the lowest layer and temporal id";
  EXPECT_EQ(u16_at(payload, 2), 20u);
  EXPECT_TRUE(std::ranges::equal(payload.subspan(4, 20), nals[0]));
  EXPECT_EQ(u16_at(payload, 24), 30u);
  EXPECT_TRUE(std::ranges::equal(payload.subspan(26), nals[1]));
}

TEST(RtpH264, FragmentsAreOfEqualSizeButTheLast) {
  Packetizer packetizer({.codec = Codec::h264});
  std::vector<std::byte> out;
  ASSERT_TRUE(packetizer.packetize(annex_b({nal_of(bytes_of({0x65}), 17'000)}), 0, out));
  const auto packets = packets_of(out);
  std::set<size_t> sizes;
  for (size_t i = 0; i + 1 < packets.size(); ++i) sizes.insert(packets[i].size());
  EXPECT_EQ(sizes.size(), 1u);
  EXPECT_LE(packets.back().size(), *sizes.begin());
}

TEST(RtpH264, DelimitersAreLeftOutAndNothingIsRefused) {
  Packetizer packetizer({.codec = Codec::h264});
  std::vector<std::byte> out;
  EXPECT_EQ(*packetizer.packetize(annex_b({bytes_of({0x09, 0xf0}), nal_of(bytes_of({0x41}), 100)}), 0, out), 1u);
  EXPECT_FALSE(packetizer.packetize(bytes_of({1, 2, 3}), 0, out));
}

TEST(RtpH265, FragmentsCarryTheTypeAndTheLayer) {
  const auto nal = nal_of(bytes_of({19 << 1, 1}), 5000);
  Packetizer packetizer({.codec = Codec::h265});
  std::vector<std::byte> out;
  ASSERT_TRUE(packetizer.packetize(annex_b({nal}), 0, out));
  std::vector<std::byte> joined;
  for (const auto packet : packets_of(out)) {
    const auto payload = packet.subspan(header_bytes);
    EXPECT_EQ(std::to_integer<int>(payload[0]) >> 1, 49);
    if ((payload[2] & std::byte{0x80}) != std::byte{0}) {
      joined = {(payload[0] & std::byte{0x81}) | (payload[2] & std::byte{0x3f}) << 1, payload[1]};
    }
    joined.insert(joined.end(), payload.begin() + 3, payload.end());
  }
  EXPECT_EQ(joined, nal);
}

std::vector<std::byte> jpeg_of(int width, int height, int sampling, int flags = 0) {
  std::vector<unsigned char> rgb(static_cast<size_t>(width * height * 3));
  std::minstd_rand random(1);
  for (auto& value : rgb) value = static_cast<unsigned char>(random());
  unsigned char* out = nullptr;
  unsigned long size = 0;
  tjhandle handle = tjInitCompress();
  tjCompress2(handle, rgb.data(), width, 0, height, TJPF_RGB, &out, &size, sampling, 80, flags);
  const auto bytes = std::as_bytes(std::span(out, size));
  std::vector<std::byte> jpeg(bytes.begin(), bytes.end());
  tjFree(out);
  tjDestroy(handle);
  return jpeg;
}

TEST(RtpJpeg, TheScanComesOutWholeAndTheTablesOnce) {
  const auto jpeg = jpeg_of(640, 480, TJSAMP_420);
  const auto parts = take_jpeg_apart(jpeg);
  ASSERT_TRUE(parts);
  Packetizer packetizer({.codec = Codec::jpeg});
  std::vector<std::byte> out, scan;
  ASSERT_TRUE(packetizer.packetize(jpeg, 0, out));
  for (const auto packet : packets_of(out)) {
    auto payload = packet.subspan(header_bytes);
    EXPECT_EQ(std::to_integer<int>(packet[1]) & 0x7f, jpeg_payload_type);
    EXPECT_EQ(u32_at(payload, 0), scan.size());
    EXPECT_EQ(payload[4], std::byte{1});
    EXPECT_EQ(payload[6], std::byte{80});
    EXPECT_EQ(payload[7], std::byte{60});
    payload = payload.subspan(8);
    if (scan.empty()) {
      EXPECT_EQ(u16_at(payload, 2), 128u);
      payload = payload.subspan(4 + 128);
    }
    scan.insert(scan.end(), payload.begin(), payload.end());
  }
  EXPECT_TRUE(std::ranges::equal(scan, parts->scan));
}

TEST(RtpJpeg, WhatTheFormatCannotCarryIsRefusedByName) {
  EXPECT_EQ(take_jpeg_apart(jpeg_of(64, 64, TJSAMP_444)).error().code, ErrorCode::unsupported);
  EXPECT_EQ(take_jpeg_apart(jpeg_of(64, 64, TJSAMP_420, TJFLAG_PROGRESSIVE)).error().code, ErrorCode::unsupported);
  EXPECT_EQ(take_jpeg_apart(jpeg_of(2048, 16, TJSAMP_420)).error().code, ErrorCode::unsupported);
  EXPECT_EQ(take_jpeg_apart(jpeg_of(60, 64, TJSAMP_420)).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(take_jpeg_apart(jpeg_of(64, 64, TJSAMP_422)));
}

TEST(Rtcp, ASenderReportTellsTheWallTimeOfARtpTime) {
  const auto report = serialize_sender_report({.ssrc = 7, .wall_us = 1'500'000, .rtp_timestamp = 90'000, .packet_count = 3, .octet_count = 4}, "cam");
  EXPECT_EQ(report.size() % 4, 0u);
  EXPECT_EQ(u32_at(report, 8), 2'208'988'801u);
  EXPECT_EQ(u32_at(report, 12), 0x80000000u);  // half a second
  EXPECT_EQ(u32_at(report, 16), 90'000u);
  EXPECT_EQ(u16_at(report, 28 + 2) * 4 + 4, report.size() - 28);
}

TEST(Nal, WalksStartCodesOfBothLengthsAndTrailingZeros) {
  const auto stream = bytes_of({0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 3, 0});
  std::vector<size_t> sizes;
  for_each_nal(stream, [&](NalUnit nal) { sizes.push_back(nal.size()); });
  EXPECT_EQ(sizes, (std::vector<size_t>{2, 2, 2}));
}

}  // namespace
}  // namespace camweave::rtp
