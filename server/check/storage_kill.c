/* SPDX-License-Identifier: MIT */
/*
 * A process dies before any system call that changes something; the next one finds all that
 * was promised, and nothing half done. A kill does not show what a loss of power would: so
 * what was changed has to be synced before the answer.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "check/delivery.h"
#include "check/killed.h"
#include "check/session.h"
#include "check/storage.h"

enum { MESSAGES = 4, DEATHS_MAX = 600, LARGE = 10000 };

#define DURABLY "storage.h: popart_storage_ops.commit: Remove exactly these, durably"
#define ATOMIC  "storage.h: POPART_STORE_ATOMIC_COMMIT: commit is all or nothing, crash-safe"
#define ONLY    "storage.h: popart_storage_ops.commit: Only what is named is ever removed"
#define FINISH  "storage.h: popart_storage_ops.deliver_finish: durable on POPART_OK"

struct plot {
	struct scene scene;
	const char *what;   /* "a session that commits" */
	bool arm_at_commit; /* not at open */
	size_t before;      /* messages, when it begins */
	struct mock_list was;
	bool opens_empty; /* a maildrop that is not there yet */
	unsigned nth;
	char large[LARGE];
};

static struct popart_str letter(size_t i)
{
	static const char *const texts[] = { "Subject: 1\n\nbody\n", "Subject: 2\n\n.\n..\n",
		"Subject: 3\r\n\r\nbody\r\n", "Subject: 4\n\nFrom here\n" };
	const char *text = texts[i % 4];

	return (struct popart_str){ text, strlen(text) };
}

static struct popart_str large_letter(struct plot *p)
{
	memset(p->large, 'x', LARGE);
	for (size_t i = 1999; i < LARGE; i += 2000)
		p->large[i] = '\n';
	return (struct popart_str){ p->large, LARGE };
}

/* The first and the third are to go. */
static bool is_named(size_t i)
{
	return i == 0 || i == 2;
}

/* ---- in the child ---- */

static bool start_own(struct plot *p)
{
	struct scene *s = &p->scene;
	const char *why;

	s->host = s->module->again(s->module->ctx, tally_watch(s->tally), s->world, &why);
	return s->host != NULL;
}

/* What was there before is older than anything that is made from now on. */
static void arm(struct said *said)
{
	nanosleep(&(struct timespec){ .tv_nsec = 12000000 }, NULL);
	said->armed = 1;
}

static int commit_session(void *arg, struct said *said)
{
	struct plot *p = arg;
	struct session x;
	size_t removed;
	int status;

	if (!start_own(p))
		return POPART_E_BUG;
	session_init(&x, &p->scene, USER_A);
	if (!p->arm_at_commit)
		arm(said);
	status = session_open(&x, 0);
	if (!status)
		status = session_list(&x, 0);
	if (!status && x.list.n != MESSAGES)
		status = POPART_E_CORRUPT;
	if (status)
		return status;
	uint64_t refs[] = { x.list.v[2].ref, x.list.v[0].ref };

	if (p->arm_at_commit)
		arm(said);
	return session_commit(&x, 0, refs, 2, &removed);
}

static int deliver_one(void *arg, struct said *said)
{
	struct plot *p = arg;

	if (!start_own(p))
		return POPART_E_BUG;
	arm(said);
	return delivery_make(&p->scene, USER_A, large_letter(p), NULL, 4000);
}

/* ---- afterwards ---- */

static bool promised(const struct said *said)
{
	return said->done && said->status == POPART_OK;
}

static bool look(struct plot *p, struct session *x)
{
	return scene_restart(&p->scene) &&
		tally_holds(p->scene.tally, session_begin(x, &p->scene, USER_A),
			"storage.h: popart_storage_ops.open",
			"after %s was killed before change %u, the maildrop cannot be opened",
			p->what, p->nth);
}

/* And the next delivery gets through. */
static void check_goes_on(struct plot *p, size_t n)
{
	struct session x;

	if (!scene_put(&p->scene, USER_A, 900000, letter(0)) ||
		!session_begin(&x, &p->scene, USER_A))
		return;
	tally_holds(p->scene.tally, x.list.n == n + 1, FINISH,
		"after %s was killed before change %u, one more message makes %zu of %zu",
		p->what, p->nth, x.list.n, n);
	session_close(&x, 0);
}

