/* SPDX-License-Identifier: MIT */
#include "master/generation.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "master/limits.h"
#include "master/listener.h"
#include "master/logfile.h"
#include "master/rundir.h"
#include "master/secrets.h"

#define CONF_TEXT_MAX (1u << 20) /* with what is included */

static bool write_whole(int fd, struct popart_str text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			text = view_of(text.ptr + n, text.len - (size_t)n);
	}
	return true;
}

/* The text in memory that nobody can change any more. -1 with errno. */
static int sealed_text(struct popart_str text)
{
	int fd = memfd_create("popart.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (!write_whole(fd, text) || lseek(fd, 0, SEEK_SET) < 0 ||
		fcntl(fd, F_ADD_SEALS,
			F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
		int why = errno;
		(void)close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static bool make_workers(struct generation *g)
{
	g->workers = calloc(g->conf->workers, sizeof(*g->workers));
	if (!g->workers)
		return false;
	g->nworkers = g->conf->workers;
	for (unsigned i = 0; i < g->nworkers; i++)
		g->workers[i] = (struct worker){
			.gen = g, .index = i, .child = { .pidfd = -1, .chan = -1 }
		};
	return true;
}

static bool make_listeners(struct generation *g, const struct generation *old, struct report *r)
{
	const struct listeners_before before = {
		.conf = old ? old->conf : NULL,
		.fds = old ? old->listeners : NULL,
		.passed = g->passed,
	};

	g->listeners = calloc(g->conf->nlisten, sizeof(*g->listeners));
	if (g->listeners && activation_fits(g->passed, g->conf, r) &&
		listeners_open(g->conf, &before, g->listeners, r))
		return true;
	free(g->listeners); /* none is open */
	g->listeners = NULL;
	return false;
}

/* What is included goes in too: nobody reads those files again. */
static bool make_conf(struct generation *g, struct popart_str text, struct report *r)
{
	struct buf whole;
	bool ok;

	buf_init(&whole, CONF_TEXT_MAX);
	ok = conf_flatten(text, g->conf_name, &whole, r);
	if (ok) {
		g->conf_fd = sealed_text(buf_view(&whole));
		ok = g->conf_fd >= 0;
		if (!ok)
			report_error(r, g->conf_name, 0, "cannot keep a copy of it: %s",
				strerror(errno));
	}
	buf_wipe(&whole);
	return ok;
}

static bool make_memory(struct generation *g, int binary_fd)
{
	size_t n = g->conf->nauth + g->conf->nstorage;
	const struct board_shape shape = {
		.workers = g->conf->workers,
		.threads = g->conf->threads + BOARD_EXTRA_THREADS,
		.slots = g->conf->max_connections,
		.instances = (uint32_t)(n < BOARD_INSTANCES_MAX ? n : BOARD_INSTANCES_MAX),
	};

	g->binary_fd = fcntl(binary_fd, F_DUPFD_CLOEXEC, 3);
	g->board = board_create(&shape, &g->board_fd);
	return g->binary_fd >= 0 && g->board && make_workers(g);
}

/* The lock files stay those of the sessions that run: with others, a maildrop could have two
 * sessions. */
static bool keep_locks(
	struct generation *g, const struct generation *old, struct stat *st, struct report *r)
{
	struct place at = conf_place(g->conf, "run_dir");

	if (rundir_find(g->conf->run_dir, st) && st->st_dev == old->locks_dev &&
		st->st_ino == old->locks_ino)
		return true;
	if (strcmp(g->conf->run_dir, old->conf->run_dir) == 0)
		report_error(r, at.file, at.line,
			"%s/locks was removed or replaced, but sessions under way have their "
			"locks in it; restart popartd",
			g->conf->run_dir);
	else
		report_error(r, at.file, at.line,
			"run_dir is %s now, but sessions under way have their locks in %s; "
			"restart popartd",
			g->conf->run_dir, old->conf->run_dir);
	return false;
}

static bool keep_user(
	const struct generation *g, const struct generation *old, struct report *r)
{
	struct place at = conf_place(g->conf, "user");

	if (g->account.uid == old->account.uid)
		return true;
	report_error(r, at.file, at.line,
		"user is %s now, but the session locks are those of %s; restart popartd",
		g->account.name, old->account.name);
	return false;
}

static bool make_places(struct generation *g, const struct generation *old, struct report *r)
{
	struct place run_dir = conf_place(g->conf, "run_dir");
	struct stat st = { 0 };

	if (!account_prepare(&g->account, g->conf, r))
		return false;
	if (old && (!keep_user(g, old, r) || !keep_locks(g, old, &st, r)))
		return false;
	if (!rundir_make(g->conf->run_dir, &g->account, run_dir, r))
		return false;
	if (!old && !rundir_find(g->conf->run_dir, &st)) {
		report_error(r, run_dir.file, run_dir.line, "cannot look at %s/locks: %s",
			g->conf->run_dir, strerror(errno));
		return false;
	}
	g->locks_dev = st.st_dev;
	g->locks_ino = st.st_ino;
	return logfile_open(g->conf, &g->log_fd, r);
}

struct generation *generation_new(const struct generation_setup *setup, struct report *r)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (!g)
		goto no_memory;
	g->number = setup->number;
	g->passed = setup->passed;
	g->deadline_ms = INT64_MAX;
	g->admin = (struct admin_socket){ .fd = -1, .metrics = -1 };
	g->conf_fd = g->binary_fd = g->board_fd = g->secrets_fd = g->log_fd = -1;
	g->conf_name = strdup(setup->conf_name);
	if (!g->conf_name)
		goto no_memory;
	g->conf = conf_load(setup->conf_text, g->conf_name, r);
	if (!g->conf || !make_conf(g, setup->conf_text, r))
		goto fail;
	limits_check(g->conf, r);
	if (!make_places(g, setup->before, r) || !make_listeners(g, setup->before, r))
		goto fail;
	if (!admin_socket_open(&g->admin, g->conf, &g->account,
		    setup->before ? &setup->before->admin : NULL,
		    setup->before ? setup->before->conf : NULL, r))
		goto fail;
	g->secrets_fd = secrets_read(g->conf, setup->ticket_key, g->conf_name, r);
	if (g->secrets_fd < 0)
		goto fail;
	errno = 0;
	if (make_memory(g, setup->binary_fd))
		return g;
no_memory:
	report_error(r, setup->conf_name, 0, "cannot set up the server: %s",
		strerror(errno ? errno : ENOMEM));
fail:
	if (g)
		generation_free(&g);
	return NULL;
}

bool generation_has_socket(const struct generation *g, int fd)
{
	struct stat want, have;

	if (fd < 0 || fstat(fd, &want) < 0)
		return false;
	for (size_t i = 0; i < g->conf->nlisten; i++) {
		if (g->listeners[i] >= 0 && fstat(g->listeners[i], &have) == 0 &&
			have.st_dev == want.st_dev && have.st_ino == want.st_ino)
			return true;
	}
	return false;
}

/* A worker that finishes its sessions still has the sockets: closing ours would leave
 * clients waiting in a queue that nobody looks at. */
void generation_stop_listening(struct generation *g, const struct generation *heir)
{
	for (size_t i = 0; g->listeners && i < g->conf->nlisten; i++) {
		if (g->listeners[i] < 0)
			continue;
		if ((!heir || !generation_has_socket(heir, g->listeners[i])) &&
			!activation_owns(g->passed, g->listeners[i]))
			(void)shutdown(g->listeners[i], SHUT_RDWR);
		(void)close(g->listeners[i]);
		g->listeners[i] = -1;
	}
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void generation_free(struct generation **gp)
{
	struct generation *g = *gp;

	for (size_t i = 0; g->listeners && i < g->conf->nlisten; i++)
		close_if_open(g->listeners[i]); /* others may have it */
	free(g->listeners);
	log_free(&g->log);
	if (g->board)
		board_unmap(&g->board);
	close_if_open(g->board_fd);
	close_if_open(g->secrets_fd);
	close_if_open(g->binary_fd);
	close_if_open(g->conf_fd);
	close_if_open(g->log_fd);
	admin_socket_close(&g->admin);
	account_free(&g->account);
	if (g->conf)
		conf_free(&g->conf);
	free(g->workers);
	free(g->conf_name);
	free(g);
	*gp = NULL;
}

unsigned generation_alive(const struct generation *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->nworkers; i++)
		n += g->workers[i].state != WORKER_DOWN;
	return n;
}

unsigned generation_count(const struct generation *g, enum worker_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->nworkers; i++)
		n += g->workers[i].state == state;
	return n;
}
