/* runtime.h: what the parts of the runtime offer each other; programs include guest.h only. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "guest.h"

/* runtime/start.c: called by the entry code once C can run. `tree` is a device tree or NULL. */
_Noreturn void start(const void *tree);
void add_ram(u64 base, u64 size);
void add_reserved(u64 base, u64 size);
void add_virtio_slot(u64 base, u32 irq);
void set_boot_args(const char *text);

/* uart_pl011.c and uart_16550.c */
struct uart {
  void (*init)(void);
  void (*write)(const char *text, size_t length);
  int (*read)(void);
  void (*receive_irq)(bool on);
};
extern const struct uart uart_pl011, uart_16550;
extern u64 uart_base;   /* physical address (PL011, 16550) or I/O port (x86 COM1) */
extern u32 uart_irq;    /* as irq_connect() wants it */

/* arch/<architecture>/: */
void arch_early(void);                               /* before main: vectors are set, the console works */
extern const struct uart *arch_uart;
extern const u64 arch_uart_base;                     /* where the UART is if no device tree says so */
_Noreturn void arch_exit(int code);
/* Routes device interrupt `irq` to this CPU. On a machine with a device tree: the tree's own number
 * (aarch64: SPI number, riscv64: PLIC/APLIC source), on x86_64: the ISA interrupt / I/O APIC pin. */
void irq_connect(u32 irq, void (*handler)(void));
/* runtime/finisher.c: where the test-exit device is; 0: the device tree names none. */
u64 finisher(void);
struct fdt_node;
u32 irq_from_tree(const struct fdt_node *node);      /* that number, from the node's `interrupts` */

/* The exception code calls this when nothing recovers; prints are done. */
_Noreturn void exception_exit(void);

/* Where probe_read/probe_write want a fault to continue; 0 when no probe is running. */
extern u64 probe_resume;

extern char image_start[], image_end[];   /* this program, its bss and its stacks: link.ld */

#endif
