#include "config/avf.h"

#include <unistd.h>

#include <algorithm>

#include "base/arch.h"

namespace pv::config {
namespace {

constexpr const char* known_fields =
    "name, kernel, initrd, params, disks, memory_mib, cpu_topology, platform_version, protected, "
    "console_input_device, console_out, connect_console, debuggable";

Result<void> read_disk(const std::string& path, const Json& value, Disk& into) {
  if (!value.is_object()) return wrong(path, "an object with an image", value);
  bool writable = false;
  for (const auto& [key, member] : value.items()) {
    const std::string field = text("{}.{}", path, key);
    if (member.is_null()) continue;
    if (key == "image")
      TRY(read(field, member, into.path));
    else if (key == "writable")
      TRY(read(field, member, writable));
    else if (key == "partitions" && !member.is_array())
      return wrong(field, "a list", member);
    else if (key == "partitions" && !member.empty())
      return bad(text("{}: disks composed of partitions are not there yet", field),
                 "make one image of them and name it as the disk's image");
    else if (key != "partitions")
      return bad(text("{}: no such field", field), "a disk has: image, partitions, writable");
  }
  if (into.path.empty()) return bad(text("{}.image: is missing", path));
  into.read_only = !writable;
  return {};
}

Result<void> read_disks(const Json& value, VmConfig& config) {
  if (!value.is_array()) return wrong("disks", "a list of objects", value);
  for (usize i = 0; i < value.size(); ++i) {
    Disk disk;
    TRY(read_disk(text("disks[{}]", i), value[i], disk));
    config.disks.push_back(std::move(disk));
  }
  return {};
}

Result<void> read_topology(const Json& value, VmConfig& config) {
  std::string topology;
  TRY(read("cpu_topology", value, topology));
  if (topology == "match_host") {
    constexpr long most = 512;
    config.cpus = static_cast<u32>(std::clamp(::sysconf(_SC_NPROCESSORS_ONLN), 1l, most));
    return {};
  }
  if (topology == "one_cpu") return {};
  return bad(text("cpu_topology: expected one of one_cpu, match_host, found \"{}\"", topology));
}

Result<void> read_console(const Json& value, VmConfig& config) {
  std::string device;
  TRY(read("console_input_device", value, device));
  if (device == "hvc0")
    config.console = Console::virtio;
  else if (device != "ttyS0")
    return bad(text("console_input_device: expected one of ttyS0, hvc0, found \"{}\"", device));
  return {};
}

Result<void> read_memory(const Json& value, VmConfig& config) {
  u32 mebibytes = 0;
  TRY(read("memory_mib", value, mebibytes));
  if (mebibytes == 0) return bad("memory_mib: expected a number above 0");
  config.memory = u64{mebibytes} * 1_MiB;
  return {};
}

// What that form has and we do not.
struct Refused {
  std::string_view field, why, instead;
};
constexpr std::string_view unset = "set it to false, or leave it out";
constexpr Refused refused[] = {
    {"protected", "a protected guest's memory is closed to the monitor, whose devices use it",
     "set it to false: the guest then runs, and the host can read its memory"},
    {"bootloader", "firmware is not started yet", "name a kernel, and an initrd"},
    {"devices", "host devices cannot be assigned to a guest", "leave it out"},
    {"usb_config", "host devices cannot be assigned to a guest", "leave it out"},
    {"network", "there is no network device yet", unset},
    {"hugepages", "guest RAM uses the host's normal pages", unset},
    {"boost_uclamp", "the scheduler is not told about virtual CPUs", unset},
    {"gpu", "there is no graphics device; the console is a serial port", "leave it out"},
    {"display", "there is no graphics device; the console is a serial port", "leave it out"},
    {"input", "there is no keyboard or pointer; the console is a serial port", "leave it out"},
    {"audio", "there is no sound device", "leave it out"},
    {"sharedPath", "there is no shared folder yet", "put the files on a disk"},
};

// Fields that mean nothing unless they ask for something: true, or what is not empty.
Result<void> refuse(const std::string& field, const Json& value) {
  const bool asks =
      value.is_boolean() ? value.get<bool>() : !(value.is_structured() && value.empty());
  if (!asks) return {};
  for (const Refused& one : refused)
    if (one.field == field) return bad(text("{}: {}", field, one.why), std::string(one.instead));
  return bad(text("{}: no such field", field), text("those that are imported: {}", known_fields));
}

Result<void> read_field(const std::string& key, const Json& value, VmConfig& config) {
  if (value.is_null()) return {};  // an option that is not given
  if (key == "name") return read(key, value, config.name);
  if (key == "kernel") return read(key, value, config.kernel);
  if (key == "initrd") return read(key, value, config.initrd);
  if (key == "params") return read(key, value, config.params);
  if (key == "disks") return read_disks(value, config);
  if (key == "memory_mib") return read_memory(value, config);
  if (key == "cpu_topology") return read_topology(value, config);
  if (key == "console_input_device") return read_console(value, config);
  std::string version;  // of Android's platform: there is nothing here to hold it against
  if (key == "platform_version") return read(key, value, version);
  bool shown = false;  // who sees the console: whoever starts polyvisor, always
  if (key == "console_out" || key == "connect_console" || key == "debuggable")
    return read(key, value, shown);
  return refuse(key, value);
}

}  // namespace

bool looks_like_avf(const Json& document) {
  for (const char* field : {"platform_version", "memory_mib", "cpu_topology", "protected",
                            "bootloader", "console_input_device"})
    if (document.contains(field)) return true;
  return false;
}

Result<VmConfig> from_avf(const Json& document) {
  VmConfig config;
  // Android's monitor is crosvm, so that a kernel of theirs has its console at crosvm's address.
  if (host_arch == Arch::aarch64) config.board = "crosvm";
  for (const auto& [key, value] : document.items()) TRY(read_field(key, value, config));
  return config;
}

}  // namespace pv::config
