#include "virtio/block.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace pv::virtio {
namespace {

using namespace spec::block;

constexpr u8 state_version = 1;
// What one DISCARD or WRITE_ZEROES may cover: large enough that a host file system's work for one
// is bounded, small enough not to matter.
constexpr u32 max_range_sectors = 1u << 22;  // 2 GiB

}  // namespace

struct Block::Request {
  explicit Request(u32 number) : token(number) {}
  u32 token;
  bool busy = false;
  Chain chain;
  std::vector<iovec> buffers;
  u64 answer_bytes = 0;  // written before the status byte when all goes well
};

Block::Block(const block::Image& image, block::Engine& engine, std::string_view serial)
    : image_(image), engine_(engine) {
  std::memcpy(serial_.data(), serial.data(), std::min(serial.size(), serial_.size()));
  engine_.on_ready([this] { completed(); });
}

// What a guest left behind is waited for as long as a person would wait for `polyvisor stop`.
Block::~Block() { engine_.abandon(std::chrono::seconds(1)); }

u64 Block::features() const {
  u64 features = feature_seg_max | feature_blk_size | feature_flush;
  if (image_.read_only()) features |= feature_ro;
  if (image_.can_discard()) features |= feature_discard | feature_write_zeroes;
  return features;
}

void Block::read_config(u64 offset, MutableBytes into) const {
  Config config{};
  config.capacity = capacity();
  config.seg_max = max_segments;
  config.blk_size = image_.block_size();
  config.num_queues = u16{1};
  if (image_.can_discard()) {
    config.max_discard_sectors = max_range_sectors;
    config.max_discard_seg = u32{1};
    config.discard_sector_alignment = static_cast<u32>(image_.block_size() / sector_size);
    config.max_write_zeroes_sectors = max_range_sectors;
    config.max_write_zeroes_seg = u32{1};
    config.write_zeroes_may_unmap = 1;
  }
  copy_config(Bytes(reinterpret_cast<const u8*>(&config), sizeof config), offset, into);
}

Block::Request& Block::free_request() {
  if (free_.empty()) {
    const u32 token = static_cast<u32>(requests_.size());
    requests_.push_back(std::make_unique<Request>(token));
    free_.push_back(token);
  }
  return *requests_[free_.back()];
}

void Block::notify(u16 index) {
  Queue& queue = host().queue(index);
  // The queue lets no more chains be in flight than it has descriptors, so this ends.
  u32 taken = 0;
  for (;;) {
    Request& request = free_request();
    if (!queue.pop(request.chain)) break;
    free_.pop_back();
    request.busy = true;
    start(request);
    if (++taken >= 2 * u32{queue.max_size()}) {
      host().defer(index);
      break;
    }
  }
  engine_.commit();
  collect_completions(true);
  host().finish(index);
}

void Block::start(Request& request) {
  const Chain& chain = request.chain;
  if (chain.writable_bytes() == 0) {
    host().queue(0).break_with(QueueFault::malformed_request);
    return answer(request, status_ioerr, 0);
  }
  RequestHeader header;
  if (!ChainReader(chain).read(header)) return answer(request, status_ioerr, 0);
  switch (u32{header.type}) {
    case type_in:
    case type_out: return start_transfer(request, header);
    case type_flush: return submit(request, {.kind = block::Operation::Kind::flush});
    case type_get_id: return answer_id(request);
    case type_discard:
    case type_write_zeroes: return start_range(request, header);
    default: return answer(request, status_unsupp, 0);
  }
}

void Block::start_transfer(Request& request, const RequestHeader& header) {
  using Kind = block::Operation::Kind;
  const Chain& chain = request.chain;
  const bool is_write = header.type == type_out;
  const u64 length = is_write ? chain.readable_bytes() - sizeof header : chain.writable_bytes() - 1;
  const u64 sector = header.sector;
  if (length % sector_size != 0 || (is_write && image_.read_only()) || sector > capacity() ||
      length / sector_size > capacity() - sector)
    return answer(request, status_ioerr, 0);
  if (length == 0) return answer(request, status_ok, 0);

  request.buffers.clear();
  bool collected = false;
  if (is_write) {
    ChainReader reader(chain);
    reader.skip(sizeof header);
    collected = reader.collect(length, request.buffers);
  } else {
    collected = ChainWriter(chain).collect(length, request.buffers);
    request.answer_bytes = length;
  }
  CHECK(collected);
  const bool write_through = (host().driver_features() & feature_flush) == 0;
  submit(request, {.kind = is_write ? Kind::write : Kind::read,
                   .durable = is_write && write_through,
                   .offset = sector * sector_size,
                   .length = length,
                   .buffers = request.buffers});
}

