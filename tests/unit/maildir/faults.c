/* SPDX-License-Identifier: MIT */
#include "unit/maildir/faults.h"

struct faults faults;

static bool refuse(void)
{
	return faults.fail_at && ++faults.allocations == faults.fail_at;
}

void *faults_malloc(size_t n)
{
	return refuse() ? NULL : malloc(n);
}

void *faults_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : calloc(n, size);
}

void *faults_realloc(void *p, size_t n)
{
	return refuse() ? NULL : realloc(p, n);
}

char *faults_strndup(const char *s, size_t n)
{
	return refuse() ? NULL : strndup(s, n);
}

static ssize_t leave_out(char *buf, ssize_t got, const char *name)
{
	for (ssize_t at = 0; at < got;) {
		struct dirent64 *e = (void *)(buf + at);
		ssize_t len = e->d_reclen;

		if (strcmp(e->d_name, name) == 0) {
			memmove(buf + at, buf + at + len, (size_t)(got - at - len));
			got -= len;
		} else {
			at += len;
		}
	}
	return got;
}

ssize_t faults_getdents64(int fd, void *buf, size_t n)
{
	ssize_t got;

	if (!faults.before_reading && !faults.missed)
		return getdents64(fd, buf, n);
	faults.readings++;
	if (faults.before_reading)
		faults.before_reading(faults.arg, faults.readings);
	got = getdents64(fd, buf, n);
	if (got > 0 && faults.missed && faults.readings >= faults.missed_from &&
		faults.readings <= faults.missed_to)
		got = leave_out(buf, got, faults.missed);
	return got;
}
