/* SPDX-License-Identifier: MIT */
#include "check/remains.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

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

/* Private memory that can be written, without a file, and not the stack. */
static bool is_ours(const char *line, uintptr_t *from, uintptr_t *to)
{
	char mode[8], name[16] = "";

	return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %15s", from, to, mode,
		       name) >= 3 &&
		strcmp(mode, "rw-p") == 0 && *to - *from <= LARGEST &&
		(name[0] == '\0' || strcmp(name, "[heap]") == 0);
}

bool remains_of(const char secret[REMAINS_SECRET])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], room[4096];
	uintptr_t from, to;
	bool found = false;

	if (!maps)
		return false;
	setvbuf(maps, room, _IOFBF, sizeof(room));
	while (!found && fgets(line, sizeof(line), maps))
		found = is_ours(line, &from, &to) &&
			memmem((const void *)from, to - from, secret + REMAINS_SECRET - TAIL,
				TAIL) != NULL;
	fclose(maps);
	return found;
}