void Block::start_range(Request& request, const RequestHeader& header) {
  using Kind = block::Operation::Kind;
  const bool discard = header.type == type_discard;
  if (!image_.can_discard())
    return answer(request, image_.read_only() ? status_ioerr : status_unsupp, 0);
  ChainReader reader(request.chain);
  reader.skip(sizeof header);
  RangeSegment segment;
  if (!reader.read(segment) || reader.remaining() != 0) return answer(request, status_ioerr, 0);
  const u32 flags = segment.flags;
  // 5.2.6.2: no flag but unmap, and that for write-zeroes only.
  if ((flags & ~range_unmap) != 0 || (discard && flags != 0))
    return answer(request, status_unsupp, 0);
  const u64 sector = segment.sector;
  const u64 count = segment.num_sectors;
  if (count > max_range_sectors || sector > capacity() || count > capacity() - sector)
    return answer(request, status_ioerr, 0);
  if (count == 0) return answer(request, status_ok, 0);
  const bool write_through = (host().driver_features() & feature_flush) == 0;
  submit(request, {.kind = discard ? Kind::discard : Kind::write_zeroes,
                   .durable = write_through,
                   .may_unmap = (flags & range_unmap) != 0,
                   .offset = sector * sector_size,
                   .length = count * sector_size});
}

void Block::answer_id(Request& request) {
  ChainWriter writer(request.chain);
  const u64 room = request.chain.writable_bytes() - 1;
  const Bytes id(serial_);
  const usize length = static_cast<usize>(std::min<u64>(room, id.size()));
  writer.write(id.first(length));
  answer(request, status_ok, length);
}

void Block::submit(Request& request, block::Operation operation) {
  operation.token = request.token;
  engine_.submit(operation);
}

// `written` counts the bytes before the status, which is the last writable byte of the chain
// wherever the data ended.
void Block::answer(Request& request, u8 status, u64 written) {
  ChainWriter writer(request.chain);
  const u64 size = request.chain.writable_bytes();
  if (size > 0) {
    writer.skip(size - 1);
    writer.write(Bytes(&status, 1));
  }
  // The length covers a prefix that was really written (2.7.8.2): the status lies at its end only
  // when all before it was.
  const bool whole = size > 0 && written == size - 1;
  host().queue(0).push(request.chain.head(), whole ? size : written);
  request.busy = false;
  request.answer_bytes = 0;
  free_.push_back(request.token);
}

void Block::collect_completions(bool answer_them) {
  completions_.clear();
  engine_.take(completions_);
  for (const block::Completion& done : completions_) {
    CHECK(done.token < requests_.size());
    Request& request = *requests_[done.token];
    CHECK(request.busy);
    if (answer_them) {
      const u8 status = done.error == 0            ? status_ok
                        : done.error == EOPNOTSUPP ? status_unsupp
                                                   : status_ioerr;
      answer(request, status, done.error == 0 ? request.answer_bytes : 0);
    } else {
      request.busy = false;
      request.answer_bytes = 0;
      free_.push_back(request.token);
    }
  }
}

void Block::completed() {
  std::lock_guard lock(host().device_mutex());
  collect_completions(true);
  host().finish(0);
}

void Block::quiesce() {
  engine_.drain();
  collect_completions(true);
  host().finish(0);
}

// The device's mutex is held: others wait with us.
void Block::reset() {
  engine_.abandon(std::chrono::milliseconds(100));
  collect_completions(false);
}

// Saved only after quiesce(): nothing is in flight, and what has not been taken yet is in the
// queue.
void Block::save(StateWriter& out) const {
  CHECK(free_.size() == requests_.size());
  out.put8(state_version);
  out.put64(capacity());
}

Result<void> Block::restore(StateReader& in) {
  const u8 version = in.get8();
  const u64 saved_capacity = in.get64();
  if (in.bad() || version != state_version)
    return fail(Error::Kind::image, "the saved state of the virtio disk is damaged");
  if (saved_capacity != capacity())
    return fail(Error::Kind::image, "the disk image does not have the size it had when saved");
  return {};
}

}  // namespace pv::virtio
