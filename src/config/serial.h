// The guest's serial ports: what each is, and what it is wired to. The form of --serial is crosvm's
// (devices/src/serial_device.rs, docs of `crosvm run --serial`), extended by nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace pv::config {

// Where output goes. `datagram` and `stream`: a Unix socket that somebody else listens on.
enum class SerialType : u8 { file, standard_output, sink, syslog, datagram, stream };
enum class SerialHardware : u8 { uart, virtio_console, debugcon };

struct Serial {
  SerialType type = SerialType::sink;
  SerialHardware hardware = SerialHardware::uart;
  u32 num = 1;                     // of its hardware, from 1: ttyS0, hvc0
  std::string name = {};           // virtio-console: of the port in the guest
  std::string path = {};           // of type file and the sockets
  std::string input = {};          // a file to read from; empty: none
  bool input_unix_stream = false;  // input comes from the stream socket
  bool console = false;            // it is the guest's console
  bool earlycon = false;           // it is Linux's early console
  bool standard_input = false;     // input comes from standard input
  bool out_timestamp = false;      // each line of output begins with the time
  u32 debugcon_port = 0x402;
  std::string pci_address = {};           // virtio-console: of its device (pci_address.h)
  std::vector<u32> max_queue_sizes = {};  // virtio-console: receive, transmit; empty: ours

  bool operator==(const Serial&) const = default;
};

inline constexpr u32 max_uart_num = 4;
inline constexpr u32 max_virtio_console_num = 16;

// "type=file,path=F,hardware=serial,num=1,console". Errors (usage) name the key.
Result<Serial> parse_serial(std::string_view text);

// Errors (usage) name the port by its place: "serials[1].path: ...".
Result<void> validate_serials(const std::vector<Serial>& serials);

// The ports that a VM has. Those given, and, as crosvm has it, a first UART on standard input and
// output when none of them is the console and that UART is not among them. With `none` given: the
// console of `virtio_console` or a UART, on standard input and output.
std::vector<Serial> effective_serials(const std::vector<Serial>& given, bool virtio_console);

}  // namespace pv::config
