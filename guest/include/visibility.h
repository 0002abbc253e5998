/* visibility.h: included before everything (-include). Nothing here is ever a shared library, so every symbol is
 * hidden: the compiler then addresses them relative to the program counter instead of through a table.
 */
#ifndef VISIBILITY_H
#define VISIBILITY_H
#ifndef __ASSEMBLER__
#pragma GCC visibility push(hidden)
#endif
#endif
