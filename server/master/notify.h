/* SPDX-License-Identifier: MIT */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H
/*
 * What a service manager is told, and how: datagrams of VARIABLE=VALUE lines to the socket
 * that NOTIFY_SOCKET names, as sd_notify(3) describes them. Without a manager every call
 * does nothing.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include "conf/report.h"

struct notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un to;
	socklen_t to_len;
	int64_t ping_every_ms; /* half of what the watchdog allows; 0: there is none */
	int64_t ping_due_ms;
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, which
 * children inherit. What cannot be understood is warned of, and nobody is told anything. */
void notify_open(struct notify *, struct report *);
void notify_close(struct notify *);

/* Lines with '\n' between them. Waits for a manager that does not read, but at most a
 * second: what is lost then, it finds out by its own timeouts. */
void notify_say(const struct notify *, const char *lines);
/* Tells the watchdog that we live, if it is time to. Returns when it will be, in clock_ms;
 * INT64_MAX: never. */
int64_t notify_ping(struct notify *, int64_t now_ms);

#endif
