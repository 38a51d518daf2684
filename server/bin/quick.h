/* SPDX-License-Identifier: MIT */
#ifndef BIN_QUICK_H
#define BIN_QUICK_H
/*
 * Zero configuration: `popartd --maildir DIR ...` written out as the configuration that
 * it stands for, so that it goes the same way as any other.
 */
#include "bin/options.h"

#define QUICK_NAME   "(command line)" /* where messages say that it stands */
#define QUICK_LISTEN "127.0.0.1:1100"

struct quick_dir {
	struct popart_str path; /* absolute */
	uint32_t uid;           /* its owner */
};

/* Appends the configuration to text. self: the effective user; only root changes to the
 * directory's owner. False: why says in one line what is wrong. */
bool quick_write(const struct options *, const struct quick_dir *, uint32_t self,
	struct buf *text, struct buf *why);
/* The same with the directory looked up. */
bool quick_config(const struct options *, struct buf *text, struct buf *why);

#endif
