/* SPDX-License-Identifier: MIT */
/* What a module does when it is stopped, and when there is no more of something. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "check/delivery.h"
#include "check/meter.h"
#include "check/samples.h"
#include "check/session.h"
#include "check/storage.h"

/* ---- stopped ---- */

/* A long job that is asked to stop either finishes or says that it was stopped. */
static void check_stopped(struct scene *s, int status, const char *op)
{
	char number[32];

	tally_holds(s->tally,
		status == POPART_OK || status == POPART_E_CANCELLED ||
			status == POPART_E_DEADLINE || status == POPART_R_IN_USE,
		"host.h: popart_host.stop_asked: return POPART_E_CANCELLED / _DEADLINE",
		"%s, asked to stop, returned %s", op, status_name(status, number));
}

static void one_stopped(struct scene *s, int64_t deadline_ms)
{
	struct session x;

	session_init(&x, s, USER_A);
	x.deadline_ms = deadline_ms;
	int status = session_open(&x, 0);

	check_stopped(s, status, "open");
	if (status == POPART_OK)
		check_stopped(s, session_list(&x, 0), "list");
	x.deadline_ms = INT64_MAX;
	session_close(&x, 0);
}

static void check_all_there(struct scene *s)
{
	struct session x;

	if (!session_begin(&x, s, USER_A))
		return;
	if (session_has(&x, SAMPLES))
		for (size_t i = 0; i < SAMPLES; i++)
			session_shows(&x, 0, i, samples[i]);
	session_close(&x, 0);
}

static void stop_is_asked(struct scene *s)
{
	if (!samples_put(s, USER_A))
		return;
	for (unsigned nth = 1; nth < 20; nth++) {
		mockhost_stop_at(s->host, nth);
		one_stopped(s, INT64_MAX);
	}
	mockhost_stop_at(s->host, 0);
	check_all_there(s);
}

static void deadline_is_over(struct scene *s)
{
	if (!samples_put(s, USER_A))
		return;
	for (int i = 0; i < 5; i++)
		one_stopped(s, mockhost_table(s->host)->now_ms() - 1000 * i);
	check_all_there(s);
}

static void delivery_is_stopped(struct scene *s)
{
	size_t done = 0;
	struct session x;

	for (unsigned nth = 1; nth < 8; nth++) {
		struct delivery d;

		mockhost_stop_at(s->host, nth);
		int status = delivery_of(&d, s, 0, USER_A, samples[1], NULL, 0, true);
		check_stopped(s, status, "a delivery");
		done += status == POPART_OK;
	}
	mockhost_stop_at(s->host, 0);
	if (!scene_put(s, USER_A, 900000, samples[0]) || !session_begin(&x, s, USER_A))
		return;
	session_has(&x, done + 1);
	session_close(&x, 0);
}

/* ---- no descriptors ---- */

enum { SPARE_MAX = 100 };

static struct rlimit limit_to(int what, rlim_t soft)
{
	struct rlimit was, now;

	getrlimit((__rlimit_resource_t)what, &was);
	now = was;
	now.rlim_cur = soft;
	setrlimit((__rlimit_resource_t)what, &now);
	return was;
}

/* Each message comes whole, or does not come. Whether all came. */
static bool read_all(struct session *x)
{
	bool whole = true;

	for (size_t i = 0; whole && i < x->list.n && i < SAMPLES; i++) {
		size_t n;
		int error;
		unsigned char *p = session_read(x, 0, x->list.v[i].ref, &n, &error);

		tally_holds(x->scene->tally, !p || scene_shows(x->scene, p, n, samples[i]),
			"storage.h: popart_storage_ops.message",
			"without descriptors, message %zu came as %zu other octets", i + 1, n);
		whole = p != NULL;
		free(p);
	}
	return whole;
}

/* A session with that many descriptors to spare. Whether nothing failed. */
static bool spare_session(struct scene *s, size_t spare)
{
	struct session x;

	session_init(&x, s, USER_A);
	struct rlimit was = limit_to(RLIMIT_NOFILE, meter_limit(spare));
	bool whole = session_open(&x, 0) == POPART_OK && session_list(&x, 0) == POPART_OK &&
		read_all(&x);

	setrlimit(RLIMIT_NOFILE, &was);
	session_close(&x, 0);
	return whole;
}

static void no_descriptors(struct scene *s)
{
	size_t before, after;
	bool whole = false;

	if (!samples_put(s, USER_A))
		return;
	check_all_there(s);
	before = meter_descriptors();
	for (size_t spare = 0; spare < SPARE_MAX && !whole; spare++)
		whole = spare_session(s, spare);
	after = meter_descriptors();
	tally_holds(s->tally, whole, "storage.h: popart_storage_ops.open",
		"a session fails with %d descriptors to spare", (int)SPARE_MAX);
	/* A store may keep some for the next session, but none that failures have left. */
	check_all_there(s);
	tally_holds(s->tally, after <= before + 4,
		"storage.h: popart_storage_ops.open: On any failure nothing is held",
		"sessions that failed for want of descriptors have left %zu of them open",
		after - before);
}

