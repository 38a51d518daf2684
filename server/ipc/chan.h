/* SPDX-License-Identifier: MIT */
#ifndef IPC_CHAN_H
#define IPC_CHAN_H
/*
 * What master and children say to each other: datagrams over a SOCK_SEQPACKET
 * socketpair, descriptors beside them. The end of the socketpair is a message too:
 * the other side is gone.
 */
#include "base/view.h"

/* Bumped with every change of the struct or the kinds, and of where session locks lie: workers
 * of two layouts do not serve side by side. */
#define CHAN_LAYOUT   6u
#define CHAN_TEXT_MAX 4096u
#define CHAN_FDS_MAX  64u

enum chan_kind {
	CHAN_START = 1, /* master -> worker: who you are; text: the configuration's name; fds:
	                   configuration, scoreboard, secrets, listeners in their order, and
	                   the log's file, if the configuration has one                      */
	CHAN_READY,     /* worker -> master: modules are up; text: warnings, a line each    */
	CHAN_FAILED,    /* worker -> master: text says why; the worker exits                */
	CHAN_ACCEPT,    /* master -> worker: take connections; again: look whether any wait */
	CHAN_RETIRE,    /* master -> worker: leave the connections to another generation,
	                   finish those that there are, leave                               */
	CHAN_RETIRED,   /* worker -> master: what waits to be accepted is for others now    */
	CHAN_DRAIN,     /* master -> worker: take no more connections, let those who have
	                   logged in finish, leave                                          */
	CHAN_STOP,      /* master -> worker: finish a commit under way, then leave          */
	CHAN_LOG,       /* master -> worker: fd: the log's file from now on                 */
	CHAN_PROBE,     /* worker -> master -> every other worker: somebody waits for the
	                   session lock `lock`; look whether its holder's peer is alive     */
	/* The admin process is started with CHAN_START, too: at_ms: when the server was;
	 * value: the group that may change something, or CHAN_NO_GROUP; fds: configuration,
	 * history, listener, that for metrics if there is one, the log's file if
	 * there is one. It says CHAN_READY or CHAN_FAILED, and ends at CHAN_STOP. */
	CHAN_BOARD,    /* master -> admin: there is this generation; fd: its scoreboard;
	                   at_ms: since when it serves                                      */
	CHAN_GONE,     /* master -> admin: there is this generation no more                */
	CHAN_STOPPING, /* master -> admin: no generation serves any more                   */
	/* What the admin process asks for, `request` tells whose answer CHAN_DONE is: */
	CHAN_KICK,    /* admin -> master -> the worker: close this session, without update */
	CHAN_LEVEL,   /* admin -> master: value: the log's level, of all; -> all: yours    */
	CHAN_RELOAD,  /* admin -> master: read the configuration anew                     */
	CHAN_QUIT,    /* admin -> master: drain and stop; value 1: at once */
	CHAN_RELEASE, /* admin -> master: text: a user whose quarantines are to end       */
	CHAN_DONE     /* worker -> master -> admin: value: as an HTTP status; text: why not */
};
#define CHAN_NO_GROUP INT64_C(-1)

struct chan_msg {
	uint32_t layout; /* CHAN_LAYOUT */
	uint32_t kind;
	uint32_t worker;     /* index; START, KICK      */
	uint32_t generation; /* START, BOARD, GONE, KICK; DONE: the new one */
	uint64_t lock;       /* PROBE        */
	uint64_t session;    /* KICK         */
	uint64_t request;
	int64_t value, at_ms; /* at_ms: by clock_ms */
	uint32_t reserved;
	uint32_t text_len;
	char text[CHAN_TEXT_MAX]; /* only text_len octets travel */
};

/* Both ends close-on-exec. 0 or -1 with errno. */
int chan_pair(int fds[2]);
/* 0, or -1 with errno (EAGAIN: the other side does not read). Descriptors stay the caller's. */
int chan_send(int fd, const struct chan_msg *, const int *fds, size_t nfds);
/* 1: a message; received descriptors (close-on-exec) are the caller's. fds has room for
 * CHAN_FDS_MAX. Waits unless the socket is non-blocking (EAGAIN). 0: the other side is
 * gone. -1: errno; EPROTO: not a message of this layout (its descriptors are closed). */
int chan_recv(int fd, struct chan_msg *, int *fds, size_t *nfds);

#endif
