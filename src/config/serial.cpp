#include "config/serial.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <utility>

#include "base/hex.h"
#include "base/text.h"
#include "config/size.h"
#include "config/vm_config.h"

namespace pv::config {
namespace {

constexpr const char* queue_sizes_hint =
    "write max-queue-sizes=[RECEIVE,TRANSMIT], such as [16,64]";

std::unexpected<Error> bad(std::string message, std::string hint = {}) {
  return fail(Error::Kind::usage, std::move(message), std::move(hint));
}

Result<void> read_flag(std::string_view key, std::optional<std::string_view> value, bool& into) {
  if (value && *value != "true" && *value != "false")
    return bad(text("{}: \"{}\" is neither true nor false", key, *value));
  into = !value || *value == "true";
  return {};
}

Result<void> read_text(std::string_view key, std::optional<std::string_view> value,
                       std::string& into) {
  if (!value || value->empty()) return bad(text("{}: needs a value", key));
  into = *value;
  return {};
}

Result<void> read_number(std::string_view key, std::optional<std::string_view> value, u32& into) {
  // crosvm's hexadecimal form is only ever seen for the debug port.
  if (key == "debugcon-port" && value && value->starts_with("0x")) {
    u32 number = 0;
    for (char c : value->substr(2)) {
      const int digit = hex_digit(c);
      if (digit < 0 || number > 0xfff) return bad(text("{}: \"{}\" is no port", key, *value));
      number = number * 16 + static_cast<u32>(digit);
    }
    into = number;
    return {};
  }
  const u64 number = TRY(parse_number(value.value_or("")), key);
  into = static_cast<u32>(std::min<u64>(number, UINT32_MAX));
  return {};
}

// "[16,64]".
Result<void> read_sizes(std::string_view key, std::optional<std::string_view> value,
                        std::vector<u32>& into) {
  std::string_view list = value.value_or("");
  if (!list.starts_with('[') || !list.ends_with(']'))
    return bad(text("{}: \"{}\" is no list of numbers", key, list), queue_sizes_hint);
  list = list.substr(1, list.size() - 2);
  into.clear();
  for (;;) {
    const usize comma = std::min(list.find(','), list.size());
    u32 size = 0;
    TRY(read_number(key, list.substr(0, comma), size));
    into.push_back(size);
    if (comma == list.size()) return {};
    list.remove_prefix(comma + 1);
  }
}

template <class E, usize n>
Result<void> read_choice(std::string_view key, std::optional<std::string_view> value,
                         const Spelling<E> (&names)[n], E& into) {
  const auto found = parse_spelling(names, value.value_or(""));
  if (!found)
    return bad(text("{}: \"{}\" is not known", key, value.value_or("")),
               text("choose one of {}", choices(names)));
  into = *found;
  return {};
}

Result<void> set(Serial& serial, std::string_view key, std::optional<std::string_view> value) {
  if (key == "type") return read_choice(key, value, serial_type_names, serial.type);
  if (key == "hardware") return read_choice(key, value, serial_hardware_names, serial.hardware);
  if (key == "num") return read_number(key, value, serial.num);
  if (key == "name") return read_text(key, value, serial.name);
  if (key == "path") return read_text(key, value, serial.path);
  if (key == "input") return read_text(key, value, serial.input);
  if (key == "input-unix-stream") return read_flag(key, value, serial.input_unix_stream);
  if (key == "console") return read_flag(key, value, serial.console);
  if (key == "earlycon") return read_flag(key, value, serial.earlycon);
  if (key == "stdin") return read_flag(key, value, serial.standard_input);
  if (key == "out-timestamp") return read_flag(key, value, serial.out_timestamp);
  if (key == "debugcon-port") return read_number(key, value, serial.debugcon_port);
  if (key == "pci-address") return read_text(key, value, serial.pci_address);
  if (key == "max-queue-sizes") return read_sizes(key, value, serial.max_queue_sizes);
  return bad(text("\"{}\" is not a key of a serial port", key),
             "the keys are type, hardware, num, name, path, input, input-unix-stream, console, "
             "earlycon, stdin, out-timestamp, debugcon-port, pci-address, max-queue-sizes; a path "
             "with a comma can stand in a "
             "--config file");
}

Result<void> check_input(const Serial& serial) {
  const int inputs = (serial.standard_input ? 1 : 0) + (serial.input.empty() ? 0 : 1) +
                     (serial.input_unix_stream ? 1 : 0);
  if (inputs > 1)
    return bad("input: more than one is given", "choose stdin, input or input_unix_stream");
  if (inputs != 0 && serial.hardware == SerialHardware::debugcon)
    return bad("input: a debugcon has none", "leave it out");
  if (serial.input_unix_stream && serial.type != SerialType::stream)
    return bad("input_unix_stream: is only for type unix-stream");
  return {};
}

// VIRTIO 1.2, 2.7: a queue's size is a power of two of at most 32768.
Result<void> check_queues(const std::vector<u32>& sizes) {
  if (sizes.size() != 2)
    return bad(text("max_queue_sizes: {} of them, but a port has two queues", sizes.size()),
               queue_sizes_hint);
  for (const u32 size : sizes)
    if (!std::has_single_bit(size) || size > 32768)
      return bad(text("max_queue_sizes: {} is no power of two from 1 to 32768", size),
                 queue_sizes_hint);
  return {};
}

Result<void> check_virtio(const Serial& serial) {
  if (serial.hardware == SerialHardware::virtio_console)
    return serial.max_queue_sizes.empty() ? Result<void>() : check_queues(serial.max_queue_sizes);
  const char* field = !serial.name.empty()              ? "name"
                      : !serial.pci_address.empty()     ? "pci_address"
                      : !serial.max_queue_sizes.empty() ? "max_queue_sizes"
                                                        : nullptr;
  if (field == nullptr) return {};
  return bad(text("{}: only a port of a virtio console has one", field),
             "use hardware=virtio-console");
}

Result<void> check_one(const Serial& serial) {
  const bool wants_path = serial.type == SerialType::file || serial.type == SerialType::datagram ||
                          serial.type == SerialType::stream;
  if (wants_path && serial.path.empty())
    return bad(text("path: type {} needs one", spelling(serial_type_names, serial.type)));
  if (!wants_path && !serial.path.empty())
    return bad(text("path: type {} has none", spelling(serial_type_names, serial.type)),
               "use type=file");
  for (const auto& [field, value] :
       {std::pair("path", &serial.path), std::pair("input", &serial.input),
        std::pair("name", &serial.name), std::pair("pci_address", &serial.pci_address)})
    if (value->find('\0') != std::string::npos)
      return bad(text("{}: contains a zero byte, which ends a text", field));
  const bool is_virtio = serial.hardware == SerialHardware::virtio_console;
  const u32 most = is_virtio                                 ? max_virtio_console_num
                   : serial.hardware == SerialHardware::uart ? max_uart_num
                                                             : 1;
  if (serial.num != 1 && most == 1)
    return bad(text("num: {} is given, but there is one debugcon only", serial.num), "write num=1");
  if (serial.num < 1 || serial.num > most)
    return bad(text("num: {} is not between 1 and {}", serial.num, most));
  TRY(check_virtio(serial));
  if (serial.earlycon && serial.hardware != SerialHardware::uart)
    return bad("earlycon: only hardware=serial works that early");
  if (serial.console && serial.hardware == SerialHardware::debugcon)
    return bad("console: a debugcon cannot be one");
  if (serial.debugcon_port != Serial().debugcon_port && serial.hardware != SerialHardware::debugcon)
    return bad("debugcon_port: only a debugcon has one", "use hardware=debugcon");
  if (serial.debugcon_port > 0xffff)
    return bad(text("debugcon_port: {} is no port", serial.debugcon_port));
  return check_input(serial);
}

// Up to the next comma, but for those inside a list.
usize part_size(std::string_view text) {
  const bool list = text.starts_with("max-queue-sizes=[") || text.starts_with("max_queue_sizes=[");
  return std::min(text.find(',', list ? std::min(text.find(']'), text.size()) : 0), text.size());
}

}  // namespace

Result<Serial> parse_serial(std::string_view text) {
  Serial serial;
  std::vector<std::string> seen;
  if (text.empty()) return bad("the value is empty", "write, for example, --serial type=stdout");
  while (!text.empty()) {
    const std::string_view part = text.substr(0, part_size(text));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const usize equals = part.find('=');
    // Older command lines have underscores.
    std::string key(part.substr(0, equals));
    std::replace(key.begin(), key.end(), '_', '-');
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = part.substr(equals + 1);
    TRY(set(serial, key, value));
    if (std::ranges::find(seen, key) != seen.end())
      return bad(pv::text("{}: stands twice", key), "give it once");
    seen.push_back(std::move(key));
  }
  return serial;
}

Result<void> validate_serials(const std::vector<Serial>& serials) {
  int consoles = 0, early = 0, inputs = 0;
  for (usize i = 0; i < serials.size(); ++i) {
    const Serial& serial = serials[i];
    if (auto good = check_one(serial); !good) {
      Error error = std::move(good).error();
      error.message = text("serials[{}].{}", i, error.message);
      return std::unexpected(std::move(error));
    }
    for (const Serial& other : std::span(serials).first(i)) {
      if (other.hardware == serial.hardware && other.num == serial.num)
        return bad(text("serials[{}].num: {} {} stands twice", i,
                        spelling(serial_hardware_names, serial.hardware), serial.num),
                   "give each its own num");
      if (!serial.name.empty() && other.name == serial.name)
        return bad(text("serials[{}].name: \"{}\" stands twice", i, serial.name),
                   "give each port its own name");
    }
    consoles += serial.console ? 1 : 0;
    early += serial.earlycon ? 1 : 0;
    inputs += serial.standard_input ? 1 : 0;
  }
  if (consoles > 1) return bad("serials: more than one is marked as console", "mark one");
  if (early > 1) return bad("serials: more than one is marked as earlycon", "mark one");
  if (inputs > 1) return bad("serials: more than one takes standard input", "give stdin to one");
  return {};
}

std::vector<Serial> effective_serials(const std::vector<Serial>& given, bool virtio_console) {
  Serial uart{.type = SerialType::standard_output};
  if (given.empty()) {
    Serial virtio = uart;
    virtio.hardware = SerialHardware::virtio_console;
    Serial& console = virtio_console ? virtio : uart;
    console.console = console.standard_input = true;
    if (!virtio_console) return {uart};
    return {uart, virtio};
  }
  std::vector<Serial> all = given;
  const bool settled = std::ranges::any_of(given, [](const Serial& one) {
    return one.console || (one.hardware == SerialHardware::uart && one.num == 1);
  });
  if (settled) return all;
  uart.console = true;
  uart.standard_input =
      std::ranges::none_of(given, [](const Serial& one) { return one.standard_input; });
  all.insert(all.begin(), uart);
  return all;
}

}  // namespace pv::config
