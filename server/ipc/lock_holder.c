/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "ipc/lock.h"

#define PATH_LEN 320u

struct wanted {
	struct stat file;
	uint64_t offset;
};

/* "lock:  1: OFDLCK ADVISORY WRITE -1 fe:01:1234 7 7": is it ours? */
static bool is_lock(const struct wanted *w, const char *line)
{
	const char *ofd = strstr(line, "OFDLCK");
	uint64_t ino, first, last;

	return strncmp(line, "lock:", 5) == 0 && ofd &&
		sscanf(ofd, "OFDLCK %*s WRITE %*d %*x:%*x:%" SCNu64 " %" SCNu64 " %" SCNu64,
			&ino, &first, &last) == 3 &&
		ino == w->file.st_ino && first <= w->offset && w->offset <= last;
}

static bool says_so(const struct wanted *w, const char *info)
{
	FILE *f = fopen(info, "re");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = is_lock(w, line);
	if (f)
		(void)fclose(f);
	return found;
}

static bool holds(const struct wanted *w, const char *pid)
{
	char path[PATH_LEN];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		struct stat st;

		(void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		if (stat(path, &st) != 0 || st.st_ino != w->file.st_ino ||
			st.st_dev != w->file.st_dev)
			continue;
		(void)snprintf(
			path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, entry->d_name);
		found = says_so(w, path);
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

static void name(const char *pid, char who[LOCKS_HOLDER_MAX])
{
	char path[PATH_LEN], comm[20] = "a program";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(comm, sizeof(comm), f))
		comm[strcspn(comm, "\n")] = '\0';
	if (f)
		(void)fclose(f);
	(void)snprintf(who, LOCKS_HOLDER_MAX, "%s, process %.20s", comm, pid);
}

bool locks_holder(struct locks *l, uint64_t hash, char who[LOCKS_HOLDER_MAX])
{
	struct wanted w;
	const struct dirent *entry;
	int file = locks_place(l, hash, &w.offset);
	bool found = false;
	DIR *dir;

	who[0] = '\0';
	if (file < 0 || fstat(file, &w.file) != 0)
		return false;
	dir = opendir("/proc");
	while (dir && !found && (entry = readdir(dir))) {
		found = isdigit((unsigned char)entry->d_name[0]) && holds(&w, entry->d_name);
		if (found)
			name(entry->d_name, who);
	}
	if (dir)
		(void)closedir(dir);
	return found;
}
