/* SPDX-License-Identifier: MIT */
#ifndef ABI_RIG_H
#define ABI_RIG_H
/*
 * The real host with planted modules: a directory with a copy of planted.so, a
 * configuration that names it, and what came of it. One at a time per process (the module
 * is told by the environment what it is to be).
 */
#include "host/host.h"

#define RIG_THREADS 4

struct rig {
	char dir[64], module[128], journal[128];
	struct buf conf_text;
	struct conf *conf;
	struct report report;
	struct host *host;
	_Atomic uint32_t stopping;
	struct log *log;
	char log_file[128];
};

/* planted: which of planted.c's modules; NULL: the good one. */
void rig_init(struct rig *, const char *planted);
/* Adds a block of the planted module; more: its options besides journal. */
void rig_auth(struct rig *, const char *name, const char *more);
void rig_storage(struct rig *, const char *name, const char *more);
/* conf_load, host_new, host_load. */
bool rig_load(struct rig *);
/* The same, then start and every thread. */
bool rig_start(struct rig *);
void rig_free(struct rig *);

/* Everything the report says, without the name of the temporary directory ("DIR"). */
const char *rig_said(struct rig *);
/* The journal's lines, ';' between them; free it. */
char *rig_journal(const struct rig *);
/* The log so far; free it. */
char *rig_log(const struct rig *);

#endif
