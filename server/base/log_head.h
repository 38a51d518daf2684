/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_HEAD_H
#define BASE_LOG_HEAD_H
/*
 * What stands in a line before its fields: as much as who receives it does not know.
 *
 *	a file          2026-11-23T17:30:00.123Z info event=login
 *	the journal     <6>event=login
 *	syslog          <22>Nov 23 18:30:00 popartd[4711]: event=login
 *
 * A JSON object has its time and level wherever it goes: it is read by programs, later.
 */
#include "base/log.h"

enum log_receiver { LOG_RECEIVER_FILE, LOG_RECEIVER_JOURNAL, LOG_RECEIVER_SYSLOG };

struct log_head {
	enum log_receiver receiver;
	bool json;
	int facility; /* SYSLOG  */
	int pid;      /* SYSLOG  */
};

void log_head_init(struct log_head *, enum log_receiver, const struct log_setup *);
void log_head_add(const struct log_head *, struct buf *, int level, const char *event);

#endif
