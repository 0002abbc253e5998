// The ring buffer in which Linux 5.10 and later keep their log (kernel/printk/printk_ringbuffer.h
// there): struct printk_ringbuffer leads to descriptors, to what is known of each record (time,
// length), and to the text, which lies in blocks that each begin with the record's identifier.
//
// Two ways lead to the structure: its address by name ("prb"), or the text of the first record:
// identifiers begin at minus the number of descriptors, so the first record's tells that number,
// and the word before it is what the structure still holds as the oldest descriptor while the ring
// has not gone round. Layouts differ by a word between releases; what fits is taken.
#pragma once

#include <functional>

#include "inspect/guest_words.h"
#include "inspect/kernel_log.h"

namespace pv::inspect {

// struct printk_ringbuffer, as found.
struct PrintkRing {
  u64 at = 0;  // of the structure, for whoever reads
  unsigned descriptor_bits = 0, size_bits = 0;
  u64 descriptors = 0, infos = 0, data = 0;  // as the structure says: virtual addresses
  u64 head_id = 0, tail_id = 0;
};

// The structure at `address` if there is one that makes sense.
std::optional<PrintkRing> printk_ring_at(GuestWords& memory, u64 address);

// All records from the oldest, their times before the lines. `move` is subtracted from the
// structure's pointers to give what `memory` reads by.
KernelLog read_printk_ring(GuestWords& memory, const PrintkRing& ring, u64 move);

// The block with the log's first record, given one with some record of the beginning: identifiers
// count up. `address` is the text's.
struct FirstBlock {
  u64 address = 0, id = 0;  // of the block, not of its text
};
std::optional<FirstBlock> first_printk_block(GuestWords& memory, u64 text);

// Whether identifiers begin with this one: minus a power of two, in 32 bits also where words
// have 64.
bool begins_printk_ring(const FirstBlock& first, unsigned word);

// What the structure of a ring that has not gone round holds as its oldest descriptor's identifier.
inline u64 oldest_id(const FirstBlock& first) { return first.id - 1; }
// From that word to the structure's begin.
inline u64 oldest_id_offset(unsigned word) { return u64{4} * word; }

// Without the structure: the texts of the blocks one after the other, which lack times and may have
// a few characters too many at their ends.
KernelLog read_printk_blocks(GuestWords& memory, const FirstBlock& first);

}  // namespace pv::inspect
