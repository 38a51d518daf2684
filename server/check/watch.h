/* SPDX-License-Identifier: MIT */
#ifndef CHECK_WATCH_H
#define CHECK_WATCH_H
/* Who is told of what a mock host sees. Any thread calls, several at once. */
#include <stdint.h>

struct mock_watch {
	void *ctx;
	/* An operation of the module ("open") begins on a thread of the host, or has ended. */
	void (*enter)(void *ctx, unsigned thread, const char *op);
	void (*leave)(void *ctx, unsigned thread);
	/* The module has broken a promise: a sentence without its full stop, and the place of
	 * the headers that promises it. */
	void (*broken)(void *ctx, const char *clause, const char *sentence);
	/* No instance came up: which function refused, and the lines that the module logged.
	 * May be NULL. */
	void (*refused)(void *ctx, const char *why, const char *log);
};

#endif
