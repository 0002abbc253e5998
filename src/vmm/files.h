// Everything a VM reads or writes, opened before anything else is done: after that there are only
// descriptors, and the process can seal itself.
#pragma once

#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "block/image.h"
#include "config/vm_config.h"

namespace pv::vmm {

struct Files {
  Fd kernel;
  Fd initrd;
  Fd device_tree;
  Fd device_tree_dump;
  Fd trace;
  Fd timeline;
  std::vector<block::RawImage> disks;
};

// `kernel`: a descriptor that is copied, instead of opening the configuration's; -1: none.
// Errors name the option and the file.
Result<Files> open_files(const config::VmConfig& config, int kernel = -1);

}  // namespace pv::vmm
