/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_STATE_H
#define PASSWD_FILE_STATE_H
/* One instance. */
#include "book.h"

struct state {
	const struct popart_host *host;
	struct popart_instance *inst;
	const char *path;
	struct book *book;
	int64_t cache_ttl_ms; /* 0: nothing is remembered */
};

#endif
