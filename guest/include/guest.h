/* guest.h: everything a bare-metal program in this folder can call.
 *
 * The same functions exist on aarch64, powerpc, riscv64 and x86_64; runtime/ holds what is common, and
 * arch/<architecture>/ what is not. A program is one C file with `int main(void)`: the number it
 * returns becomes the exit status of the monitor (0 to 99).
 * Deliberately absent: a heap, floating point, user mode, an allocator of virtual addresses (VA == PA).
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

enum { MAX_CPUS = 8, STACK_SIZE = 16384, EXIT_EXCEPTION = 3 };

/* --- program --------------------------------------------------------------------------------- */

int main(void);

/* The text after the kernel: /chosen bootargs, or the command line of the x86 boot protocols. "" if none. */
const char *boot_args(void);
/* The value of `name=NUMBER` (decimal or 0x...) among the arguments, else `fallback`. */
u64 boot_arg_number(const char *name, u64 fallback);

/* Ends the run with an exit status, by the architecture's test-exit device (docs/boot-contract.md). */
_Noreturn void exit_with(int code);
_Noreturn void power_off(void);      /* what an operating system would do at shutdown */
_Noreturn void system_reset(void);   /* what an operating system would do at reboot */
void report_panic(void);             /* what an operating system's panic tells its hypervisor (pvpanic) */
void mark(u32 number);              /* tells a monitor that traces how far this program is (docs/boot-contract.md, "Marks") */
_Noreturn void halt_forever(void);   /* sleeps with interrupts masked */

/* --- console --------------------------------------------------------------------------------- */

/* %s %c %d %u %x %p %%, with a width, '0' and 'l' (64 bits): a subset of printf. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_write(const char *text, size_t length);   /* raw bytes */
int console_read(void);                                /* one byte, or -1 */
/* Calls `handler` in interrupt context whenever the UART has received something. */
void console_on_receive(void (*handler)(void));

/* --- strings and memory (the compiler may also call the mem* functions by itself) --------------- */

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* --- memory map ------------------------------------------------------------------------------ */

struct range { u64 base, size; };

/* RAM as the monitor describes it; returns how many ranges there are. */
int ram_ranges(const struct range **out);
/* What must not be overwritten: this program with its stacks, the device tree or boot data, the initrd. */
int reserved_ranges(const struct range **out);
/* Makes [base, base+size) reachable at VA == PA, as device memory. (On powerpc, whose effective addresses have 32
 * bits, all accesses below take the physical address and find the way themselves.) */
void map_device(u64 base, u64 size);

/* Device accesses: what the device keeps there, little-endian. On aarch64 the instruction matters: for a load or store with write-back the processor tells a
 * hypervisor nothing ("no valid syndrome"), and a compiler makes such of a volatile pointer in a loop. */
#ifdef __aarch64__
#define MMIO_ACCESS(bits, modifier, suffix) \
  static inline u##bits mmio_read##bits(u64 a) { \
    u##bits v; \
    __asm__ volatile("ldr" suffix " %" modifier "0, [%1]" : "=r"(v) : "r"(a) : "memory"); \
    return v; \
  } \
  static inline void mmio_write##bits(u64 a, u##bits v) { \
    __asm__ volatile("str" suffix " %" modifier "0, [%1]" : : "r"(v), "r"(a) : "memory"); \
  }
MMIO_ACCESS(8, "w", "b")
MMIO_ACCESS(16, "w", "h")
MMIO_ACCESS(32, "w", "")
MMIO_ACCESS(64, "x", "")
#undef MMIO_ACCESS
#elif defined __powerpc__
/* The low 32 bits of a physical address are its effective one, see arch/powerpc/machine.c. Big-endian registers have
 * their own functions in arch.h; no access of 8 bytes exists. */
static inline u8 mmio_read8(u64 a) {
  u32 v;
  __asm__ volatile("lbz %0, 0(%1)" : "=r"(v) : "b"((u32)a) : "memory");
  return (u8)v;
}
static inline void mmio_write8(u64 a, u8 v) {
  __asm__ volatile("stb %1, 0(%0)" : : "b"((u32)a), "r"((u32)v) : "memory");
}
#define MMIO_ACCESS(bits, suffix) \
  static inline u##bits mmio_read##bits(u64 a) { \
    u32 v; \
    __asm__ volatile("l" suffix "brx %0, 0, %1" : "=r"(v) : "r"((u32)a) : "memory"); \
    return (u##bits)v; \
  } \
  static inline void mmio_write##bits(u64 a, u##bits v) { \
    __asm__ volatile("st" suffix "brx %1, 0, %0" : : "r"((u32)a), "r"((u32)v) : "memory"); \
  }
MMIO_ACCESS(16, "h")
MMIO_ACCESS(32, "w")
#undef MMIO_ACCESS
#else
static inline u8 mmio_read8(u64 a) { return *(volatile u8 *)a; }
static inline u16 mmio_read16(u64 a) { return *(volatile u16 *)a; }
static inline u32 mmio_read32(u64 a) { return *(volatile u32 *)a; }
static inline u64 mmio_read64(u64 a) { return *(volatile u64 *)a; }
static inline void mmio_write8(u64 a, u8 v) { *(volatile u8 *)a = v; }
static inline void mmio_write16(u64 a, u16 v) { *(volatile u16 *)a = v; }
static inline void mmio_write32(u64 a, u32 v) { *(volatile u32 *)a = v; }
static inline void mmio_write64(u64 a, u64 v) { *(volatile u64 *)a = v; }
#endif

/* Access that may fault: false (and nothing else happens) when the CPU took an exception. width: 1 2 4 8. */
bool probe_read(u64 address, int width, u64 *value);
bool probe_write(u64 address, int width, u64 value);

/* --- CPUs, interrupts, time --------------------------------------------------------------------- */

int cpu_count(void);          /* how many the machine description names, at most MAX_CPUS */
int cpu_index(void);          /* 0 for the boot CPU; valid on every started CPU */
/* Starts CPU 1..cpu_count()-1 in `function(index)` on its own stack; 0 or the firmware's error. */
s64 cpu_start(int index, void (*function)(int index));

void interrupts_on(void);
void interrupts_off(void);
/* Sleeps until an interrupt has been handled; call with interrupts off, returns with them off. */
void wait_for_interrupt(void);

u64 clock_ticks(void);                  /* a free-running counter */
u64 clock_frequency(void);              /* its ticks per second; 0 where the machine does not say */
const char *timer_name(void);           /* which timer timer_start uses, for messages */
/* One interrupt on this CPU, about `microseconds` from now. */
void timer_start(u64 microseconds, void (*handler)(void));

/* --- virtio-mmio ------------------------------------------------------------------------------- */

struct virtio_slot { u64 base; u32 irq; };
int virtio_slots(const struct virtio_slot **out);

#endif
