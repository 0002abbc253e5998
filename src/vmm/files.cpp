#include "vmm/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/handed_fd.h"
#include "base/text.h"

namespace pv::vmm {
namespace {

// A file that is going to be read as a whole. Without O_NONBLOCK a FIFO would wait for its other
// end.
Result<Fd> open_input(const std::string& path, const char* role) {
  if (path.empty()) return Fd();
  auto handed = duplicate_named(path, FdUse::read);
  auto opened = handed ? std::move(*handed) : open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  auto usable = opened ? file_size(opened->get()) : std::unexpected(opened.error());
  if (usable) return opened;
  Error error = std::move(usable).error();
  error.kind = Error::Kind::image;
  if (opened) error.message = path + ' ' + error.message;
  return std::unexpected(std::move(error).within(role));
}

Result<Fd> copy_of(int fd) {
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return fail_errno("kernel: cannot copy its descriptor", errno);
  return copy;
}

// Whether both are one regular file.
bool same_file(int a, int b) {
  struct stat of_a{}, of_b{};
  return a >= 0 && b >= 0 && ::fstat(a, &of_a) == 0 && ::fstat(b, &of_b) == 0 &&
         S_ISREG(of_a.st_mode) && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

// Kept as it is until there is something to write. Without O_NONBLOCK a FIFO would wait for its
// reader. `files`: what is open already, which writing must not destroy.
Result<Fd> open_output(const std::string& path, const char* option, const Files& files) {
  if (path.empty()) return Fd();
  Fd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644), option);
  const auto taken = [&](const Fd& other) { return same_file(fd.get(), other.get()); };
  bool used = taken(files.kernel) || taken(files.initrd) || taken(files.device_tree) ||
              taken(files.device_tree_dump) || taken(files.trace);
  for (const block::RawImage& disk : files.disks) used = used || same_file(fd.get(), disk.fd());
  if (used)
    return fail(Error::Kind::usage,
                text("{}: {} is used for something else by this VM", option, path),
                "name a file of its own");
  return fd;
}

}  // namespace

Result<Files> open_files(const config::VmConfig& config, int kernel) {
  Files files;
  files.kernel = TRY(kernel < 0 ? open_input(config.kernel, "kernel") : copy_of(kernel));
  files.initrd = TRY(open_input(config.initrd, "initrd"));
  files.device_tree = TRY(open_input(config.dtb, "device tree"));
  for (usize i = 0; i < config.disks.size(); ++i) {
    const config::Disk& disk = config.disks[i];
    files.disks.push_back(
        TRY(block::RawImage::open(disk.path, {disk.read_only, disk.direct}), text("disk {}", i)));
  }
  files.device_tree_dump = TRY(open_output(config.dump_dtb, "--dump-dtb", files));
  files.trace = TRY(open_output(config.trace.file, "--trace", files));
  files.timeline = TRY(open_output(config.timeline, "--timeline", files));
  return files;
}

}  // namespace pv::vmm
