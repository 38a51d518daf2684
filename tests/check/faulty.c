/* SPDX-License-Identifier: MIT */
#include "check/faulty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_NAME(id, name) name,
static const char *const names[] = { FAULTS(FAULT_NAME) NULL };

static const struct popart_opt options[] = {
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_TEMPLATE,
		.help = "The directory of a user's mail." },
	{ .name = "users",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED,
		.help = "A directory with a file for each user." },
	{ .name = "fault",
		.type = POPART_OPT_ENUM,
		.choices = names,
		.fallback = "none",
		.help = "The promise that is broken." },
	{ .name = NULL },
};

static const struct popart_stat stats[] = {
	{ .name = "sessions", .kind = POPART_STAT_COUNTER, .help = "Maildrops opened." },
	{ .name = NULL },
};

int faulty_errno(const struct faulty *f, const struct popart_call *call, const char *what)
{
	int e = errno;

	return f->host->fail(f->inst, call, POPART_E_IO, NULL, e, "%s: %s", what, strerror(e));
}

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	(void)inst;
	if (host->conf_int(conf, "fault") == FAULT_CHECK_WRITES) {
		int fd = open("/tmp/popart-faulty-check", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		if (fd >= 0)
			(void)close(fd);
		(void)unlink("/tmp/popart-faulty-check");
	}
	return POPART_OK;
}

static void *waits(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct faulty *f = calloc(1, sizeof(*f));
	pthread_t thread;

	if (!f)
		return host->fail(inst, NULL, POPART_E_NOMEM, NULL, 0, "out of memory");
	f->host = host;
	f->inst = inst;
	f->conf = conf;
	f->fault = (enum fault)host->conf_int(conf, "fault");
	f->users = host->conf_str(conf, "users");
	pthread_mutex_init(&f->mutex, NULL);
	f->dir = open(f->users.ptr, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0 && errno != ENOENT) {
		int status = faulty_errno(f, NULL, f->users.ptr);

		pthread_mutex_destroy(&f->mutex);
		if (f->fault != FAULT_START_FAILS)
			free(f);
		return status;
	}
	if (f->fault == FAULT_START_KEEPS)
		(void)open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (f->fault == FAULT_STOP_THREAD && pthread_create(&thread, NULL, waits, NULL) == 0)
		(void)pthread_detach(thread);
	*state = f;
	return POPART_OK;
}

static int thread_start(void *state, uint32_t thread, void **thread_state)
{
	(void)state;
	(void)thread;
	*thread_state = malloc(64);
	return *thread_state ? POPART_OK : POPART_E_NOMEM;
}

static void thread_stop(void *state, uint32_t thread, void *thread_state)
{
	const struct faulty *f = state;

	(void)thread;
	if (f->fault != FAULT_THREAD_LEAKS)
		free(thread_state);
}

static void stop(void *state)
{
	struct faulty *f = state;

	pthread_mutex_destroy(&f->mutex);
	if (f->dir >= 0)
		(void)close(f->dir);
	if (f->fault != FAULT_START_LEAKS)
		free(f);
}

POPART_MODULE(faulty, .version = "1.0", .license = "MIT",
	.summary = "mail and users in plain files, and a fault of choice", .options = options,
	.stats = stats, .storage = &faulty_storage, .auth = &faulty_auth,
	.accounts = &faulty_accounts, .check = check, .start = start,
	.thread_start = thread_start, .thread_stop = thread_stop, .stop = stop);
