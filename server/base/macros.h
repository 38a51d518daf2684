/* SPDX-License-Identifier: MIT */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H
/* What the language leaves out. */
#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* How much of a struct that grows there has to be: all that version 1.0 of the module ABI has,
 * named by its last member. */
#define THROUGH(type, member)         (offsetof(type, member) + sizeof(((type *)0)->member))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define MUST_USE                      __attribute__((warn_unused_result))
#define NORETURN                      __attribute__((noreturn))
#define PRINTF_LIKE(f, a)             __attribute__((format(printf, f, a)))
#define UNUSED                        __attribute__((unused))
/* What is seldom needed stays out of what is quick. */
#define NOINLINE __attribute__((noinline))

#endif
