// Where a browser finds the page.
#pragma once

#include <string>
#include <vector>

#include "net/ip_address.h"

namespace camweave {

// "http://192.168.1.5:8000/": for a listener on every address this machine's first private one, else localhost.
std::string page_address(const ListenAddress& listener);

}  // namespace camweave
