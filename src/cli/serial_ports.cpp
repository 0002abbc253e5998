#include "cli/serial_ports.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/handed_fd.h"
#include "base/text.h"
#include "config/vm_config.h"

namespace pv::cli {
namespace {

using config::Serial;
using config::SerialType;

// The port in words: "serial 1", "virtio-console 2".
std::string name_of(const Serial& serial) {
  return text("{} {}", config::spelling(config::serial_hardware_names, serial.hardware),
              serial.num);
}

Result<Fd> connect_to(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Error::Kind::usage, text("{}: the name of a socket has {} bytes at most", path,
                                         sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno("cannot make a Unix socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return fail_errno(text("cannot connect to {}", path), errno,
                      "somebody has to listen there before the VM starts");
  return fd;
}

// What is written to is appended to. A FIFO is opened for reading, too: that neither waits for a
// reader nor fails without one.
Result<Fd> open_for_output(const std::string& path) {
  if (auto handed = duplicate_named(path, FdUse::write)) return std::move(*handed);
  struct stat st;
  const bool fifo = ::stat(path.c_str(), &st) == 0 && S_ISFIFO(st.st_mode);
  const int flags = fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK;
  return open_file(path, flags | O_NOCTTY, 0644);
}

Result<Fd> open_for_input(const std::string& path) {
  auto handed = duplicate_named(path, FdUse::read);
  Fd fd = TRY(handed ? std::move(*handed) : open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat st{};
  if (::fstat(fd.get(), &st) == 0 && S_ISDIR(st.st_mode))
    return fail(Error::Kind::host, text("{} is a directory", path),
                "name a file, a FIFO or a terminal");
  return fd;
}

}  // namespace

Result<std::unique_ptr<SerialPorts>> SerialPorts::create(loop::EventLoop& loop, Log& log,
                                                         const std::vector<Serial>& serials,
                                                         Standard standard,
                                                         std::span<const std::string> files) {
  std::unique_ptr<SerialPorts> ports(new SerialPorts(loop, log, standard, files));
  TRY(ports->open(serials));
  return ports;
}

Result<void> SerialPorts::open(const std::vector<Serial>& serials) {
  // The usual case costs nothing.
  if (serials.size() == 1 && serials[0].type == SerialType::standard_output &&
      serials[0].input.empty() && !serials[0].out_timestamp) {
    ends_.push_back(
        {&serials[0], &standard_.out, serials[0].standard_input ? &standard_.in : nullptr});
    return {};
  }
  std::vector<Output*> outputs;
  for (const Serial& serial : serials) {
    outputs.push_back(TRY(open_output(serial), name_of(serial)));
    if (outputs.back() != nullptr) ++outputs.back()->users;
  }
  for (usize i = 0; i < serials.size(); ++i) {
    auto* out = TRY(out_of(serials[i], outputs[i]), name_of(serials[i]));
    auto* in = TRY(open_input(serials[i], i, outputs[i]), name_of(serials[i]));
    ends_.push_back({&serials[i], out, in});
  }
  return {};
}

SerialPorts::Output* SerialPorts::find(u64 device, u64 inode) {
  for (Output& output : outputs_)
    if (output.device == device && output.inode == inode) return &output;
  return nullptr;
}

// One that is open already is shared. Standard output keeps the session's own way out.
Result<SerialPorts::Output*> SerialPorts::add_output(Fd fd) {
  const bool standard = !fd.valid();
  struct stat st;
  if (::fstat(standard ? standard_.out_fd : fd.get(), &st) < 0) {
    if (!standard) return fail_errno("cannot look at the output", errno);
    st = {};  // `>&-`: the first write will say so
  }
  const u64 device = st.st_dev, inode = st.st_ino;
  if (Output* same = find(device, inode)) return same;
  struct stat out;
  const bool same_as_standard = !standard && ::fstat(standard_.out_fd, &out) == 0 &&
                                out.st_dev == st.st_dev && out.st_ino == st.st_ino;
  Output& output = outputs_.emplace_back();
  output.device = device;
  output.inode = inode;
  if (standard || same_as_standard) {
    output.out = &standard_.out;
    return &output;
  }
  output.own = std::move(fd);
  output.sink = std::make_unique<ConsoleOutput>(output.own.get(), log_);
  output.out = output.sink.get();
  return &output;
}

// A log behind a kernel or inside a disk image would destroy it.
Result<Fd> SerialPorts::open_file_output(const std::string& path) const {
  Fd fd = TRY(open_for_output(path));
  struct stat own{}, other{};
  if (::fstat(fd.get(), &own) < 0 || !S_ISREG(own.st_mode)) return fd;
  for (const std::string& file : files_)
    if (::stat(file.c_str(), &other) == 0 && own.st_dev == other.st_dev &&
        own.st_ino == other.st_ino)
      return fail(Error::Kind::usage, text("{} is used for something else by this VM", path),
                  "name a file of its own");
  return fd;
}

Result<SerialPorts::Output*> SerialPorts::open_output(const Serial& serial) {
  switch (serial.type) {
    case SerialType::sink: return nullptr;
    case SerialType::standard_output: return add_output(Fd());
    case SerialType::file: return add_output(TRY(open_file_output(serial.path)));
    case SerialType::datagram: return add_output(TRY(connect_to(serial.path, SOCK_DGRAM)));
    case SerialType::stream: return add_output(TRY(connect_to(serial.path, SOCK_STREAM)));
    case SerialType::syslog: {
      auto connected = connect_to("/dev/log", SOCK_DGRAM);
      if (connected) return add_output(std::move(*connected));
      Error error = std::move(connected).error();
      error.hint = "type=syslog needs a system log that listens on /dev/log; use type=file";
      return std::unexpected(std::move(error));
    }
  }
  return nullptr;
}

Result<device::CharSink*> SerialPorts::out_of(const Serial& serial, Output* output) {
  if (output == nullptr) return &nowhere_;
  device::CharSink* out = output->out;
  if (serial.type == SerialType::syslog) {
    out = &logs_.emplace_back(*out, text("polyvisor[{}] {}", ::getpid(), name_of(serial)));
  } else if (output->users > 1) {
    if (!output->joiner) output->joiner = TRY(LineJoiner::create(loop_, *output->out));
    out = &output->joiner->port();
  }
  if (serial.out_timestamp) out = &timestamps_.emplace_back(*out, clock_);
  return out;
}

Result<device::CharSource*> SerialPorts::open_input(const Serial& serial, usize number,
                                                    const Output* output) {
  if (serial.standard_input) return &standard_.in;
  Fd fd;
  if (serial.input_unix_stream)
    fd = Fd(::fcntl(output->own.get(), F_DUPFD_CLOEXEC, 3));
  else if (!serial.input.empty())
    fd = TRY(open_for_input(serial.input), "input");
  else
    return nullptr;
  if (!fd.valid()) return fail_errno("cannot duplicate a descriptor", errno);
  Input& input = inputs_.emplace_back();
  input.fd = std::move(fd);
  input.serial = number;
  input.terminal = std::make_unique<Terminal>(input.fd.get());
  ConsoleInput::Handlers handlers;
  handlers.receive = [this, number](Bytes bytes) { return receive_(number, bytes); };
  handlers.leave = [] {};
  handlers.help = [] {};
  input.input = std::make_unique<ConsoleInput>(loop_, log_, *input.terminal, std::move(handlers));
  return input.input.get();
}

Result<void> SerialPorts::attach(Receive receive) {
  receive_ = std::move(receive);
  for (Input& input : inputs_) TRY(input.input->start(), name_of(*ends_[input.serial].what));
  return {};
}

void SerialPorts::detach() {
  for (Input& input : inputs_) input.input->stop();
  for (Output& output : outputs_)
    if (output.joiner) output.joiner->finish();
}

}  // namespace pv::cli
