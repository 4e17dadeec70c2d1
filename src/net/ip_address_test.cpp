#include "net/ip_address.h"

#include <gtest/gtest.h>

namespace camweave {
namespace {

TEST(IpAddress, KnowsWhoIsNear) {
  const auto is_near = [](const char* text) {
    const auto address = *IpAddress::parse(text);
    return address.is_loopback() || address.is_private();
  };
  for (const char* text :
       {"127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.3.4",
        "fe80::1", "febf::1", "fd12:3456::1", "fc00::1", "::ffff:192.168.0.9", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_near(text)) << text;
  }
  for (const char* text : {"8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "11.0.0.1", "169.253.0.1", "0.0.0.0",
                           "::", "2001:db8::1", "fec0::1", "::ffff:8.8.8.8", "ff02::1", "::2"}) {
    EXPECT_FALSE(is_near(text)) << text;
  }
}

TEST(IpAddress, MappedIsTheSameAsPlain) {
  EXPECT_EQ(*IpAddress::parse("::ffff:192.0.2.1"), *IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(IpAddress::parse("[::ffff:192.0.2.1]")->to_string(), "192.0.2.1");
  EXPECT_EQ(IpAddress::parse("[fe80::1%eth0]")->to_string(), "fe80::1");
}

TEST(ListenAddress, TakesTheFormsThatPeopleWrite) {
  EXPECT_EQ(parse_listen_address("0.0.0.0:8000")->to_string(), "0.0.0.0:8000");
  EXPECT_EQ(parse_listen_address("[::1]:80")->to_string(), "[::1]:80");
  EXPECT_FALSE(parse_listen_address("[::1]:80")->dual_stack);
  for (const char* every : {"[::]:8000", ":8000", "8000"}) {
    EXPECT_TRUE(parse_listen_address(every)->dual_stack) << every;
    EXPECT_EQ(parse_listen_address(every)->port, 8000) << every;
  }
  for (const char* bad :
       {"", "localhost:8000", "0.0.0.0", "0.0.0.0:", "0.0.0.0:70000", "0.0.0.0:-1", "::1:80", "0.0.0.0:80x"}) {
    EXPECT_FALSE(parse_listen_address(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace camweave
