// The ioctl requests with which a terminal is read, set to raw mode and restored. The numbers are
// written out because the header that defines them (<asm/termbits.h>) cannot stand beside
// <termios.h>; the unit test compares them with it.
#pragma once

#include <array>

#include "base/arch.h"
#include "base/types.h"

namespace pv::jail {

// powerpc numbers these by size and direction (_IOR('t', 19, struct termios)...), the others have
// the plain numbers of old; the last four are termios2's, which newer C libraries use.
inline constexpr std::array<u32, 9> terminal_ioctls =
    host_arch == Arch::powerpc
        ? std::array<u32, 9>{0x402c'7413, 0x802c'7414, 0x802c'7415, 0x802c'7416,  // TCGETS, TCSETS
                             0x4008'7468, 0x4004'667f, 0x402c'7413, 0x402c'7413, 0x402c'7413}
        : std::array<u32, 9>{0x5401,      0x5402,      0x5403,      0x5404,  // TCGETS, TCSETS, W, F
                             0x5413,      0x541b,                            // TIOCGWINSZ, FIONREAD
                             0x802c'542a, 0x402c'542b, 0x402c'542d};
inline constexpr std::array<u32, 3> terminal_restore_ioctls =
    host_arch == Arch::powerpc ? std::array<u32, 3>{0x802c'7414, 0x802c'7415, 0x802c'7416}
                               : std::array<u32, 3>{0x5402, 0x5404, 0x402c'542d};

}  // namespace pv::jail
