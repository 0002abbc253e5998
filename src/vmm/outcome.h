// Outcome: why a run ended. The first cause wins; later ones are consequences of stopping.
#pragma once

#include <string>

#include "base/types.h"

namespace pv::vmm {

struct Outcome {
  enum class Kind : u8 {
    power_off,   // the guest switched the machine off
    guest_code,  // a test-exit device: `code` is 0 to 99
    reset,       // the guest asked for a reset
    crash,       // the guest cannot continue: `message` says why
    panic,       // the guest says so itself
    stopped,     // from outside: a signal, `polyvisor stop`, Ctrl-a x
    hung,        // its watchdog ended it
    host_error,  // ours: `message` and `hint`
  };
  Kind kind = Kind::power_off;
  u8 code = 0;
  std::string message;
  std::string hint;

  // Nothing went wrong, as far as this says.
  bool successful() const {
    return kind == Kind::power_off || (kind == Kind::guest_code && code == 0);
  }
};

}  // namespace pv::vmm
