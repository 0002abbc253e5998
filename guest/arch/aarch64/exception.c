/* exception.c: says in words what an exception was, prints the registers, ends the run with EXIT_EXCEPTION.
 *
 * ESR_EL1 and its fields: Arm ARM DDI 0487, D19.2 "ESR_EL1". Interrupts go to irq.c.
 */
#include "arch.h"
#include "runtime.h"

void irq_dispatch(void);
void exception(struct frame *frame, u64 vector);

static const char *class_name(u32 ec) {
  switch (ec) {
    case 0x00: return "undefined instruction";
    case 0x01: return "trapped WFI or WFE";
    case 0x07: return "floating point or SIMD used while switched off";
    case 0x0e: return "illegal execution state";
    case 0x15: return "SVC";
    case 0x16: return "HVC";
    case 0x18: return "trapped access to a system register";
    case 0x20: case 0x21: return "instruction abort";
    case 0x22: return "PC not aligned";
    case 0x24: case 0x25: return "data abort";
    case 0x26: return "SP not aligned";
    case 0x2f: return "SError";
    case 0x3c: return "BRK";
    default: return "exception";
  }
}

static const char *fault_name(u32 status) {   /* DFSC, IFSC */
  switch (status >> 2) {
    case 0: return "address size fault";
    case 1: return "translation fault: nothing is mapped there";
    case 2: return "access flag fault";
    case 3: return "permission fault";
    default: return status == 0x21 ? "alignment fault" : status == 0x10 ? "external abort: nothing answers there" : "";
  }
}

void exception(struct frame *frame, u64 vector) {
  if ((vector & 3) == 1) return irq_dispatch();
  if (probe_resume) {
    frame->elr = probe_resume;
    probe_resume = 0;
    return;
  }
  u64 esr = read_sysreg(esr_el1), far = read_sysreg(far_el1);
  u32 ec = (esr >> 26) & 63;
  bool abort = ec == 0x20 || ec == 0x21 || ec == 0x24 || ec == 0x25;
  print("\nexception on CPU %d: %s", cpu_index(), (vector & 3) == 3 ? "SError" : class_name(ec));
  if (abort) print(", %s", fault_name(esr & 63));
  if (ec == 0x24 || ec == 0x25) print(", on a %s", esr & 1 << 6 ? "write" : "read");
  print("\n  pc %016lx  address %016lx  esr %08lx  spsr %08lx  vector %lu\n", frame->elr, far, esr, frame->spsr, vector);
  for (int i = 0; i < 31; i++) print("%s%d %016lx%s", i < 10 ? "  x" : " x", i, frame->x[i], i % 4 == 3 ? "\n" : " ");
  print(" sp %016lx\n", frame->sp);
  exception_exit();
}
