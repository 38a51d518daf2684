/* SPDX-License-Identifier: MIT */
#ifndef CHECK_TRIAL_H
#define CHECK_TRIAL_H
/*
 * One test in a process of its own. What it finds is in memory that outlives the process,
 * and so is which operation of the module runs: that tells what it died of.
 */
#include <stdarg.h>
#include <stdbool.h>

enum { TRIAL_TOLD = 5, TRIAL_LINE = 1024 };

struct trial;

struct trial *trial_new(void); /* NULL: out of memory */
void trial_free(struct trial **);

/* Runs it, anew; false: there was no process to be had. limit_s: how long it may take until an
 * operation begins or ends. */
bool trial_run(struct trial *, void (*run)(void *arg), void *arg, unsigned limit_s);

/* From within, any thread or process of it. */
void trial_enter(struct trial *, unsigned thread, const char *op);
void trial_leave(struct trial *, unsigned thread);
void trial_broken(struct trial *, const char *clause, const char *fmt, va_list);
/* inapt: not for this module at all. */
void trial_skipped(struct trial *, bool inapt, const char *fmt, va_list);

/* Afterwards: how many promises were broken, the first TRIAL_TOLD of them, and why the test
 * was not made ("": it was). */
unsigned trial_found(const struct trial *);
const char *trial_told(const struct trial *, unsigned i);
const char *trial_skip(const struct trial *);
/* It was not made because it is not for this module, and nothing was broken. */
bool trial_is_inapt(const struct trial *);

#endif
