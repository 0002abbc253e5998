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
#include "vmm/outcome.h"

namespace pv::vmm {

class GdbServer {
 public:
  // `listener` is a non-blocking listening socket. Everything outlives the server.
  static Result<std::unique_ptr<GdbServer>> create(loop::EventLoop& loop, Log& log, int listener,
                                                   Debugger& debugger);
  ~GdbServer();

  // The VM has ended: the client is told.
  void ended(const Outcome& outcome);

 private:
  GdbServer(loop::EventLoop& loop, Log& log, int listener, Debugger& debugger)
      : loop_(loop), log_(log), listener_(listener), debugger_(debugger) {}
  void accept_ready();
  void begin(Fd client);
  void ready();
  void send(std::string_view text);
  void flush();
  void drop(const char* why);

  loop::EventLoop& loop_;
  Log& log_;
  int listener_;
  Debugger& debugger_;
  Fd client_;
  std::unique_ptr<inspect::gdb::Stub> stub_;
  std::string output_;  // what the client has not taken yet
  bool watches_output_ = false;
};

}  // namespace pv::vmm
