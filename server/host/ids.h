/* SPDX-License-Identifier: MIT */
#ifndef HOST_IDS_H
#define HOST_IDS_H
/*
 * For whom the calling thread reaches for files: the kernel keeps file-system ids thread by
 * thread, and nothing else of a process follows them. (setuid() and its kind, as libc has
 * them, change every thread.) Needs CAP_SETUID and CAP_SETGID; supplementary groups stay.
 */
#include <stdbool.h>
#include <sys/types.h>

/* False: not permitted, or no memory; nothing has changed. */
bool ids_take(uid_t, gid_t);
/* To the process's own. */
void ids_give_back(void);

#endif