static size_t check_committed(struct plot *p, const struct said *said)
{
	struct tally *t = p->scene.tally;
	size_t named_left = 0, n;
	struct session x;

	if (!look(p, &x))
		return SIZE_MAX;
	for (size_t i = 0; i < p->was.n; i++) {
		size_t at = session_find(&x, &p->was.v[i]);

		tally_holds(t, at < x.list.n || is_named(i), ONLY,
			"%s was killed before change %u, and message %zu, which was not named, "
			"is gone",
			p->what, p->nth, i + 1);
		if (at < x.list.n)
			session_shows(&x, 0, at, letter(i));
		named_left += at < x.list.n && is_named(i);
	}
	tally_holds(t, x.list.n == MESSAGES - 2 + named_left, "storage.h: popart_msg.uid",
		"%s was killed before change %u, and %zu messages are there instead of %zu",
		p->what, p->nth, x.list.n, MESSAGES - 2 + named_left);
	tally_holds(t, named_left == 0 || !promised(said), DURABLY,
		"%s was told POPART_OK, and %zu of the removed messages are back", p->what,
		named_left);
	if (p->scene.ops->caps & POPART_STORE_ATOMIC_COMMIT)
		tally_holds(t, named_left != 1, ATOMIC,
			"%s was killed before change %u, and one of two messages is gone",
			p->what, p->nth);
	n = x.list.n;
	session_close(&x, 0);
	return n;
}

static size_t check_delivered(struct plot *p, const struct said *said)
{
	struct tally *t = p->scene.tally;
	struct session x;
	size_t n;

	if (p->before == 0 && !p->opens_empty && !promised(said))
		return SIZE_MAX;
	if (!look(p, &x))
		return SIZE_MAX;
	n = x.list.n;
	if (tally_holds(t, n == p->before || n == p->before + 1, FINISH,
		    "%s was killed before change %u, and %zu messages are there instead of %zu",
		    p->what, p->nth, n, p->before)) {
		for (size_t i = 0; i < p->before; i++)
			session_shows(&x, 0, i, letter(i));
		if (n > p->before)
			session_shows(&x, 0, n - 1, large_letter(p));
	}
	tally_holds(t, n > p->before || !promised(said), FINISH,
		"%s was told POPART_OK, and the message is not there", p->what);
	session_close(&x, 0);
	return n;
}

/* ---- deaths ---- */

typedef int action_fn(void *arg, struct said *);
typedef size_t check_fn(struct plot *, const struct said *);

/* What is there before: put in while the child waits. */
static bool furnish(struct plot *p)
{
	struct session x;

	for (size_t i = 0; i < p->before; i++)
		if (!scene_put(&p->scene, USER_A, i, letter(i)))
			return false;
	session_init(&x, &p->scene, USER_A);
	p->opens_empty = session_open(&x, 0) == POPART_OK;
	if (p->opens_empty && session_list(&x, 0) == POPART_OK) {
		p->was = x.list;
		mock_list_init(&x.list);
	}
	session_close(&x, 0);
	return tally_holds(p->scene.tally, p->was.n == p->before,
		"storage.h: popart_storage_ops.list", "%zu of %zu messages are listed",
		p->was.n, p->before);
}

/* False: this cannot go on. */
static bool die(struct plot *p, const struct scene *like, action_fn *action, check_fn *check,
	struct said *said, struct trail *t)
{
	struct tally *tally = like->tally;
	bool ok = false;

	if (!scene_begin(&p->scene, tally, like->module, like->hands))
		return false;
	pid_t child = killed_hold(action, p, said);

	if (child < 0) {
		tally_skip(tally, "ptrace is not allowed here");
		goto out;
	}
	p->was = (struct mock_list){ 0 };
	ok = furnish(p);
	killed_let(child, ok ? p->nth : 1, said, t);
	if (!ok)
		goto out;
	ok = tally_holds(tally, t->died == 0,
		"abi.h: Every fallible operation returns one of these", "%s died of signal %d",
		p->what, t->died);
	size_t n = check(p, said);

