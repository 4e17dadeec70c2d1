// The pool's slots, its seals, and what the server's side refuses.
#include "ipc/packet_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "ipc/messages.h"

namespace camweave::ipc {
namespace {

UniqueFd copy_of(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

TEST(PacketPool, WhatTheWorkerWritesTheServerReads) {
  auto pool = PacketPool::create(4, 8192);
  ASSERT_TRUE(pool.ok()) << pool.error().message;
  auto mapped = MappedPool::map(copy_of(pool->fd()), 4, 8192);
  ASSERT_TRUE(mapped.ok()) << mapped.error().message;
  const auto slot = pool->take();
  ASSERT_TRUE(slot.has_value());
  std::memcpy(pool->bytes(*slot).data(), "hello", 5);
  const auto packet = mapped->packet(*slot, 5);
  ASSERT_TRUE(packet.ok());
  EXPECT_EQ(std::memcmp(packet->data(), "hello", 5), 0);
}

TEST(PacketPool, HandsOutEachSlotOnceAndThenNone) {
  auto pool = PacketPool::create(3, 4096);
  ASSERT_TRUE(pool.ok());
  std::vector<uint32_t> taken;
  while (const auto slot = pool->take()) taken.push_back(*slot);
  std::ranges::sort(taken);
  EXPECT_EQ(taken, (std::vector<uint32_t>{0, 1, 2}));
}

TEST(PacketPool, ALyingServerCannotFreeASlotTwice) {
  auto pool = PacketPool::create(2, 4096);
  ASSERT_TRUE(pool.ok());
  const auto slot = pool->take();
  ASSERT_TRUE(slot.has_value());
  pool->give_back(*slot);
  pool->give_back(*slot);
  pool->give_back(2);
  pool->give_back(UINT32_MAX);
  EXPECT_TRUE(pool->take().has_value());
  EXPECT_TRUE(pool->take().has_value());
  EXPECT_FALSE(pool->take().has_value());
}

TEST(PacketPool, BoundsAreKept) {
  EXPECT_FALSE(PacketPool::create(0, 4096).ok());
  EXPECT_FALSE(PacketPool::create(max_slots + 1, 4096).ok());
  EXPECT_FALSE(PacketPool::create(1, 0).ok());
  EXPECT_FALSE(PacketPool::create(1, max_slot_bytes + 1).ok());
}

TEST(PacketPool, NobodyElseCanWriteOrResize) {
  auto pool = PacketPool::create(2, 4096);
  ASSERT_TRUE(pool.ok());
  EXPECT_EQ(::ftruncate(pool->fd(), 4096), -1);
  EXPECT_EQ(::ftruncate(pool->fd(), 65536), -1);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pool->fd(), 0), MAP_FAILED);
  EXPECT_EQ(::pwrite(pool->fd(), "x", 1, 0), -1);
  EXPECT_EQ(::fcntl(pool->fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
}

TEST(PacketPool, SurvivesAMove) {
  auto pool = PacketPool::create(2, 4096);
  ASSERT_TRUE(pool.ok());
  const auto first = pool->take();
  PacketPool moved(std::move(*pool));
  const auto second = moved.take();
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_FALSE(moved.take().has_value());
}

TEST(MappedPool, PacketsOutOfBoundsAreRefused) {
  auto pool = PacketPool::create(2, 4096);
  ASSERT_TRUE(pool.ok());
  auto mapped = MappedPool::map(copy_of(pool->fd()), 2, 4096);
  ASSERT_TRUE(mapped.ok());
  EXPECT_TRUE(mapped->packet(1, 4096).ok());
  EXPECT_FALSE(mapped->packet(2, 1).ok());
  EXPECT_FALSE(mapped->packet(0, 0).ok());
  EXPECT_FALSE(mapped->packet(0, 4097).ok());
  EXPECT_FALSE(mapped->packet(0, UINT64_MAX).ok());
}

TEST(MappedPool, AWorkerThatAnnouncesMoreThanThereIsIsRefused) {
  auto pool = PacketPool::create(2, 4096);
  ASSERT_TRUE(pool.ok());
  EXPECT_EQ(MappedPool::map(copy_of(pool->fd()), 3, 4096).error().code, ErrorCode::protocol);
  EXPECT_EQ(MappedPool::map(copy_of(pool->fd()), 2, 8192).error().code, ErrorCode::protocol);
  EXPECT_FALSE(MappedPool::map(copy_of(pool->fd()), 0, 4096).ok());
  EXPECT_FALSE(MappedPool::map(copy_of(pool->fd()), max_slots + 1, 1).ok());
}

TEST(MappedPool, EachMissingSealIsRefused) {
  const int future_write = 0x0010;
  for (const int missing : {0, F_SEAL_SHRINK, F_SEAL_GROW, future_write, F_SEAL_SEAL}) {
    UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(fd.get(), 8192), 0);
    const int seals = (F_SEAL_SHRINK | F_SEAL_GROW | future_write | F_SEAL_SEAL) & ~missing;
    ASSERT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    EXPECT_EQ(MappedPool::map(std::move(fd), 2, 4096).ok(), missing == 0) << missing;
  }
}

TEST(MappedPool, OtherDescriptorsAreRefused) {
  EXPECT_EQ(MappedPool::map(UniqueFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), 1, 16).error().code,
            ErrorCode::protocol);
  EXPECT_EQ(MappedPool::map(UniqueFd(), 1, 16).error().code, ErrorCode::protocol);
}

}  // namespace
}  // namespace camweave::ipc
