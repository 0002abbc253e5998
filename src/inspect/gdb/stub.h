// The server's side of gdb's remote serial protocol, without a socket: bytes in, bytes out, and a
// Target that does the work. Threads are CPUs, numbered from 1; all stop together.
//
// Specification: Debugging with GDB (13), appendix E. The client is not trusted: whatever it sends
// is bounded by max_packet and answered or dropped. Absent: non-stop mode, extended mode, tracing,
// file I/O, conditions evaluated here, several processes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "inspect/gdb/description.h"
#include "inspect/gdb/packet.h"
#include "inspect/gdb/target.h"

namespace pv::inspect::gdb {

// What the client and its server have agreed on; a new server can go on from there.
struct Terms {
  bool acks = true;
  bool tells_software = false, tells_hardware = false;
  bool running = false;  // the client waits to hear of a stop
};

class Stub {
 public:
  using Send = std::function<void(std::string_view)>;

  // The target stands still, for `why`. `description` is of its registers. With terms of before: a
  // client that waits for a stop has to be told by stopped().
  Stub(Target& target, Description description, Stop why, Send send, Terms terms = {});

  void receive(Bytes bytes);
  // All CPUs have stopped.
  void stopped(const Stop& why);
  // The VM has ended, with a status or by a signal as a program would.
  void exited(u8 status) { ended('W', status); }
  void killed(u8 signal) { ended('X', signal); }
  // A line for the user; shown when the client listens for output, which is while the guest runs
  // and after `monitor`.
  void note(std::string line);

  // The client has said that it is done: nothing more will come from here.
  bool finished() const { return finished_; }
  bool running() const { return terms_.running; }
  const Terms& terms() const { return terms_; }

 private:
  void event(PacketReader::Event event, std::string_view data);
  void packet(std::string_view data);
  std::string answer(std::string_view data);
  std::string query(std::string_view data);
  std::string set(std::string_view data);
  std::string verbose(std::string_view data);
  std::string transfer(std::string_view data);
  std::string command(std::string_view hex);

  std::string read_all();
  std::string write_all(std::string_view hex);
  std::string read_one(std::string_view data);
  std::string write_one(std::string_view data);
  std::string read_memory(std::string_view data);
  std::string write_memory(std::string_view data, bool binary);
  std::string point(std::string_view data, bool insert);
  std::string select(std::string_view data);
  std::string alive(std::string_view data);
  std::string threads() const;
  std::string resume_simply(std::string_view data, Action action);
  std::string resume(std::string_view actions);
  std::string start(const std::vector<Action>& actions);
  std::string stop_reply() const;
  void ended(char how, u8 number);
  std::string failed(const Error& error);
  void console(std::string_view output);
  void reply(std::string_view data);

  Target& target_;
  Description description_;
  Stop why_;
  Send send_;
  PacketReader reader_;
  std::string last_;  // for a client that asks again
  std::string notes_;
  std::string problem_;  // why the last request failed, for `monitor why`
  unsigned cpu_ = 0;     // that requests are about
  unsigned step_cpu_ = 0;
  bool step_all_ = true;
  Terms terms_;
  bool finished_ = false;
  bool physical_ = false;
};

}  // namespace pv::inspect::gdb
