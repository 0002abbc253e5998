// SerialPorts: the host's side of the guest's serial ports. Opens what their configuration names,
// before the process is sealed; wires output and input; ports of one file share it by lines
// (LineJoiner). What a slow or dead reader means is ConsoleOutput's: a wait that ends, then loss.
//
//   auto ports = TRY(SerialPorts::create(loop, log, serials, session_out, session));
//   ... build the VM from ports->ends()
//   TRY(ports->attach(receive));    // input begins to flow
//   ports->detach();                // after the run
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "cli/console_input.h"
#include "cli/console_output.h"
#include "cli/line_joiner.h"
#include "cli/serial_output.h"
#include "config/serial.h"
#include "device/host_ports.h"
#include "vmm/serial_end.h"

namespace pv::cli {

class SerialPorts {
 public:
  // Standard input and output as the session has them.
  struct Standard {
    int out_fd;
    device::CharSink& out;
    device::CharSource& in;
  };

  // `serials`, the standard ends and the others outlive it. Errors name the port and the file.
  // `files`: what else the VM reads and writes; no port may write into one of these.
  static Result<std::unique_ptr<SerialPorts>> create(loop::EventLoop& loop, Log& log,
                                                     const std::vector<config::Serial>& serials,
                                                     Standard standard,
                                                     std::span<const std::string> files);

  // In the order of the configuration.
  std::span<const vmm::SerialEnd> ends() const { return ends_; }

  // Gives input to a port; returns how many bytes it took.
  using Receive = std::function<usize(usize serial, Bytes)>;
  Result<void> attach(Receive receive);
  // No more input, and what has waited for the end of a line goes out.
  void detach();

 private:
  // One thing that is written to.
  struct Output {
    Fd own;  // where it is not standard output
    std::unique_ptr<ConsoleOutput> sink;
    device::CharSink* out = nullptr;
    u64 device = 0, inode = 0;  // what it is, whatever its name
    unsigned users = 0;
    std::unique_ptr<LineJoiner> joiner;
  };
  struct Input {
    Fd fd;
    std::unique_ptr<Terminal> terminal;
    std::unique_ptr<ConsoleInput> input;
    usize serial;
  };

  SerialPorts(loop::EventLoop& loop, Log& log, Standard standard,
              std::span<const std::string> files)
      : loop_(loop), log_(log), standard_(standard), files_(files) {}
  Result<void> open(const std::vector<config::Serial>& serials);
  Result<Output*> open_output(const config::Serial& serial);
  Result<Fd> open_file_output(const std::string& path) const;
  Result<Output*> add_output(Fd fd);
  Output* find(u64 device, u64 inode);
  Result<device::CharSink*> out_of(const config::Serial& serial, Output* output);
  Result<device::CharSource*> open_input(const config::Serial& serial, usize number,
                                         const Output* output);

  loop::EventLoop& loop_;
  Log& log_;
  Standard standard_;
  std::span<const std::string> files_;
  device::HostClock clock_;
  device::NullSink nowhere_;
  Receive receive_;
  std::list<Output> outputs_;
  std::list<TimestampSink> timestamps_;
  std::list<SyslogSink> logs_;
  std::list<Input> inputs_;
  std::vector<vmm::SerialEnd> ends_;
};

}  // namespace pv::cli
