/* SPDX-License-Identifier: MIT */
/*
 * What may be found in popartd's place after an update: a worker that its master cannot
 * start. How it behaves stands in a file beside it, PROGRAM.does: "layout", it speaks with
 * another layout of messages; "crash", it dies; "hang", it never says a word, and is named so.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ipc/chan.h"

static bool read_task(char *task, int size)
{
	char path[PATH_MAX + sizeof(".does")];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	FILE *f;
	bool ok;

	if (n <= 0)
		return false;
	(void)snprintf(path + n, sizeof(".does"), "%s", ".does");
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(task, size, f) != NULL;
	return fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
	static const struct chan_msg msg = { .layout = CHAN_LAYOUT + 1, .kind = CHAN_READY };
	char task[16];

	if (argc != 3 || !read_task(task, sizeof(task)))
		return 3;
	if (strcmp(task, "crash") == 0)
		abort();
	if (strcmp(task, "layout") == 0 &&
		send(atoi(argv[2]), &msg, offsetof(struct chan_msg, text), 0) < 0)
		return 4;
	if (prctl(PR_SET_NAME, task) != 0)
		return 5;
	for (;;)
		(void)pause();
}
