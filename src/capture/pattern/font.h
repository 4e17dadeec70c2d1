// The 5×7 letters that the pattern camera writes with. Pure.
#pragma once

#include <array>
#include <cstdint>

namespace camweave::pattern {

inline constexpr int glyph_width = 5, glyph_height = 7, glyph_advance = 6;

// Seven rows, the leftmost pixel in bit 4. A blank for what it doesn't have (digits and # : . - only).
std::array<uint8_t, glyph_height> glyph(char letter);

}  // namespace camweave::pattern
