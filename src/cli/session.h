// Session: what connects a running VM to its user: the terminal or other standard input and output,
// signals, and the control socket under the VM's name. All of it runs on the event loop; every way
// of ending the run from outside arrives as Machine::stop().
//
//   auto session = TRY(Session::create(loop, log, config));   // before any other thread
//   ... build the VM; its console writes to session->output() and calls room() of *session
//   TRY(session->attach(machine));                            // before the process is sealed
//   loop.run()
//   session->detach();                                        // restores the terminal
//   ... destroy the VM
//   session.reset();                                          // removes the name, tells who waits
#pragma once

#include <memory>
#include <optional>

#include "base/log.h"
#include "base/result.h"
#include "cli/console_input.h"
#include "cli/console_output.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "config/vm_config.h"
#include "control/server.h"
#include "device/ports.h"
#include "loop/event_loop.h"

namespace pv::cli {

// The VM as a session sees it; called on the loop's thread only.
class Machine : public control::Target {
 public:
  // The console device's input: returns how many bytes it took. Having refused some, the device
  // calls Session::room() when it can take more.
  virtual usize receive(Bytes input) = 0;
  // The terminal's size, at the start and when it changes.
  virtual void resize(u16 rows, u16 columns) = 0;
};

// What a VM is called, and its entry among the running ones.
struct Identity {
  // By default the name is that of this process. Errors: usage when a VM of that name is running. A
  // host where it cannot be registered, for whatever reason, is no error: that is logged as a
  // warning, and there is no entry.
  static Result<Identity> create(Log& log, const config::VmConfig& config);

  std::string name;
  std::optional<control::Registration> entry;
};

class Session final : public device::CharSource, private control::Target {
 public:
  struct Descriptors {
    int in = 0;
    int out = 1;
    int err = 2;
  };

  // Blocks the signals and, unless it is given, makes the VM's identity. Errors: those of that.
  static Result<std::unique_ptr<Session>> create(loop::EventLoop& loop, Log& log,
                                                 const config::VmConfig& config,
                                                 Descriptors descriptors,
                                                 std::optional<Identity> identity = {});
  ~Session() override;

  // Begins to carry input and to serve control requests. A signal that came before is delivered
  // now. The machine must live until detach().
  Result<void> attach(Machine& machine);
  // A client of the control server, which it will have from attach() on.
  void set_client(Fd client) { client_ = std::move(client); }
  // After the run: the terminal is as it was found and no more input is read. The name stays taken
  // and whoever waits for the VM's end goes on waiting; signals wait, too. The loop is not to run
  // again.
  void detach();
  // After detach(): whether anybody has asked until now that the run be ended, be it too late for
  // that. Whoever did so must not see the VM boot again.
  bool stop_wanted();

  ConsoleOutput& output() { return output_; }
  void room() override;  // any thread
  const std::string& name() const { return identity_.name; }
  // The descriptor of the folder in which the control socket's name is removed at the end; -1 when
  // that is not for this process to do. Before attach().
  int registry_folder() const { return identity_.entry ? identity_.entry->folder() : -1; }
  bool registered() const { return server_ != nullptr || identity_.entry.has_value(); }
  const Terminal& terminal() const { return terminal_; }

 private:
  Session(loop::EventLoop& loop, Log& log, Descriptors descriptors)
      : loop_(loop),
        log_(log),
        descriptors_(descriptors),
        terminal_(descriptors.in),
        output_(descriptors.out, log) {}
  // control::Target, for the server
  Result<void> pause() override { return machine_->pause(); }
  Result<void> resume() override { return machine_->resume(); }
  Result<void> stop(control::Stopper by) override;
  control::Stats stat() override { return machine_->stat(); }
  control::Facts facts() override { return machine_->facts(); }
  Result<hv::RegisterFile> registers(u64 cpu) override { return machine_->registers(cpu); }
  Result<std::vector<u8>> memory(u64 address, u64 length) override {
    return machine_->memory(address, length);
  }
  memory::SearchResult search(memory::GuestRange range, Bytes pattern) override {
    return machine_->search(range, pattern);
  }

  Signals::Handlers signal_handlers();
  void end_run(std::string_view why);
  void suspend();
  void send_size();

  loop::EventLoop& loop_;
  Log& log_;
  Descriptors descriptors_;
  Terminal terminal_;
  ConsoleOutput output_;
  std::unique_ptr<Signals> signals_;
  Identity identity_;  // its entry: until the server has it
  Machine* machine_ = nullptr;
  bool stop_wanted_ = false;  // perhaps before there was a machine to stop
  std::unique_ptr<control::Server> server_;
  std::optional<control::Registration> handed_;  // --socket: until its server has it
  std::unique_ptr<control::Server> handed_server_;
  Fd client_;  // until a server has it
  std::unique_ptr<ConsoleInput> input_;
};

}  // namespace pv::cli
