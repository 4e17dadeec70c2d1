#include "app/page_address.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

#include <memory>

namespace camweave {
namespace {

std::string host_of_this_machine() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "localhost";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET || !(entry->ifa_flags & IFF_UP)) continue;
    const IpAddress address = IpAddress::from_socket_address(*entry->ifa_addr);
    if (!address.is_loopback() && address.is_private()) return address.to_string();
  }
  return "localhost";
}

}  // namespace

std::string page_address(const ListenAddress& listener) {
  const bool is_everywhere = listener.dual_stack || listener.address == IpAddress();
  std::string host = is_everywhere ? host_of_this_machine() : listener.address.to_string();
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  return fmt::format("http://{}:{}/", host, listener.port);
}

}  // namespace camweave
