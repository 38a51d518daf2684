/* SPDX-License-Identifier: MIT */
#ifndef CHECK_TALLY_H
#define CHECK_TALLY_H
/*
 * What came of a run of tests, as TAP: one line a test; below one that failed, for each
 * promise that was not kept, a sentence that says what happened and the place of the
 * headers that promises it.
 *
 * Each test runs in a child process. A module that crashes, ends the process or gives no
 * answer costs one test, and its sentence names the operation.
 */
#include <stdbool.h>
#include <stdio.h>
#include <popart/abi.h>
#include "check/watch.h"

struct tally;

struct tally_test {
	const char *title; /* what holds when it passes; NULL ends a table */
	void (*run)(struct tally *, void *ctx);
};

/* out stays the caller's. words: NULL-ended, may be NULL or empty: only tests whose title
 * contains one of them are run. NULL: out of memory. */
struct tally *tally_new(FILE *out, const char *const *words);
/* A test is given up when for so long no operation of the module has begun or ended. At first
 * 60. */
void tally_limit(struct tally *, unsigned seconds);
/* From now on tests that turn out to be inapt are neither counted nor printed. */
void tally_leave_inapt(struct tally *);
/* From now on titles are printed, and no test is made. */
void tally_titles(struct tally *);
/* What mock hosts are to tell: which operation runs, and promises that were broken. */
const struct mock_watch *tally_watch(const struct tally *);
/* prefix: in front of each title; NULL: none. The caller has no other threads. */
void tally_run(struct tally *, const char *prefix, const struct tally_test *, void *ctx);

/*
 * Within a test, from any thread or process of it. clause: "storage.h: popart_msg.wire_size";
 * fmt: what happened, as a sentence without its full stop ("message 3 was listed with 12
 * octets, and 14 came"). Of many failures of one test the first few are printed, and how many
 * more there
 * were. Returns holds.
 */
bool tally_holds(struct tally *, bool holds, const char *clause, const char *fmt, ...)
	POPART_PRINTF(4, 5);
/* The test cannot be made here, and why; it is no failure. */
void tally_skip(struct tally *, const char *fmt, ...) POPART_PRINTF(2, 3);
/* The test is not for this module, or this build, and why; it is skipped, too. */
void tally_inapt(struct tally *, const char *fmt, ...) POPART_PRINTF(2, 3);
/* A line for who reads the output, "# ..." in TAP. */
void tally_note(struct tally *, const char *fmt, ...) POPART_PRINTF(2, 3);
/* Tests so far that failed. */
unsigned tally_failed(const struct tally *);

/* Prints the plan; 0: at least one test ran, and none failed; otherwise 1. */
int tally_end(struct tally **);

#endif
