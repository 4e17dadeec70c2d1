// The few socket calls that the generator and the floor share. Every function says why it failed in words; none blocks.
#pragma once

#include <netinet/in.h>

#include <string>

#include "unique_fd.h"

namespace bench {

// Sets the congestion control; an empty name leaves the system's. False when the kernel does not have it.
bool set_congestion_control(int fd, const std::string& name);

void set_option(int fd, int level, int option, int value);

// 127.0.0.1 and the like; nothing is looked up.
bool parse_ipv4(const std::string& host, uint16_t port, sockaddr_in& out);

// Raises the limit of open files to what the system allows.
void raise_open_file_limit();

}  // namespace bench
