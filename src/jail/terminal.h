// The ioctl requests with which a terminal is read, set to raw mode and restored. The numbers are
// written out because the header that defines them (<asm/termbits.h>) cannot stand beside
// <termios.h>; the unit test compares them with it.
#pragma once

#include <array>

#include "base/arch.h"
#include "base/types.h"

namespace pv::jail {

// powerpc numbers these by size and direction (_IOR('t', 19, struct termios)...), the others have
// the plain numbers of old and termios2's, which newer C libraries use.
namespace detail {
inline constexpr std::array<u32, 7> terminal_powerpc = {
    0x402c'7413, 0x802c'7414, 0x802c'7415, 0x802c'7416,  // TCGETS, TCSETS, TCSETSW, TCSETSF
    0x4004'7477, 0x4008'7468, 0x4004'667f};              // TIOCGPGRP, TIOCGWINSZ, FIONREAD
inline constexpr std::array<u32, 11> terminal_generic = {
    0x5401,      0x5402,      0x5403,      0x5404,        // TCGETS, TCSETS, TCSETSW, TCSETSF
    0x540f,      0x5413,      0x541b,                     // TIOCGPGRP, TIOCGWINSZ, FIONREAD
    0x802c'542a, 0x402c'542b, 0x402c'542c, 0x402c'542d};  // TCGETS2, TCSETS2, TCSETSW2, TCSETSF2
template <Arch arch>
consteval auto terminal_of() {
  if constexpr (arch == Arch::powerpc)
    return terminal_powerpc;
  else
    return terminal_generic;
}
}  // namespace detail

// For the thread that reads the terminal, and for any thread whose last act may be to restore it.
inline constexpr auto terminal_ioctls = detail::terminal_of<host_arch>();

}  // namespace pv::jail
