/* SPDX-License-Identifier: MIT */
#include "logins.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "store.h"

enum { WAITING_MAX = 512, NAME_MAX_OCTETS = 255, WRITE_EVERY_S = 1 };

struct login {
	int64_t when_s;
	uint8_t len;
	char name[NAME_MAX_OCTETS];
};

struct logins {
	struct accounts *accounts;
	pthread_t thread;
	pthread_mutex_t mutex; /* of the rest; never held for long */
	pthread_cond_t wake;
	bool stop;
	unsigned n;
	struct login waiting[WAITING_MAX];
};

static int write_all(struct db *db, const struct login *v, unsigned n)
{
	int rc = db_begin(db);

	for (unsigned i = 0; i < n && rc == SQLITE_OK; i++) {
		sqlite3_stmt *stmt = db_query(db, ACCOUNT_LOGIN);

		if (!stmt)
			return sqlite3_extended_errcode(db->handle);
		(void)sqlite3_bind_text(stmt, 1, v[i].name, v[i].len, SQLITE_STATIC);
		(void)sqlite3_bind_int64(stmt, 2, v[i].when_s);
		rc = db_run(stmt);
	}
	return rc == SQLITE_OK ? db_commit(db) : rc;
}

/* What fails is logged, and forgotten. */
static void write_batch(
	const struct accounts *a, struct dbs *dbs, const struct login *v, unsigned n)
{
	struct db *db = NULL;
	int status = db_take(dbs, NULL, a->path, DB_EXISTING, &db);
	int rc = !status && db ? write_all(db, v, n) : SQLITE_OK;

	if (rc != SQLITE_OK)
		(void)db_fail(db, rc, "write when users logged in");
	if (status || rc != SQLITE_OK)
		a->host->log(a->inst, NULL, POPART_LOG_WARN,
			"%s: the last logins of %u users could not be written", a->path, n);
	db_give(&db);
}

/* Not at once: of those who come together one transaction writes all. */
static void wait_for_more(struct logins *l)
{
	struct timespec until;

	while (!l->stop && l->n == 0)
		(void)pthread_cond_wait(&l->wake, &l->mutex);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WRITE_EVERY_S;
	while (!l->stop && l->n < WAITING_MAX &&
		pthread_cond_timedwait(&l->wake, &l->mutex, &until) != ETIMEDOUT)
		;
}

static void *run(void *arg)
{
	struct logins *l = arg;
	struct login *batch = malloc(sizeof(l->waiting));
	bool stop = !batch;

	while (!stop) {
		unsigned n;

		(void)pthread_mutex_lock(&l->mutex);
		wait_for_more(l);
		n = l->n;
		l->n = 0;
		memcpy(batch, l->waiting, n * sizeof(*batch));
		stop = l->stop;
		(void)pthread_mutex_unlock(&l->mutex);
		if (n)
			write_batch(l->accounts, &l->accounts->dbs, batch, n);
	}
	free(batch);
	return NULL;
}

static int start_thread(struct logins *l)
{
	sigset_t all, before;
	int error;

	/* Signals are for the threads that expect them. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&l->thread, NULL, run, l);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* By a clock that nobody sets back. */
static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(wake, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int logins_start(struct accounts *a, struct logins **out)
{
	struct logins *l = calloc(1, sizeof(*l));
	int error = l ? 0 : ENOMEM;

	if (l) {
		l->accounts = a;
		(void)pthread_mutex_init(&l->mutex, NULL);
		init_wake(&l->wake);
		error = start_thread(l);
	}
	if (error) {
		free(l);
		return a->host->fail(a->inst, NULL, POPART_E_NOMEM, NULL, error,
			"no thread for track_logins");
	}
	*out = l;
	return POPART_OK;
}

void logins_stop(struct logins **lp)
{
	struct logins *l = *lp;

	if (!l)
		return;
	(void)pthread_mutex_lock(&l->mutex);
	l->stop = true;
	(void)pthread_cond_signal(&l->wake);
	(void)pthread_mutex_unlock(&l->mutex);
	(void)pthread_join(l->thread, NULL);
	(void)pthread_cond_destroy(&l->wake);
	(void)pthread_mutex_destroy(&l->mutex);
	free(l);
	*lp = NULL;
}

static bool is_of(const struct login *l, struct popart_str user)
{
	return l->len == user.len && memcmp(l->name, user.ptr, user.len) == 0;
}

void logins_note(struct logins *l, const struct popart_call *call, struct popart_str user)
{
	struct login *entry = NULL;
	const struct accounts *a;

	if (!l || user.len == 0)
		return;
	a = l->accounts;
	(void)pthread_mutex_lock(&l->mutex);
	for (unsigned i = 0; i < l->n && !entry; i++)
		if (is_of(&l->waiting[i], user))
			entry = &l->waiting[i];
	if (!entry && l->n < WAITING_MAX && user.len <= NAME_MAX_OCTETS) {
		entry = &l->waiting[l->n++];
		entry->len = (uint8_t)user.len;
		memcpy(entry->name, user.ptr, user.len);
	}
	if (entry)
		entry->when_s = time(NULL);
	(void)pthread_cond_signal(&l->wake);
	(void)pthread_mutex_unlock(&l->mutex);
	if (!entry)
		a->host->stat_add(a->inst, call, STAT_LOGINS_FORGOTTEN, 1);
}
