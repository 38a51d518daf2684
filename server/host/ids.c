/* SPDX-License-Identifier: MIT */
#include "host/ids.h"
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>

/* Neither call says whether it worked, but the next one tells what is. */
static bool set(uid_t uid, gid_t gid)
{
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	return (gid_t)setfsgid((gid_t)-1) == gid && (uid_t)setfsuid((uid_t)-1) == uid;
}

bool ids_take(uid_t uid, gid_t gid)
{
	if (set(uid, gid))
		return true;
	ids_give_back();
	return false;
}

/* A thread that went on with somebody's ids would serve the next user with them. */
void ids_give_back(void)
{
	if (!set(geteuid(), getegid()))
		abort();
}
