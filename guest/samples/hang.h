/* hang.h: what of hang.c depends on the architecture. A function that an architecture has no way to do returns. */
#ifndef HANG_H
#define HANG_H

#include "arch.h"

void handlers_that_return(void);        /* a fault's handler returns to the instruction that failed */
void read_unmapped(void);
void handlers_in_empty_memory(void);
void run_device_memory(void);           /* with the MMU off, and no handlers */
void lose_the_stack(void);
void jump_without_handlers(void);

#endif
