// Linked into polyvisor-debug and the tests of this file only: instruction_text.h.
#include <capstone/capstone.h>

#include "base/text.h"
#include "inspect/instruction_text.h"

namespace pv::inspect {
namespace {

class Capstone {
 public:
  explicit Capstone(Arch arch) : open_(cs_open(family(arch), mode(arch), &handle_) == CS_ERR_OK) {
    if (open_) instruction_ = cs_malloc(handle_);
  }
  ~Capstone() {
    if (instruction_ != nullptr) cs_free(instruction_, 1);
    if (open_) cs_close(&handle_);
  }
  Capstone(const Capstone&) = delete;
  Capstone& operator=(const Capstone&) = delete;

  // Size 0: none that capstone knows.
  InstructionText one(Bytes code, u64 address) {
    const u8* at = code.data();
    size_t size = code.size();
    uint64_t where = address;
    if (instruction_ == nullptr || !cs_disasm_iter(handle_, &at, &size, &where, instruction_))
      return {};
    const std::string_view name(instruction_->mnemonic), operands(instruction_->op_str);
    return {instruction_->size,
            operands.empty() ? std::string(name) : text("{} {}", name, operands)};
  }

 private:
  static cs_arch family(Arch arch) {
    switch (arch) {
      case Arch::aarch64: return CS_ARCH_ARM64;
      case Arch::riscv64: return CS_ARCH_RISCV;
      case Arch::powerpc: return CS_ARCH_PPC;
      case Arch::x86_64: return CS_ARCH_X86;
    }
    return CS_ARCH_MAX;
  }
  static cs_mode mode(Arch arch) {
    switch (arch) {
      case Arch::aarch64: return CS_MODE_LITTLE_ENDIAN;
      case Arch::riscv64: return static_cast<cs_mode>(CS_MODE_RISCV64 | CS_MODE_RISCVC);
      case Arch::powerpc: return static_cast<cs_mode>(CS_MODE_64 | CS_MODE_BIG_ENDIAN);
      case Arch::x86_64: return CS_MODE_64;
    }
    return CS_MODE_LITTLE_ENDIAN;
  }

  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
  bool open_;
};

// How far to go on behind bytes that are no instruction. RISC-V's lowest bits tell the size.
usize unknown_size(Arch arch, Bytes code) {
  if (arch == Arch::x86_64) return 1;
  if (arch == Arch::riscv64 && (code[0] & 3) != 3) return 2;
  return 4;
}

}  // namespace

bool has_disassembler() { return true; }

std::vector<InstructionText> instruction_texts(Arch arch, Bytes code, u64 address) {
  Capstone capstone(arch);
  std::vector<InstructionText> all;
  while (!code.empty()) {
    InstructionText one = capstone.one(code, address);
    if (one.size == 0) one.size = static_cast<unsigned>(unknown_size(arch, code));
    // x86's instructions have up to 15 bytes: what is unknown at the end may be cut off.
    if (one.size > code.size() || (one.words.empty() && code.size() < 15 && arch == Arch::x86_64))
      break;
    code = code.subspan(one.size);
    address += one.size;
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace pv::inspect
