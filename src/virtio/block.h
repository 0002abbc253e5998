// Block: virtio-blk on a disk image (VIRTIO 1.2, section 5.2): read, write, flush, get id, and
// discard and write-zeroes where the image can.
//
//   Linux   CONFIG_VIRTIO_BLK, /dev/vda
//
// Requests are taken on the executor's thread, go to the I/O engine and are answered when it is
// done; a reset or a pause waits for the engine, so that no I/O touches the guest's buffers
// afterwards. A request that makes no sense gets an error status; one without room for a status
// breaks the queue. Without F_FLUSH negotiated every write is stable before it is answered.
// Absent: several queues, secure erase, zoned devices, lifetime.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "block/engine.h"
#include "block/image.h"
#include "virtio/device.h"
#include "virtio/spec.h"

namespace pv::virtio {

class Block final : public VirtioDevice {
 public:
  // Image and engine outlive the device. `serial`: what the guest reads as the disk's id (at most
  // 20 bytes are used).
  Block(const block::Image& image, block::Engine& engine, std::string_view serial);
  ~Block() override;

  std::string_view name() const override { return "virtio-blk"; }
  u32 device_id() const override { return spec::device_block; }
  u64 features() const override;
  std::span<const u16> queue_sizes() const override { return sizes; }
  bool asynchronous() const override { return true; }
  void read_config(u64 offset, MutableBytes into) const override;
  void notify(u16 queue) override;
  void reset() override;
  void quiesce() override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  static constexpr std::array<u16, 1> sizes = {128};
  // Two descriptors of the longest direct chain hold the header and the status.
  static constexpr u32 max_segments = sizes[0] - 2;

  struct Request;

  void start(Request& request);
  void start_transfer(Request& request, const spec::block::RequestHeader& header);
  void start_range(Request& request, const spec::block::RequestHeader& header);
  void answer_id(Request& request);
  void submit(Request& request, block::Operation operation);
  void answer(Request& request, u8 status, u64 written);
  void collect_completions(bool answer_them);
  void completed();
  Request& free_request();
  u64 capacity() const { return image_.size() / spec::block::sector_size; }

  const block::Image& image_;
  block::Engine& engine_;
  std::array<u8, spec::block::id_size> serial_{};
  std::vector<std::unique_ptr<Request>> requests_;  // by token
  std::vector<u32> free_;
  std::vector<block::Completion> completions_;
};

}  // namespace pv::virtio
