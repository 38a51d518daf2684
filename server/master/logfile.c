/* SPDX-License-Identifier: MIT */
#include "master/logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_file(const struct conf *conf)
{
	return strchr(conf->log_target, '/') != NULL;
}

/* False: errno. */
static bool make(const char *path, const struct account *a)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST;
	bool ok = fchown(fd, a->uid, a->gid) == 0;
	return close(fd) == 0 && ok;
}

bool logfile_check(const struct conf *conf, const struct account *a, struct report *r)
{
	const char *path = conf->log_target;
	bool ok = !is_file(conf) || eaccess(path, W_OK) == 0;

	if (!ok && errno == ENOENT) { /* made at the start, by root if there is one */
		char *copy = strdup(path);
		ok = copy && eaccess(dirname(copy), a->change ? X_OK : W_OK | X_OK) == 0;
		free(copy);
	}
	if (!ok)
		conf_report_log(conf, r);
	return ok;
}

struct log *logfile_open(const struct conf *conf, const struct account *a, struct report *r)
{
	if (!is_file(conf) || !a->change || make(conf->log_target, a))
		return conf_open_log(conf, "master", r);
	conf_report_log(conf, r);
	return NULL;
}
