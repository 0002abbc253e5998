// GdbServer: one gdb at a time on a listening socket, between the protocol (inspect/gdb) and the
// Debugger. All on the loop's thread. A client that vanishes counts as detached.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "base/log.h"
#include "inspect/gdb/stub.h"
#include "loop/event_loop.h"
#include "vmm/debugger.h"
#include "vmm/gdb_listener.h"
#include "vmm/outcome.h"

namespace pv::vmm {

class GdbServer {
 public:
  // Before the first resume of the guest. Everything outlives the server.
  static Result<std::unique_ptr<GdbServer>> create(loop::EventLoop& loop, Log& log,
                                                   const GdbListener& listener, Debugger& debugger);
  ~GdbServer();

  // The VM has ended: the client is told, or kept for the boot that follows (`again`).
  void ended(const Outcome& outcome, bool again);

 private:
  GdbServer(loop::EventLoop& loop, Log& log, const GdbListener& listener, Debugger& debugger)
      : loop_(loop), log_(log), listener_(listener), debugger_(debugger) {}
  void accept_ready();
  void begin(Fd client, inspect::gdb::Terms terms);
  void go_on();
  void ready();
  void send(std::string_view text);
  void flush();
  void drop();

  loop::EventLoop& loop_;
  Log& log_;
  const GdbListener& listener_;
  Debugger& debugger_;
  Throttle refusals_;
  Fd client_;
  std::unique_ptr<inspect::gdb::Stub> stub_;
  std::string output_;  // what the client has not taken yet
  bool watches_output_ = false;
  GdbListener::Kept kept_;  // until the vCPUs' threads are there
};

}  // namespace pv::vmm
