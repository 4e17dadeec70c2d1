// The standard Huffman tables (ITU-T T.81 annex K.3), which many USB cameras leave out of their MJPEG. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "media/jpeg/header.h"

namespace camweave::jpeg {

// One DHT segment with all four tables, marker included.
std::span<const std::byte> standard_huffman_tables();

// The picture with the standard tables put in before its scan. `header`: of this picture.
std::vector<std::byte> with_huffman_tables(std::span<const std::byte> jpeg, const Header& header);

}  // namespace camweave::jpeg
