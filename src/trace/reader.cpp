#include "trace/reader.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "base/fd.h"
#include "base/text.h"

namespace pv::trace {
namespace {

constexpr u64 largest_file = 1_GiB;
constexpr u16 most_vcpus = 1024;

std::unexpected<Error> bad(std::string_view name, std::string_view why, std::string hint = {}) {
  return fail(Error::Kind::image, text("{}: {}", name, why), std::move(hint));
}

Result<Trace> parse_header(Bytes file, std::string_view name) {
  constexpr const char* hint = "give a file that `polyvisor run --trace` wrote";
  if (file.size() < sizeof(Header) || std::memcmp(file.data(), magic, sizeof magic) != 0)
    return bad(name, "is no trace", hint);
  const auto header = load_as<Header>(file, 0);
  if (header.version != version)
    return bad(name,
               text("is a trace of version {}, this polyvisor reads version {}",
                    u32{header.version}, version),
               "use the polyvisor that wrote it");
  if (header.header_size != sizeof(Header) || header.record_size != sizeof(Record))
    return bad(name,
               text("has a damaged header: its records have {} bytes, those of version {} have {}",
                    u32{header.record_size}, version, sizeof(Record)),
               hint);
  const auto arch = arch_of(header.arch);
  const bool kind_known = header.kind == 1 || header.kind == 2;
  if (!arch || !kind_known || header.vcpus == 0 || header.vcpus > most_vcpus)
    return bad(name, "has a damaged header", hint);
  Trace trace;
  trace.arch = *arch;
  trace.kind = static_cast<Kind>(header.kind);
  trace.board.assign(header.board, strnlen(header.board, sizeof header.board));
  trace.wall_ns = header.wall_ns;
  trace.vcpus.resize(header.vcpus);
  trace.registers = header.registers;
  return trace;
}

}  // namespace

Result<Trace> parse(Bytes file, std::string_view name) {
  Trace trace = TRY(parse_header(file, name));
  usize at = sizeof(Header);
  while (at != file.size()) {
    if (file.size() - at < sizeof(Record)) {
      trace.cut = true;
      break;
    }
    const auto record = load_as<Record>(file, at);
    const usize behind = usize{record.extra} * sizeof(StepRegister);
    if (record.vcpu >= trace.vcpus.size())
      return bad(name,
                 text("is damaged at offset {:#x}: there is no vCPU {}", at, u16{record.vcpu}));
    if (file.size() - at - sizeof(Record) < behind) {
      trace.cut = true;
      break;
    }
    at += sizeof(Record);
    Event event;
    event.time_ns = record.time_ns;
    event.pc = record.pc;
    event.address = record.address;
    event.value = record.value;
    event.cause = static_cast<Cause>(record.cause);
    event.width = record.width;
    event.flags = record.flags;
    event.vcpu = record.vcpu;
    event.first_change = static_cast<u32>(trace.changes.size());
    event.changes = record.extra;
    for (usize i = 0; i < record.extra; ++i, at += sizeof(StepRegister)) {
      const auto change = load_as<StepRegister>(file, at);
      if (trace.registers != 0 && change.index >= trace.registers)
        return bad(name, text("is damaged at offset {:#x}: a step tells {} registers, there is no "
                              "register {}",
                              at, trace.registers, u16{change.index}));
      trace.changes.push_back({change.index, change.value});
    }
    trace.vcpus[event.vcpu].push_back(event);
  }
  return trace;
}

Result<Trace> read(const std::string& path) {
  const auto as_image = [](Error error) {
    error.kind = Error::Kind::image;
    return std::unexpected(std::move(error));
  };
  auto file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return as_image(std::move(file).error());
  auto size = file_size(file->get());
  if (!size) return as_image(std::move(size).error().within(path));
  if (*size > largest_file)
    return bad(path, text("has more than the {} that are read", size_text(largest_file)),
               "trace less: --trace-limit");
  std::vector<u8> content(static_cast<usize>(*size));
  content.resize(TRY(read_at(file->get(), content, 0), path));
  return parse(content, path);
}

u64 Trace::lost() const {
  u64 sum = 0;
  for (const auto& events : vcpus)
    for (const Event& event : events)
      if (event.cause == Cause::lost) sum += event.value;
  return sum;
}

usize Trace::events() const {
  usize sum = 0;
  for (const auto& events : vcpus) sum += events.size();
  return sum;
}

std::vector<const Event*> Trace::in_time() const {
  std::vector<const Event*> all;
  all.reserve(events());
  for (const auto& events : vcpus)
    for (const Event& event : events) all.push_back(&event);
  // Stable: what one vCPU did in the same nanosecond stays in its order.
  std::ranges::stable_sort(all, {}, [](const Event* event) { return event->time_ns; });
  return all;
}

}  // namespace pv::trace
