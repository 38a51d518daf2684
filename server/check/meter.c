/* SPDX-License-Identifier: MIT */
#include "check/meter.h"

#include <dirent.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void meter_exactly(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";

	if (!getenv(name) && setenv(name, "glibc.malloc.tcache_count=0", 1) == 0)
		(void)execv("/proc/self/exe", argv);
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

struct meter meter_read(void)
{
	return (struct meter){ .octets = mallinfo2().uordblks,
		.descriptors = count("/proc/self/fd"),
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

bool meter_holds(struct tally *t, const struct meter *before, size_t slack, const char *clause,
	const char *after)
{
	struct meter now = settled(before->threads);
	bool ok = tally_holds(t, now.descriptors <= before->descriptors, clause,
		"%u more descriptors are open after %s", now.descriptors - before->descriptors,
		after);

	ok = tally_holds(t, now.threads <= before->threads, clause,
		     "%u more threads run after %s", now.threads - before->threads, after) &&
		ok;
	return tally_holds(t, now.octets <= before->octets + slack, clause,
		       "%zu more octets of memory are held after %s",
		       now.octets - before->octets, after) &&
		ok;
}
