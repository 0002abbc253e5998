// Separates the user's keys for polyvisor from those for the guest. After Ctrl-a:
//
//   x        leave                          h   list these keys
//   Ctrl-a   one Ctrl-a for the guest       anything else: both keys go to the guest
//
// A pure state machine: keys may arrive in any pieces.
#pragma once

#include <string_view>
#include <vector>

#include "base/types.h"

namespace pv::cli {

class EscapeFilter {
 public:
  static constexpr u8 escape = 0x01;  // Ctrl-a

  struct Result {
    std::vector<u8> guest;  // what the guest is to receive
    bool leave = false;     // what came after it has been dropped
    bool help = false;
  };
  Result feed(Bytes keys);

 private:
  bool escaped_ = false;  // the last key was Ctrl-a
};

inline constexpr std::string_view escape_help =
    "\r\nCtrl-a x       end the virtual machine\r\n"
    "Ctrl-a h       list these keys\r\n"
    "Ctrl-a Ctrl-a  send Ctrl-a to the guest\r\n";

}  // namespace pv::cli
