// A writer of AML byte code (ACPI 6.5, chapter 20), with the few terms that our DSDT needs.
#pragma once

#include <string_view>
#include <vector>

#include "base/types.h"

namespace pv::machine::x86_64 {

using Aml = std::vector<u8>;

namespace aml {

// Name (NAME, value): a four-character name segment, or "\\" and one at the root.
Aml name(std::string_view path, const Aml& value);
Aml integer(u32 value);
Aml string(std::string_view text);
Aml package(const std::vector<Aml>& elements);
Aml scope(std::string_view path, const Aml& content);
Aml device(std::string_view path, const Aml& content);
// ResourceTemplate () with the given descriptors.
Aml resources(const Aml& descriptors);
// Memory32Fixed (ReadWrite, base, length): ACPI 6.5, 6.4.3.4.
Aml memory32(u32 base, u32 length);
// Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { gsi }: ACPI 6.5, 6.4.3.6.
Aml edge_interrupt(u32 gsi);
// IO (Decode16, base, base, 1, length): ACPI 6.5, 6.4.2.5.
Aml io(u16 base, u8 length);
// IRQNoFlags () { irq }: ACPI 6.5, 6.4.2.1.
Aml irq_no_flags(u8 irq);
// WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode): 6.4.3.5.3; both ends included.
Aml bus_numbers(u16 first, u16 last);
// WordIO, likewise, of the entire range; DWordMemory (..., NonCacheable, ReadWrite): 6.4.3.5.
Aml io_window(u16 base, u16 length);
Aml memory_window(u32 base, u32 length);
// EisaId ("PNP0501") as the integer that _HID holds.
Aml eisa_id(std::string_view id);

Aml concat(std::initializer_list<Aml> parts);

}  // namespace aml
}  // namespace pv::machine::x86_64