	if (n != SIZE_MAX)
		check_goes_on(p, n);
out:
	mock_list_free(&p->was);
	scene_end(&p->scene);
	return ok;
}

static void die_everywhere(struct scene *s, struct plot *p, action_fn *action, check_fn *check)
{
	struct said *said = said_new();
	struct trail t = { 0 };
	bool ok = said != NULL;

	for (p->nth = 1; ok && !t.ended && p->nth < DEATHS_MAX; p->nth++)
		ok = die(p, s, action, check, said, &t);
	if (ok)
		tally_holds(s->tally, promised(said), "abi.h: enum popart_status",
			"%s, not killed, returned %d", p->what, said->status);
	if (ok && t.ended)
		tally_note(s->tally, "%s was killed before each of %u changes", p->what,
			t.changes.n);
	if (said)
		said_free(&said);
}

static void commit_dies(struct scene *s)
{
	struct plot p = { .what = "a session that commits", .before = MESSAGES };

	die_everywhere(s, &p, commit_session, check_committed);
}

static void delivery_dies(struct scene *s)
{
	struct plot p = { .what = "a delivery", .before = 2 };

	die_everywhere(s, &p, deliver_one, check_delivered);
}

static void first_delivery_dies(struct scene *s)
{
	struct plot p = { .what = "the first delivery", .before = 0 };

	die_everywhere(s, &p, deliver_one, check_delivered);
}

/* ---- power ---- */

/* Runs it to its end. Whether it was done and POPART_OK. */
static bool run_whole(struct scene *s, struct plot *p, action_fn *action, check_fn *check,
	struct changes *changes, const char *clause)
{
	struct said *said = said_new();
	struct trail t = { 0 };
	bool ok = said && die(p, s, action, check, said, &t) && promised(said);

	*changes = t.changes;
	if (ok)
		tally_holds(s->tally,
			changes->files == 0 || changes_dirty(changes) < changes->files, clause,
			"%s has written to %u files, synced none, and returned POPART_OK",
			p->what, changes->files);
	if (said)
		said_free(&said);
	return ok;
}

static void commit_is_synced(struct scene *s)
{
	struct plot p = { .what = "commit", .before = MESSAGES, .arm_at_commit = true };
	struct changes c;

	/* Names that it has given to files of its own may be those of a cache. */
	if (run_whole(s, &p, commit_session, check_committed, &c, DURABLY))
		tally_holds(s->tally, changes_removed(&c) == 0, DURABLY,
			"commit has removed %u files since it last synced a directory, and "
			"returned POPART_OK",
			changes_removed(&c));
}

static void delivery_is_synced(struct scene *s)
{
	struct plot p = { .what = "a delivery", .before = 2 };
	struct changes c;

	if (run_whole(s, &p, deliver_one, check_delivered, &c, FINISH))
		tally_holds(s->tally, c.names == 0, FINISH,
			"a delivery has given %u names to files since it last synced a "
			"directory, "
			"and returned POPART_OK",
			c.names);
}

const struct store_test kill_tests[] = {
	{ "commit is synced before it returns",
		NEEDS_MESSAGES | NEEDS_COMMIT | NEEDS_AGAIN | NEEDS_TRACE, commit_is_synced },
	{ "a session that commits is killed at any system call",
		NEEDS_MESSAGES | NEEDS_COMMIT | NEEDS_AGAIN | NEEDS_TRACE, commit_dies },
	{ "a delivery is synced before it returns", NEEDS_DELIVER | NEEDS_AGAIN | NEEDS_TRACE,
		delivery_is_synced },
	{ "a delivery is killed at any system call", NEEDS_DELIVER | NEEDS_AGAIN | NEEDS_TRACE,
		delivery_dies },
	{ "the first delivery is killed at any system call",
		NEEDS_DELIVER | NEEDS_AGAIN | NEEDS_TRACE, first_delivery_dies },
	{ NULL, 0, NULL },
};
