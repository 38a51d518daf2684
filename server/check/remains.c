/* SPDX-License-Identifier: MIT */
#include "check/remains.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { TAIL = 12 };
/* A sanitizer's own are larger. */
#define LARGEST (UINT64_C(64) << 20)

void remains_invent(char secret[REMAINS_SECRET])
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

	if (getrandom(secret, REMAINS_SECRET, 0) != REMAINS_SECRET)
		memset(secret, 7, REMAINS_SECRET);
	for (size_t i = 0; i < REMAINS_SECRET; i++)
		secret[i] = letters[(unsigned char)secret[i] % (sizeof(letters) - 1)];
}

struct mapping {
	uintptr_t from, to;
	bool ours;  /* private memory that can be written, without a file, and no stack */
	bool stack; /* the first thread's */
};

static bool parse(const char *line, struct mapping *m)
{
	char mode[8], name[16] = "";

	if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %15s", &m->from, &m->to,
		    mode, name) < 3)
		return false;
	m->stack = strcmp(name, "[stack]") == 0;
	m->ours = strcmp(mode, "rw-p") == 0 && m->to - m->from <= LARGEST &&
		(name[0] == '\0' || strcmp(name, "[heap]") == 0);
	return true;
}

/* By way of the kernel: a sanitizer minds our reading what is freed. */
static bool mapping_has(int memory, const struct mapping *m, const char *tail)
{
	char room[16384];
	size_t kept = 0;

	for (uintptr_t at = m->from; at < m->to;) {
		size_t want = sizeof(room) - kept;
		ssize_t n = pread(
			memory, room + kept, m->to - at < want ? m->to - at : want, (off_t)at);

		if (n <= 0)
			return false;
		if (memmem(room, kept + (size_t)n, tail, TAIL))
			return true;
		at += (size_t)n;
		size_t all = kept + (size_t)n;

		kept = all < TAIL - 1 ? all : TAIL - 1;
		memmove(room, room + all - kept, kept);
	}
	return false;
}

bool remains_of(const char secret[REMAINS_SECRET])
{
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false, on_stack = false;
	char line[512], room[4096];
	struct mapping m;

	if (maps)
		setvbuf(maps, room, _IOFBF, sizeof(room));
	while (maps && fgets(line, sizeof(line), maps)) {
		if (!parse(line, &m))
			continue;
		found = found ||
			(m.ours && mapping_has(memory, &m, secret + REMAINS_SECRET - TAIL));
		on_stack = on_stack ||
			(m.stack && (uintptr_t)secret >= m.from && (uintptr_t)secret < m.to);
	}
	if (maps)
		fclose(maps);
	if (memory >= 0)
		(void)close(memory);
	return found && on_stack; /* elsewhere it has found its own */
}
