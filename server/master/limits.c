/* SPDX-License-Identifier: MIT */
#include "master/limits.h"
#include <sys/resource.h>
#include "ipc/lock.h"

/* A socket and a message; and what a worker has beside them: ports, modules, lock files that
 * stay open. */
#define PER_CONNECTION 2u
#define PER_WORKER     512u

void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void limits_check(const struct conf *conf, struct report *r)
{
	uint64_t all = conf->max_connections;
	uint64_t locks = all < LOCKS_FILES ? all : LOCKS_FILES;
	uint64_t wanted = all * PER_CONNECTION + locks + PER_WORKER;
	struct place at = conf_place(conf, "max_connections");
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= wanted)
		return;
	report_warn(r, at.file, at.line,
		"max_connections is %u; one worker may get them all, and wants %llu "
		"descriptors "
		"for that, but may have %llu; raise that limit (LimitNOFILE of systemd, "
		"ulimit -n), or lower max_connections",
		conf->max_connections, (unsigned long long)wanted,
		(unsigned long long)limit.rlim_max);
}
