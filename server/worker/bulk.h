/* SPDX-License-Identifier: MIT */
#ifndef WORKER_BULK_H
#define WORKER_BULK_H
/*
 * Those who download wait apart, in an epoll instance of their own, and have threads of their
 * own: who has little to say need not wait for all of them. However many they are, two of a
 * worker's threads (of two or three: one) are left for everybody else, and those are the
 * ones that may interrupt who runs. A thread that serves downloads takes no command, or it
 * would be interrupted with one in hand, by the very client that has its answer, and that one
 * would have to wait until all others that download had a slice. But if the others are away,
 * in calls that last, it does.
 */
#include <sys/epoll.h>
#include "worker/state.h"

/* Once w->epoll is open. 0, or -1 with errno. */
int bulk_open(struct worker *);
void bulk_close(struct worker *);
/* Before it waits for commands: while many download it is to interrupt who runs when it is
 * woken, else not; see crew.c. downloads: whether somebody does. */
void bulk_stand_by(struct thread *, bool downloads);
/* After epoll_wait on w->epoll has brought &w->bulk: from now on it serves those who download
 * (t->in_bulk), unless enough others do. */
void bulk_enter(struct thread *);
/* For one that does: the next event, as of epoll_wait. t->long_turn: it is one of those who
 * download. 0: there is none, and the thread has left them. Before it looks it lets others
 * have the processor, as it has nothing in hand that somebody waits for. */
int bulk_next(struct thread *, struct epoll_event *);
/* Whether threads are to be kept from those who download, as at the beginning; not, while
 * nearly all are in calls that do not end. Any thread. */
void bulk_keep_some(struct worker *, bool);

#endif
