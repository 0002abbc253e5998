// The socket at which a VM waits for gdb. Made before the process seals itself; with --reboot the
// process that waits for the boots makes it once, and each boot accepts from it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/log.h"
#include "config/gdb_address.h"
#include "inspect/gdb/stub.h"

namespace pv::vmm {

class GdbListener {
 public:
  // Errors: the address is in use, or the host refuses. An address that others than this machine's
  // programs can reach is warned of.
  static Result<GdbListener> create(const config::GdbAddress& address, Log& log);
  GdbListener(GdbListener&&) noexcept = default;
  GdbListener& operator=(GdbListener&&) = delete;
  // Removes the Unix socket's name, in the process that made it.
  ~GdbListener();

  int fd() const { return fd_.get(); }
  // The descriptor of the folder in which the destructor removes the name; -1: nothing to remove
  // by this process.
  int folder() const;
  // A connection that outlives its boot. It waits in a socket that all boots inherit.
  struct Kept {
    Fd client;
    inspect::gdb::Terms terms;
  };
  void keep(const Kept& kept) const;
  std::optional<Kept> take_kept() const;

  // What to tell gdb: "target remote ...".
  const std::string& command() const { return command_; }

 private:
  GdbListener(Fd fd, Fd folder, std::string name, std::string command);
  Result<void> make_keeper();

  Fd fd_;
  Fd keeper_in_, keeper_out_;
  Fd folder_;
  std::string name_;
  std::string command_;
  pid_t owner_;
};

}  // namespace pv::vmm
