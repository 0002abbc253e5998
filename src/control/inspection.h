// The answers of the control protocol that carry the guest's state, both directions: the VM writes
// them, `polyvisor diagnose` reads them. What is read may come from anybody who owns a socket of
// that name: it is checked before use.
//
//   facts:      arch aarch64 / cpus 2 / ram 2147483648+134217728 (one for each region)
//   registers:  arch aarch64 / activity running / x0 1f00 / v0 HIGH:LOW / ...  (hexadecimal; those
//               that the host does not know are left out) / tlb0 512 / tlb INDEX MAS1 MAS8 MAS2
//               MAS7_3 (powerpc, valid entries only) / tlbs 576
//   memory:     data 00112233... (in memory order)
//   search:     at 1f000 (one for each place) / examined 800000 / next 2000000 (hexadecimal)
#pragma once

#include "control/protocol.h"

namespace pv::control {

std::string facts_reply(const Facts& facts);
std::string registers_reply(const hv::RegisterFile& file);
std::string memory_reply(std::span<const u8> bytes);
std::string search_reply(const memory::SearchResult& result);

// Errors (host): the answer is not one of a polyvisor VM.
Result<Facts> parse_facts(const Reply& reply);
Result<hv::RegisterFile> parse_registers(const Reply& reply);
Result<std::vector<u8>> parse_memory(const Reply& reply);
Result<memory::SearchResult> parse_search(const Reply& reply);

}  // namespace pv::control
