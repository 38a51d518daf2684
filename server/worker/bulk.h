/* SPDX-License-Identifier: MIT */
#ifndef WORKER_BULK_H
#define WORKER_BULK_H
/*
 * Those who download wait apart, in an epoll instance of their own, so that who has little to
 * say need not wait for all of them. However many they are, they keep all event threads of a
 * worker but one busy at a time: that one waits for everybody else, and the kernel lets a
 * thread that was asleep go before one that never is.
 */
#include <sys/epoll.h>
#include "worker/state.h"

/* Once w->epoll is open. 0, or -1 with errno. */
int bulk_open(struct worker *);
void bulk_close(struct worker *);
/* For epoll_wait on w->epoll: whether the thread has others that download to serve, and only
 * looks, or has nothing else to do. In between it lets others have the processor:
 * the caller has nothing in hand that somebody waits for. */
bool bulk_looks_only(struct thread *);
/* After epoll_wait on w->epoll has brought n events (0, 1) into *e: replaces one that tells of
 * those who download, or none, by one of theirs, if it is for this thread. Returns how many
 * there are. t->long_turn: whether it is one of theirs. */
int bulk_next(struct thread *, int n, struct epoll_event *);
/* Whether one thread is to be kept from those who download, as at the beginning; not, while all
 * others are in calls that do not end. Any thread. */
void bulk_keep_one(struct worker *, bool);

#endif
