#include "jail/terminal.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>

#include <algorithm>

namespace pv::jail {
namespace {

// <asm/ioctls.h> uses it for TIOCGWINSZ where that number contains a size.
struct winsize {
  unsigned short rows, columns, x, y;
};

template <class List>
constexpr bool has(const List& list, unsigned long request) {
  return std::ranges::find(list, static_cast<u32>(request)) != list.end();
}

static_assert(has(terminal_ioctls, TCGETS) && has(terminal_ioctls, TCSETS));
static_assert(has(terminal_ioctls, TCSETSW) && has(terminal_ioctls, TCSETSF));
static_assert(has(terminal_ioctls, TIOCGWINSZ) && has(terminal_ioctls, FIONREAD));
static_assert(has(terminal_ioctls, TIOCGPGRP));
#ifdef TCGETS2
static_assert(has(terminal_ioctls, TCGETS2) && has(terminal_ioctls, TCSETS2));
static_assert(has(terminal_ioctls, TCSETSW2) && has(terminal_ioctls, TCSETSF2));
#endif

TEST(Terminal, CannotBeTypedInto) {
  EXPECT_FALSE(has(terminal_ioctls, TIOCSTI));
  EXPECT_FALSE(has(terminal_ioctls, TIOCLINUX));
}

}  // namespace
}  // namespace pv::jail
