#include "machine/x86_64/aml.h"

#include <cstring>

namespace pv::machine::x86_64::aml {
namespace {

constexpr u8 op_byte = 0x0a, op_word = 0x0b, op_dword = 0x0c, op_string = 0x0d;
constexpr u8 op_name = 0x08, op_scope = 0x10, op_buffer = 0x11, op_package = 0x12;
constexpr u8 op_ext = 0x5b, op_ext_device = 0x82;

void append(Aml& to, const Aml& what) {
  if (what.empty()) return;
  to.resize(to.size() + what.size());
  std::memcpy(to.data() + to.size() - what.size(), what.data(), what.size());
}

void append_le(Aml& to, u32 value, usize bytes) {
  for (usize i = 0; i < bytes; ++i) to.push_back(static_cast<u8>(value >> (8 * i)));
}

// PkgLength (20.2.4): counts itself; one byte up to 63, then 4 bits and up to three bytes more.
Aml with_length(const Aml& content) {
  usize size = content.size();
  Aml out;
  if (size + 1 < 64) {
    out.push_back(static_cast<u8>(size + 1));
  } else {
    usize extra = size + 2 < (1u << 12) ? 1 : 2;
    u32 total = static_cast<u32>(size + 1 + extra);
    out.push_back(static_cast<u8>((extra << 6) | (total & 15)));
    append_le(out, total >> 4, extra);
  }
  append(out, content);
  return out;
}

Aml name_string(std::string_view path) { return Aml(path.begin(), path.end()); }

}  // namespace

Aml concat(std::initializer_list<Aml> parts) {
  Aml out;
  for (const auto& part : parts) append(out, part);
  return out;
}

Aml integer(u32 value) {
  if (value <= 1) return {static_cast<u8>(value)};  // ZeroOp, OneOp
  Aml out;
  usize bytes = value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
  out.push_back(bytes == 1 ? op_byte : bytes == 2 ? op_word : op_dword);
  append_le(out, value, bytes);
  return out;
}

Aml string(std::string_view text) {
  return concat({{op_string}, Aml(text.begin(), text.end()), {0}});
}

Aml name(std::string_view path, const Aml& value) {
  return concat({{op_name}, name_string(path), value});
}

Aml package(const std::vector<Aml>& elements) {
  Aml content{static_cast<u8>(elements.size())};
  for (const auto& element : elements) append(content, element);
  return concat({{op_package}, with_length(content)});
}

Aml scope(std::string_view path, const Aml& content) {
  return concat({{op_scope}, with_length(concat({name_string(path), content}))});
}

Aml device(std::string_view path, const Aml& content) {
  return concat({{op_ext, op_ext_device}, with_length(concat({name_string(path), content}))});
}

Aml resources(const Aml& descriptors) {
  Aml bytes = descriptors;
  bytes.push_back(0x79);  // end tag; checksum 0: not used
  bytes.push_back(0);
  return concat(
      {{op_buffer}, with_length(concat({integer(static_cast<u32>(bytes.size())), bytes}))});
}

Aml memory32(u32 base, u32 length) {
  Aml out{0x86, 9, 0, 1};
  append_le(out, base, 4);
  append_le(out, length, 4);
  return out;
}

Aml edge_interrupt(u32 gsi) {
  Aml out{0x89, 6, 0, 0x03, 1};  // consumer, edge, active high, exclusive; one interrupt
  append_le(out, gsi, 4);
  return out;
}

namespace {

// An address space descriptor of words or double words (6.4.3.5): a fixed range that the device
// passes on, without translation.
Aml window(u8 tag, usize bytes, u8 type, u8 flags, u32 first, u32 last) {
  constexpr u8 fixed = 0x0c;
  Aml out{tag};
  append_le(out, static_cast<u32>(3 + 5 * bytes), 2);
  append(out, {type, fixed, flags});
  for (u32 value : {u32{0}, first, last, u32{0}, last - first + 1}) append_le(out, value, bytes);
  return out;
}

}  // namespace

Aml bus_numbers(u16 first, u16 last) { return window(0x88, 2, 2, 0, first, last); }
Aml io_window(u16 base, u16 length) { return window(0x88, 2, 1, 3, base, u32{base} + length - 1); }
Aml memory_window(u32 base, u32 length) { return window(0x87, 4, 0, 1, base, base + (length - 1)); }

Aml io(u16 base, u8 length) {
  Aml out{0x47, 1};
  append_le(out, base, 2);
  append_le(out, base, 2);
  out.push_back(1);
  out.push_back(length);
  return out;
}

Aml irq_no_flags(u8 irq) {
  Aml out{0x22};
  append_le(out, 1u << irq, 2);
  return out;
}

Aml eisa_id(std::string_view id) {
  auto hex = [&](usize i) {
    char c = id[i];
    return static_cast<u32>(c <= '9' ? c - '0' : c - 'A' + 10);
  };
  auto letter = [&](usize i) { return static_cast<u32>(id[i] - '@'); };
  u32 manufacturer = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  u32 value = ((manufacturer & 0xff) << 8) | (manufacturer >> 8) |
              (((hex(3) << 4) | hex(4)) << 16) | (((hex(5) << 4) | hex(6)) << 24);
  return integer(value);
}

}  // namespace pv::machine::x86_64::aml