static void delivery_without_descriptors(struct scene *s)
{
	size_t done = 0, before;
	struct session x;
	int status = -1;

	if (!scene_put(s, USER_A, 0, samples[0]))
		return;
	before = meter_descriptors();
	for (size_t spare = 0; spare < SPARE_MAX && status; spare++) {
		struct delivery d;
		struct rlimit was = limit_to(RLIMIT_NOFILE, meter_limit(spare));

		status = delivery_of(&d, s, 0, USER_A, samples[1], NULL, 0, true);
		setrlimit(RLIMIT_NOFILE, &was);
		done += status == POPART_OK;
	}
	tally_holds(s->tally, meter_descriptors() <= before + 4,
		"storage.h: popart_storage_ops.deliver_begin",
		"deliveries that failed for want of descriptors have left some open");
	if (!session_begin(&x, s, USER_A))
		return;
	session_has(&x, 1 + done);
	session_close(&x, 0);
}

/* ---- no room ---- */

enum { LARGE = 400000 };

static void delivery_without_room(struct scene *s)
{
	char *text = malloc(LARGE);
	size_t whole = 1;
	struct session x;

	if (!text)
		abort();
	memset(text, 'x', LARGE);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 1; i * 1000 < LARGE; i++)
		text[i * 1000] = '\n';
	if (!scene_put(s, USER_A, 0, samples[0]))
		goto out;
	for (rlim_t room = 0; room < LARGE; room += room < 3 ? 1 : LARGE / 3) {
		struct delivery d;
		struct rlimit was = limit_to(RLIMIT_FSIZE, room);
		int status = delivery_of(&d, s, 0, USER_A, (struct popart_str){ text, LARGE },
			NULL, 10000, true);

		setrlimit(RLIMIT_FSIZE, &was);
		whole += status == POPART_OK; /* a store without files has room */
	}
	/* And then there is room again. */
	if (!scene_put(s, USER_A, 900000, samples[1]) || !session_begin(&x, s, USER_A))
		goto out;
	if (tally_holds(s->tally, x.list.n == whole + 1,
		    "storage.h: popart_storage_ops.deliver_finish: durable on POPART_OK",
		    "deliveries for which there was no room were answered: %zu are listed, and "
		    "%zu were promised",
		    x.list.n, whole + 1)) {
		session_shows(&x, 0, 0, samples[0]);
		for (size_t i = 1; i < whole; i++)
			session_shows(&x, 0, i, (struct popart_str){ text, LARGE });
		session_shows(&x, 0, whole, samples[1]);
	}
	session_close(&x, 0);
out:
	free(text);
}

static void commit_without_room(struct scene *s)
{
	static const rlim_t rooms[] = { 0, 1, 100, 5000 };
	size_t left = SAMPLES;
	struct session x;

	signal(SIGXFSZ, SIG_IGN);
	if (!samples_put(s, USER_A))
		return;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		size_t removed = 0;

		if (!session_begin(&x, s, USER_A))
			return;
		if (!session_has(&x, left)) {
			session_close(&x, 0);
			return;
		}
		uint64_t refs[2] = { x.list.v[0].ref, x.list.v[left - 1].ref };
		struct rlimit was = limit_to(RLIMIT_FSIZE, rooms[i]);

		(void)session_commit(&x, 0, refs, 2, &removed);
		setrlimit(RLIMIT_FSIZE, &was);
		session_close(&x, 0);
		left -= removed;
	}
	if (!session_begin(&x, s, USER_A))
		return;
	tally_holds(s->tally, x.list.n == left,
		"storage.h: popart_storage_ops.commit: *removed says how many",
		"without room to write, commits said that %zu were removed, and %zu are left "
		"of "
		"%zu",
		SAMPLES - left, x.list.n, (size_t)SAMPLES);
	session_close(&x, 0);
}

const struct store_test limit_tests[] = {
	{ "stop_asked is an answer of its own", NEEDS_MESSAGES, stop_is_asked },
	{ "a deadline that is over is an answer of its own", NEEDS_MESSAGES, deadline_is_over },
	{ "a delivery that is asked to stop is whole or not there", NEEDS_DELIVER,
		delivery_is_stopped },
	{ "without descriptors a session fails, and holds nothing", NEEDS_MESSAGES,
		no_descriptors },
	{ "without descriptors a delivery fails, and holds nothing", NEEDS_DELIVER,
		delivery_without_descriptors },
	{ "without room a delivery is whole or not there", NEEDS_DELIVER,
		delivery_without_room },
	{ "without room commit tells what it has removed", NEEDS_MESSAGES | NEEDS_COMMIT,
		commit_without_room },
	{ NULL, 0, NULL },
};
