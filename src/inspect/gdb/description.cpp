#include "inspect/gdb/description.h"

#include <algorithm>
#include <span>

#include "base/hex.h"
#include "base/text.h"

namespace pv::inspect::gdb {
namespace {

struct Run {
  const char* first;  // a name of the table
  usize count;        // 0: to the table's end
};
struct Feature {
  const char* name;
  Run runs[4];
  bool in_g;
};

constexpr const char* own = "org.polyvisor.system";

constexpr Feature aarch64_features[] = {
    {"org.gnu.gdb.aarch64.core", {{"x0", 34}}, true},
    {"org.gnu.gdb.aarch64.fpu", {{"v0", 34}}, true},
    {own, {{"sp_el0", 0}}, false},
};
constexpr Feature riscv64_features[] = {
    {"org.gnu.gdb.riscv.cpu", {{"zero", 33}}, true},
    {"org.gnu.gdb.riscv.fpu", {{"ft0", 33}}, true},
    {"org.gnu.gdb.riscv.virtual", {{"priv", 1}}, false},
    {own, {{"sstatus", 0}}, false},
};
constexpr Feature powerpc_features[] = {
    {"org.gnu.gdb.power.core", {{"r0", 38}}, true},
    {"org.gnu.gdb.power.fpu", {{"f0", 33}}, true},
    {own, {{"srr0", 0}}, false},
};
constexpr Feature x86_64_features[] = {
    {"org.gnu.gdb.i386.core", {{"rax", 18}, {"cs", 6}, {"st0", 8}, {"fctrl", 8}}, true},
    {"org.gnu.gdb.i386.sse", {{"xmm0", 17}}, true},
    {"org.gnu.gdb.i386.segments", {{"fs_base", 2}}, true},
    {own, {{"cs_base", 4}, {"cs_attributes", 0}}, false},
};

std::span<const Feature> features_of(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64_features;
    case Arch::riscv64: return riscv64_features;
    case Arch::powerpc: return powerpc_features;
    case Arch::x86_64: return x86_64_features;
  }
  return {};
}

// Whether a PowerPC guest uses 64 bits: it computes so now (MSR[CM]) or in its interrupts
// (EPCR[ICM]). A client takes no registers of another width than its program has.
bool is_wide(const hv::RegisterFile& sample) {
  constexpr u64 computes = 0x8000'0000, interrupts = 0x0200'0000;
  return ((sample.get_or("msr", 0) & computes) | (sample.get_or("epcr", 0) & interrupts)) != 0;
}

const char* architecture(Arch arch, bool wide) {
  switch (arch) {
    case Arch::aarch64: return "aarch64";
    case Arch::riscv64: return "riscv:rv64";
    case Arch::powerpc: return wide ? "powerpc:common64" : "powerpc:common";
    case Arch::x86_64: return "i386:x86-64";
  }
  return "";
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

u32 wire_bits(Arch arch, const hv::RegisterInfo& info, bool wide) {
  if (arch != Arch::powerpc) return info.bits == 16 ? 32 : info.bits;
  std::string_view name = info.name;
  if (name == "fpscr") return 32;
  if (info.group == hv::RegisterGroup::vector || name == "tb") return 64;
  return wide ? info.bits : 32;
}

const char* type_of(Arch arch, const hv::RegisterInfo& info, u32 bits) {
  std::string_view name = info.name;
  if (is_one_of(name, {"pc", "rip", "lr", "ra"})) return "code_ptr";
  if (is_one_of(name, {"sp", "rsp", "rbp"})) return "data_ptr";
  if (bits == 128) return "vec128";
  if (bits == 80) return "i387_ext";
  if (info.group == hv::RegisterGroup::vector && bits == 64 && arch != Arch::x86_64)
    return "ieee_double";
  return bits == 32 ? "uint32" : "uint64";
}

struct Builder {
  const hv::RegisterFile& sample;
  Description& out;
  bool wide;
  u32 offset = 0;

  void add(usize index, const char* group) {
    const hv::RegisterInfo& info = sample.table[index];
    u32 bits = wire_bits(sample.arch, info, wide);
    out.xml += text("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\"{}/>\n", info.name, bits,
                    type_of(sample.arch, info, bits), group);
    out.registers.push_back({index, bits / 8, offset});
    offset += bits / 8;
  }

  void add(const Feature& feature) {
    std::string_view name = feature.name;
    // A core without this unit (e500v2): its first register is not known.
    bool unit = name.ends_with(".fpu") || name.ends_with(".virtual");
    if (auto first = sample.index(feature.runs[0].first);
        unit && first && sample.known[*first] == 0)
      return;
    out.xml += text("<feature name=\"{}\">\n", feature.name);
    if (name.ends_with(".aarch64.fpu") || name.ends_with(".sse"))
      out.xml +=
          "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>\n"
          "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>\n"
          "<vector id=\"v16b\" type=\"uint8\" count=\"16\"/>\n"
          "<union id=\"vec128\"><field name=\"v2_double\" type=\"v2d\"/>"
          "<field name=\"v4_float\" type=\"v4f\"/><field name=\"v16_int8\" type=\"v16b\"/>"
          "<field name=\"uint128\" type=\"uint128\"/></union>\n";
    // `info registers` leaves these out, `info registers system` shows them.
    const char* group = name == own ? " group=\"system\"" : "";
    for (const Run& run : feature.runs) {
      auto first = run.first == nullptr ? std::nullopt : sample.index(run.first);
      if (!first) continue;
      usize end = run.count == 0 ? sample.table.size() : *first + run.count;
      for (usize i = *first; i < end; ++i)
        if (name != own || sample.known[i] != 0) add(i, group);
    }
    out.xml += "</feature>\n";
    if (feature.in_g) out.in_g = out.registers.size();
  }
};

}  // namespace

Description describe(const hv::RegisterFile& sample) {
  Description out;
  out.arch = sample.arch;
  bool wide = is_wide(sample);
  out.xml = text(
      "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
      "<target version=\"1.0\">\n<architecture>{}</architecture>\n",
      architecture(sample.arch, wide));
  Builder builder{sample, out, wide};
  for (const Feature& feature : features_of(sample.arch)) builder.add(feature);
  out.xml += "</target>\n";
  return out;
}

std::string wire_value(const Description& description, const WireRegister& wire,
                       const hv::RegisterFile& file) {
  if (wire.index >= file.known.size() || file.known[wire.index] == 0)
    return std::string(2 * usize{wire.bytes}, 'x');
  const hv::RegisterValue& value = file.values[wire.index];
  u8 bytes[16];
  for (usize i = 0; i < 16; ++i)
    bytes[i] = static_cast<u8>((i < 8 ? value.low >> (8 * i) : value.high >> (8 * (i - 8))));
  usize size = wire.bytes;
  if (description.arch == Arch::powerpc) std::reverse(bytes, bytes + size);
  return to_hex({bytes, size});
}

hv::RegisterValue register_value(const Description& description, const WireRegister& wire,
                                 Bytes bytes) {
  hv::RegisterValue value;
  for (usize i = 0; i < wire.bytes && i < bytes.size() && i < 16; ++i) {
    usize place = description.arch == Arch::powerpc ? wire.bytes - 1 - i : i;
    u64 byte = bytes[i];
    (place < 8 ? value.low : value.high) |= byte << (8 * (place % 8));
  }
  return value;
}

}  // namespace pv::inspect::gdb
