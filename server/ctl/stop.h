/* SPDX-License-Identifier: MIT */
#ifndef CTL_STOP_H
#define CTL_STOP_H
/* Ctrl-C, and what else tells a program to end, for a command that must not end anywhere. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stop;

/* From now on SIGINT, SIGTERM and SIGHUP set *stopping, and nothing else. NULL: errno. */
struct stop *stop_begin(_Atomic uint32_t *stopping);
/* They do again what they did. */
void stop_end(struct stop **);

#endif
