/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H
/*
 * Where the lines of a log go: a descriptor, written to without ever waiting for who reads
 * it, and so that lines of several processes do not mix. For log.c, which keeps what is not
 * taken, and guards the sink by its mutex.
 */
#include <sys/types.h>
#include "base/log.h"

enum log_sink_kind { LOG_SINK_FILE, LOG_SINK_STREAM, LOG_SINK_PIPE, LOG_SINK_SYSLOG };

struct log_sink {
	enum log_sink_kind kind;
	int fd;       /* SYSLOG: -1 while no daemon takes lines */
	bool own;     /* to be closed                           */
	size_t part;  /* octets of the next line that are written already; never in a file */
	char *socket; /* SYSLOG                                 */
};

/* False: out of memory. Either way the setup's fd is the sink's. */
bool log_sink_open(struct log_sink *, const struct log_setup *);
void log_sink_close(struct log_sink *);
/* The lines begin with one that is not yet through, and end with a newline. Returns how many
 * octets of whole lines went out; 0: not now; -1: the first line never will (errno). */
ssize_t log_sink_write(struct log_sink *, struct popart_str lines);
/* Until there may be room, but no longer than this. False: waiting is of no use. */
bool log_sink_wait(const struct log_sink *, int64_t ms);
/* The rest goes there. A line that went out in part is written again, whole. */
void log_sink_switch(struct log_sink *, int fd);
/* The descriptor is what systemd gave us to reach the journal. */
bool log_sink_is_journal(const struct log_sink *);

#endif
