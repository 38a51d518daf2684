/* SPDX-License-Identifier: MIT */
#include "master/logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ipc/chan.h"

bool logfile_open(const struct conf *conf, int *fd, struct report *r)
{
	*fd = -1;
	if (conf->log_to != LOG_TO_FILE)
		return true;
	*fd = log_open_file(conf->log_path);
	if (*fd < 0)
		conf_report_log(conf, r);
	return *fd >= 0;
}

/* As log_open_file would find it. False: errno. */
static bool can_open(const char *path)
{
	struct stat st;
	char *copy;
	bool ok;

	if (lstat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			errno = EISDIR;
		else if (S_ISLNK(st.st_mode) && geteuid() == 0)
			errno = ELOOP;
		else
			return eaccess(path, W_OK) == 0;
		return false;
	}
	if (errno != ENOENT)
		return false;
	copy = strdup(path);
	ok = copy && eaccess(dirname(copy), W_OK | X_OK) == 0;
	free(copy);
	return ok;
}

bool logfile_check(const struct conf *conf, struct report *r)
{
	struct place at = conf_place(conf, "log");
	bool ok = conf->log_to != LOG_TO_FILE || can_open(conf->log_path);

	if (!ok)
		conf_report_log(conf, r);
	if (conf->log_to == LOG_TO_SYSLOG && !log_syslog_listens(conf->log_path))
		report_warn(r, at.file, at.line,
			"no syslog daemon listens at %s: %s; log lines wait for one",
			conf->log_path, strerror(errno));
	return ok;
}

struct log *logfile_master(const struct generation *g)
{
	int fd = -1;

	if (g->log_fd >= 0) {
		fd = fcntl(g->log_fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return NULL;
	}
	if (g->conf->log_to == LOG_TO_SYSLOG && !log_syslog_listens(g->conf->log_path))
		(void)fprintf(stderr,
			"popartd: no syslog daemon listens at %s: %s; log lines wait for one\n",
			g->conf->log_path, strerror(errno));
	return conf_log(g->conf, "master", fd);
}

static void complain(struct log *log, const struct worker *w, const char *path)
{
	int why = errno;
	struct log_line l;

	log_begin(log, &l, LOG_EV_LOG_REOPEN_FAILED);
	if (w)
		log_u64(&l, "worker", w->index + 1);
	log_str(&l, "path", path);
	log_errno(&l, why);
	log_end(&l);
}

bool logfile_reopen(struct generation *g, struct log *log)
{
	const struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = CHAN_LOG };
	int fd;

	if (g->conf->log_to != LOG_TO_FILE)
		return false;
	fd = log_open_file(g->conf->log_path);
	if (fd < 0) {
		complain(log, NULL, g->conf->log_path);
		return false;
	}
	(void)close(g->log_fd);
	g->log_fd = fd;
	for (unsigned i = 0; i < g->nworkers; i++) {
		const struct worker *w = &g->workers[i];
		if (w->child.chan >= 0 && chan_send(w->child.chan, &msg, &fd, 1) < 0 &&
			errno != EPIPE && errno != ECONNRESET) /* these have just died */
			complain(log, w, g->conf->log_path);
	}
	return true;
}

void logfile_follow(const struct generation *g, struct log *log)
{
	int fd = fcntl(g->log_fd, F_DUPFD_CLOEXEC, 3);
	struct log_line l;

	if (fd < 0) {
		complain(log, NULL, g->conf->log_path);
		return;
	}
	log_switch(log, fd);
	log_begin(log, &l, LOG_EV_LOG_REOPEN);
	log_end(&l);
}
