// The names and layouts of "Virtual I/O Device (VIRTIO) Version 1.2" (OASIS Committee
// Specification 01, 1 July 2022) that polyvisor uses, each with its section. Everything that lies
// in guest memory or configuration space is little-endian (section 1.4); the types say so.
// Absent: packed virtqueues; of the legacy interfaces all but PCI's.
#pragma once

#include "base/endian.h"
#include "base/types.h"

namespace pv::virtio::spec {

// Section 5: device types.
enum DeviceId : u32 { device_net = 1, device_block = 2, device_console = 3, device_entropy = 4 };

// Section 2.1: device status.
enum Status : u8 {
  status_acknowledge = 1,
  status_driver = 2,
  status_driver_ok = 4,
  status_features_ok = 8,
  status_needs_reset = 64,
  status_failed = 128,
};

constexpr u64 bit(unsigned number) { return u64{1} << number; }

// Section 6: features of every device.
constexpr u64 feature_any_layout = bit(27);  // section 6.3: means something to legacy drivers only
constexpr u64 feature_indirect_desc = bit(28);
constexpr u64 feature_event_idx = bit(29);
constexpr u64 feature_version_1 = bit(32);

// Section 2.7.5: a descriptor of a split virtqueue.
struct Descriptor {
  Le64 address;
  Le32 length;
  Le16 flags;
  Le16 next;
};
static_assert(sizeof(Descriptor) == 16);
enum DescriptorFlag : u16 { desc_next = 1, desc_write = 2, desc_indirect = 4 };

// Sections 2.7.6 and 2.7.8: driver area ("avail") and device area ("used").
//   avail: flags, idx, ring[size], used_event       (u16 each)
//   used:  flags, idx (u16), ring[size] of UsedElement, avail_event (u16)
struct UsedElement {
  Le32 id;
  Le32 length;
};
static_assert(sizeof(UsedElement) == 8);
constexpr u64 avail_bytes(u64 size) { return 6 + 2 * size; }
constexpr u64 used_bytes(u64 size) { return 6 + 8 * size; }
constexpr u16 avail_no_interrupt = 1;
// Section 2.7: alignment of the three parts, and the largest queue.
constexpr u64 descriptor_alignment = 16;
constexpr u64 avail_alignment = 2;
constexpr u64 used_alignment = 4;
constexpr u32 queue_size_limit = 32768;

// Section 4.2.2: registers of the MMIO transport, version 2.
namespace mmio {
enum Reg : u32 {
  MagicValue = 0x000,
  Version = 0x004,
  DeviceID = 0x008,
  VendorID = 0x00c,
  DeviceFeatures = 0x010,
  DeviceFeaturesSel = 0x014,
  DriverFeatures = 0x020,
  DriverFeaturesSel = 0x024,
  QueueSel = 0x030,
  QueueSizeMax = 0x034,
  QueueSize = 0x038,
  QueueReady = 0x044,
  QueueNotify = 0x050,
  InterruptStatus = 0x060,
  InterruptACK = 0x064,
  Status = 0x070,
  QueueDescLow = 0x080,
  QueueDescHigh = 0x084,
  QueueDriverLow = 0x090,
  QueueDriverHigh = 0x094,
  QueueDeviceLow = 0x0a0,
  QueueDeviceHigh = 0x0a4,
  SHMSel = 0x0ac,
  SHMLenLow = 0x0b0,
  SHMLenHigh = 0x0b4,
  SHMBaseLow = 0x0b8,
  SHMBaseHigh = 0x0bc,
  ConfigGeneration = 0x0fc,
  Config = 0x100,
};
constexpr u32 magic = 0x74726976;  // "virt"
constexpr u32 version = 2;
constexpr u32 vendor = 0x56594c50;  // "PLYV"
constexpr u32 interrupt_used = 1;
constexpr u32 interrupt_config = 2;
}  // namespace mmio

// Section 4.1: the PCI transport.
namespace pci {
constexpr u16 vendor = 0x1af4;
constexpr u16 first_modern_id = 0x1040;
constexpr u16 first_subsystem = 0x40;  // 4.1.2.1: at least this for a device without legacy
constexpr u16 no_vector = 0xffff;
constexpr u32 isr_queue = 1, isr_config = 2;
constexpr u32 notify_multiplier = 4;  // our choice; a multiple of 2

// Section 4.1.4: a vendor-specific capability behind its id and next; `extra` is the multiplier of
// NOTIFY and the data of PCI_CFG.
enum CapType : u8 { cap_common = 1, cap_notify = 2, cap_isr = 3, cap_device = 4, cap_pci_cfg = 5 };
struct Capability {
  u8 length;
  u8 type;
  u8 bar;
  u8 id;
  u8 padding[2];
  Le32 offset;
  Le32 size;
  Le32 extra;
};
static_assert(sizeof(Capability) == 18);

// Section 4.1.4.3: common configuration.
enum CommonReg : u32 {
  DeviceFeatureSelect = 0,
  DeviceFeature = 4,
  DriverFeatureSelect = 8,
  DriverFeature = 12,
  ConfigMsixVector = 16,
  NumQueues = 18,
  DeviceStatus = 20,
  ConfigGeneration = 21,
  QueueSelect = 22,
  QueueSize = 24,
  QueueMsixVector = 26,
  QueueEnable = 28,
  QueueNotifyOff = 30,
  QueueDesc = 32,
  QueueDriver = 40,
  QueueDevice = 48,
};
constexpr u32 common_size = 56;
// Bytes of the field at `offset`; halves of 64-bit fields count as fields. 0: none begins there.
constexpr u32 common_width(u32 offset) {
  if (offset == DeviceStatus || offset == ConfigGeneration) return 1;
  if (offset < ConfigMsixVector || (offset >= QueueDesc && offset < common_size))
    return offset % 4 == 0 ? 4 : 0;
  return offset < QueueDesc && offset % 2 == 0 ? 2 : 0;
}

// Section 4.1.4.10: the legacy interface's registers.
namespace legacy {
enum Reg : u32 {
  DeviceFeatures = 0,
  DriverFeatures = 4,
  QueueAddress = 8,  // in pages
  QueueSize = 12,
  QueueSelect = 14,
  QueueNotify = 16,
  DeviceStatus = 18,
  IsrStatus = 19,
  ConfigVector = 20,  // only with MSI-X
  QueueVector = 22,
  Config = 20,
  ConfigWithMsix = 24,
};
constexpr u32 width(u32 offset) {
  if (offset < QueueSize) return offset % 4 == 0 ? 4 : 0;
  if (offset == DeviceStatus || offset == IsrStatus) return 1;
  return offset % 2 == 0 ? 2 : 0;
}
constexpr u64 queue_alignment = 4096;
}  // namespace legacy
}  // namespace pci

// Section 5.3: console.
namespace console {
constexpr u64 feature_size = bit(0);
constexpr u64 feature_multiport = bit(1);
constexpr u64 feature_emerg_write = bit(2);
struct Config {
  Le16 cols;
  Le16 rows;
  Le32 max_nr_ports;
  Le32 emerg_wr;
};
static_assert(sizeof(Config) == 12);
constexpr u16 receiveq = 0;
constexpr u16 transmitq = 1;
constexpr u16 control_receiveq = 2;
constexpr u16 control_transmitq = 3;

// Section 5.3.6.2: messages on the control queues. A port's name follows its message.
struct Control {
  Le32 id;
  Le16 event;
  Le16 value;
};
static_assert(sizeof(Control) == 8);
enum ControlEvent : u16 {
  device_ready = 0,
  port_add = 1,
  port_remove = 2,
  port_ready = 3,
  console_port = 4,
  console_resize = 5,
  port_open = 6,
  port_name = 7,
};
}  // namespace console

// Section 5.2: block.
namespace block {
constexpr u64 feature_seg_max = bit(2);
constexpr u64 feature_ro = bit(5);
constexpr u64 feature_blk_size = bit(6);
constexpr u64 feature_flush = bit(9);
constexpr u64 feature_discard = bit(13);
constexpr u64 feature_write_zeroes = bit(14);

struct Config {
  Le64 capacity;  // in sectors of 512 bytes, as every other sector count here
  Le32 size_max;
  Le32 seg_max;
  Le16 cylinders;
  u8 heads;
  u8 sectors;
  Le32 blk_size;
  u8 physical_block_exp;
  u8 alignment_offset;
  Le16 min_io_size;
  Le32 opt_io_size;
  u8 writeback;
  u8 unused0;
  Le16 num_queues;
  Le32 max_discard_sectors;
  Le32 max_discard_seg;
  Le32 discard_sector_alignment;
  Le32 max_write_zeroes_sectors;
  Le32 max_write_zeroes_seg;
  u8 write_zeroes_may_unmap;
  u8 unused1[3];
};
static_assert(sizeof(Config) == 60);

struct RequestHeader {
  Le32 type;
  Le32 reserved;
  Le64 sector;
};
static_assert(sizeof(RequestHeader) == 16);
struct RangeSegment {  // of DISCARD and WRITE_ZEROES
  Le64 sector;
  Le32 num_sectors;
  Le32 flags;
};
static_assert(sizeof(RangeSegment) == 16);
constexpr u32 range_unmap = 1;

enum RequestType : u32 {
  type_in = 0,
  type_out = 1,
  type_flush = 4,
  type_get_id = 8,
  type_discard = 11,
  type_write_zeroes = 13,
};
enum RequestStatus : u8 { status_ok = 0, status_ioerr = 1, status_unsupp = 2 };
constexpr u64 sector_size = 512;
constexpr usize id_size = 20;
}  // namespace block

}  // namespace pv::virtio::spec
