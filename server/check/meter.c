/* SPDX-License-Identifier: MIT */
#include "check/meter.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5 };

struct meter {
	size_t octets; /* of malloc; a sanitizer in its place counts none */
	unsigned descriptors, threads;
};

void meter_exactly(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0 || getenv(name) || setenv(name, "glibc.malloc.tcache_count=0", 1) != 0)
		return;
	self[n] = '\0';
	(void)execv(self, argv);
}

static unsigned count(const char *directory)
{
	DIR *d = opendir(directory);
	unsigned n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

unsigned meter_descriptors(void)
{
	return count("/proc/self/fd");
}

unsigned meter_limit(size_t spare)
{
	int fd = 0;

	for (size_t gaps = 0;; fd++) {
		gaps += fcntl(fd, F_GETFD) < 0;
		if (gaps > spare)
			return (unsigned)fd;
	}
}

static struct meter meter_read(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct meter){ .octets = m.uordblks + m.hblkhd,
		.descriptors = meter_descriptors(),
		.threads = count("/proc/self/task") };
}

/* A thread that was joined may be seen for a moment more. */
static struct meter settled(unsigned threads)
{
	struct meter now = meter_read();

	for (int i = 0; i < 100 && now.threads > threads; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		now = meter_read();
	}
	return now;
}

static bool is_steady(const struct meter *before, const struct meter *now, size_t slack)
{
	return now->octets <= before->octets + slack &&
		now->descriptors <= before->descriptors && now->threads <= before->threads;
}

bool meter_rounds(struct tally *t, bool (*round)(void *arg), void *arg, size_t slack,
	const char *clause, const char *after)
{
	struct meter before, now = meter_read();

	for (int i = 0; i < ROUNDS; i++) {
		before = now;
		if (!round(arg))
			return true;
		now = settled(before.threads);
		if (is_steady(&before, &now, slack))
			return true;
	}
	tally_holds(t, now.descriptors <= before.descriptors, clause,
		"%u more descriptors are open after %s", now.descriptors - before.descriptors,
		after);
	tally_holds(t, now.threads <= before.threads, clause, "%u more threads run after %s",
		now.threads - before.threads, after);
	tally_holds(t, now.octets <= before.octets + slack, clause,
		"%zu more octets of memory are held after %s", now.octets - before.octets,
		after);
	return false;
}
