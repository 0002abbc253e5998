// The control server of one VM: accepts on its registered socket and answers requests, all on the
// event loop. Nobody who connects can make it wait or grow: a request is at most max_request bytes,
// a client's next one is read only after its answer has left, and of more than max_clients the one
// that has been silent for longest is dropped.
//
// Who may connect is decided by the directory's permissions alone.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "control/protocol.h"
#include "control/registry.h"
#include "control/target.h"
#include "loop/event_loop.h"

namespace pv::control {

class Server final {
 public:
  static constexpr usize max_clients = 8;

  // Serves until destroyed; the entry in the registry goes with it. The loop, log and target must
  // live longer. To be created, used and destroyed on the loop's thread (or before and after it).
  static Result<std::unique_ptr<Server>> create(loop::EventLoop& loop, Log& log, Target& target,
                                                Registration registration);
  ~Server();

  // For after the run, when the target is no more: answers the requests to stop that have arrived
  // by now; true when there was one. All others stay unanswered: their clients ask the next boot,
  // if there is one.
  bool late_stop();

  // The VM's watchdog, which is connected already: a stream socket, non-blocking.
  void adopt(Fd watchdog) { add(std::move(watchdog), Stopper::watchdog); }

  const std::string& name() const { return registration_.name(); }

 private:
  struct Client {
    Fd fd;
    u64 last_use = 0;
    std::string input;     // at most max_request bytes
    std::string output;    // what has not been sent of the last answer
    bool closing = false;  // as soon as the output has left
    Stopper who = Stopper::owner;
  };

  Server(loop::EventLoop& loop, Log& log, Target& target, Registration registration, Fd spare)
      : loop_(loop),
        log_(log),
        target_(target),
        registration_(std::move(registration)),
        spare_(std::move(spare)) {}
  void accept_ready();
  void add(Fd fd, Stopper who = Stopper::owner);
  void drop(int fd);
  void drop_longest_silent();
  void readable(int fd);
  void writable(int fd);
  bool read_some(Client& client);
  void answer_requests(Client& client);
  void send_output(Client& client);
  std::string answer(std::string_view line, Client& client);

  loop::EventLoop& loop_;
  Log& log_;
  Target& target_;
  Registration registration_;
  Fd spare_;  // given up for a moment when the process has no descriptor left
  std::map<int, Client> clients_;
  u64 uses_ = 0;
};

}  // namespace pv::control
