// The other end of the control socket: what `polyvisor list`, `stat`, `stop`, `pause` and `resume`
// do. Everything here may wait, for a bounded time.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "control/protocol.h"
#include "control/registry.h"

namespace pv::control {

// A VM that is running, as found in the registry.
struct Running {
  std::string name;
  const Directory* directory;
};

// Every living VM in `directories` by name; stale entries are cleared on the way.
std::vector<Running> running_vms(const std::vector<Directory>& directories);

inline constexpr int request_timeout_ms = 5'000;
inline constexpr int stop_timeout_ms = 10'000;

// Sends one request. For `stop` it returns when the VM has ended, and succeeds also when the VM
// ends by itself meanwhile. A VM that boots again (run --reboot) is asked again. Errors (host): the
// VM does not answer in time, it ended before, or what it reported.
Result<Reply> request(const Running& vm, Request what);

// A connection for many requests, to a VM that is not expected to end meanwhile.
class Connection {
 public:
  static Result<Connection> open(const Running& vm);
  // Over a socket whose other end the VM's server has been given (Server::adopt).
  static Connection over(Fd fd, std::string name);
  // Errors (host): the VM does not answer in time, it ended, or what it reported. An answer that
  // comes too late is thrown away by the next request.
  Result<Reply> request(Request what);

 private:
  Connection(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Fd fd_;
  std::string name_;
  bool owed_ = false;  // an answer that did not come in time
};

}  // namespace pv::control
