/* SPDX-License-Identifier: MIT */
/*
 * Power failures, modelled: whatever was not synced is there, or not, or in part. Each
 * trial removes some messages or delivers one, fails at some point, has mail appended (or
 * not), fails once more in the replay, and then looks for every message.
 */
#include "unit/mbox/tests.h"

enum { MESSAGES = 12, TRIALS = 500, LONG = 400 };

struct trial {
	struct box b;
	unsigned seed, n;
	char *texts[MESSAGES];
	bool named[MESSAGES];
	char late[128];
	bool is_late;
	bool delivers; /* the last text; no message is named */
};

static unsigned chance(struct trial *t, unsigned n)
{
	t->seed = t->seed * 1103515245u + 12345u;
	return (t->seed >> 16) % n;
}

static char *make_text(struct trial *t, size_t body)
{
	char *text = calloc(1, body + 64);
	int n = snprintf(text, 64, "Message-ID: <%010u.%u>\n\n", t->seed, t->n);

	memset(text + n, 'a' + (int)t->n, body);
	for (size_t k = 31; k < body; k += 32)
		text[(size_t)n + k] = '\n';
	text[(size_t)n + body] = '\n';
	return text;
}

static void add(struct trial *t, size_t body, bool named)
{
	char *text = make_text(t, body), all[600];
	int n = snprintf(all, sizeof(all), FROM "%s\n", text);

	box_append(&t->b, all, (size_t)n);
	t->named[t->n] = named;
	t->texts[t->n++] = text;
}

static void furnish(struct trial *t)
{
	while (t->n < MESSAGES) {
		size_t body = chance(t, LONG);

		add(t, body, chance(t, 3) == 0);
	}
}

/* What stays is about as long as what goes: the mark comes to lie where it was. */
static void furnish_tightly(struct trial *t)
{
	add(t, LONG, true);
	add(t, LONG - 20 + chance(t, 40), false);
}

/* A message to be delivered, behind others or as the first. */
static void furnish_for_delivery(struct trial *t)
{
	for (unsigned n = chance(t, 4); n; n--)
		add(t, chance(t, LONG), false);
	t->delivers = true;
	t->texts[t->n] = make_text(t, chance(t, LONG));
	t->n++;
	box_append(&t->b, "", 0);
}

/* What the trial is about. */
static int act(struct trial *t)
{
	uint64_t refs[MESSAGES];
	size_t n = 0, removed;
	const char *last = t->texts[t->n - 1];

	if (t->delivers)
		return box_deliver(&t->b, last, strlen(last), 100);
	for (unsigned i = 0; i < t->n; i++)
		if (t->named[i])
			refs[n++] = t->b.list.v[i].ref;
	return box_commit(&t->b, refs, n, &removed);
}

static void append_late(struct trial *t)
{
	int n = snprintf(t->late, sizeof(t->late), "Message-ID: <late.%u>\n\nlate\n", t->seed);
	char all[256];

	if (chance(t, 2))
		return;
	t->late[n] = 0;
	n = snprintf(all, sizeof(all), FROM "%s\n", t->late);
	box_append(&t->b, all, (size_t)n);
	t->is_late = true;
}

/* Before it all are there, and after it those that are not named; or, of a delivery, before it
 * all but the last. And what came late. done: it is after it. */
static bool is_right(struct trial *t, bool done)
{
	const char *all[MESSAGES + 2] = { NULL }, *left[MESSAGES + 2] = { NULL };
	size_t nall = 0, nleft = 0, n;
	struct box *b = &t->b;

	for (unsigned i = 0; i < t->n; i++) {
		if (!t->delivers || i + 1 < t->n)
			all[nall++] = t->texts[i];
		if (!t->named[i])
			left[nleft++] = t->texts[i];
	}
	if (t->is_late)
		all[nall++] = left[nleft++] = t->late;
	if (box_login(b) != POPART_OK)
		return false;
	n = b->list.n;
	if (n != nleft && (done || n != nall))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *text = n == nleft ? left[i] : all[i];

		if (box_get(b, i, text, strlen(text)) != POPART_OK)
			return false;
	}
	return true;
}

static void fail_power(
	struct trial *t, const char *was, size_t was_n, const char *journal, size_t n)
{
	size_t ops = disk_ops();

	disk_stop();
	if (chance(t, 2)) /* else in the end, when all was done */
		ops = chance(t, (unsigned)ops + 1);
	disk_fail(ops, &t->seed, t->b.path, was, was_n, t->b.journal, journal, n);
}

static void replay_and_fail(struct trial *t)
{
	size_t was_n, journal_n;
	char *was = box_text(&t->b, &was_n), *journal = file_text(t->b.journal, &journal_n);

	disk_record(t->b.journal);
	(void)box_login(&t->b);
	fail_power(t, was, was_n, journal, journal_n);
	free(journal);
	free(was);
}

static void free_trial(struct trial *t)
{
	while (t->n)
		free(t->texts[--t->n]);
	box_free(&t->b);
}

static bool try(unsigned number, void (*fill)(struct trial *))
{
	struct trial t = { .seed = number * 2654435761u + 1 };
	size_t was_n, ops;
	char *was;
	bool ok, done;

	box_make(&t.b, NULL);
	fill(&t);
	was = box_text(&t.b, &was_n);
	CU_ASSERT_EQUAL(box_login(&t.b), POPART_OK);
	disk_record(t.b.journal);
	CU_ASSERT_EQUAL(act(&t), POPART_OK);
	ops = disk_ops();
	done = chance(&t, 8) == 0;
	if (done) { /* after the answer */
		disk_stop();
		disk_fail(ops, &t.seed, t.b.path, was, was_n, t.b.journal, NULL, 0);
	} else {
		fail_power(&t, was, was_n, NULL, 0);
	}
	box_logout(&t.b);
	append_late(&t);
	for (unsigned again = chance(&t, 3); again; again--)
		replay_and_fail(&t);
	ok = is_right(&t, done) && !has_file(t.b.journal);
	ok = is_right(&t, done) && ok; /* and so it stays */
	if (!ok)
		printf("# trial %u\n", number);
	free(was);
	free_trial(&t);
	return ok;
}

/* A kill loses nothing that was written, but nor does it sync it: power fails in the replay
 * or after it. */
static bool try_killed(unsigned number, void (*fill)(struct trial *))
{
	struct trial t = { .seed = number * 2654435761u + 7 };
	size_t was_n;
	char *was;
	bool ok;

	box_make(&t.b, NULL);
	fill(&t);
	was = box_text(&t.b, &was_n);
	CU_ASSERT_EQUAL(box_login(&t.b), POPART_OK);
	disk_record(t.b.journal);
	faults = (struct faults){ .no_sync = true,
		.dead_at = 1 + chance(&t, t.delivers ? 20 : 60) };
	(void)act(&t);
	faults = (struct faults){ .no_sync = true };
	ok = is_right(&t, false);
	fail_power(&t, was, was_n, NULL, 0);
	box_logout(&t.b);
	append_late(&t);
	ok = is_right(&t, false) && !has_file(t.b.journal) && ok;
	if (!ok)
		printf("# trial %u\n", number);
	free(was);
	free_trial(&t);
	return ok;
}

static void try_all(void (*fill)(struct trial *), unsigned trials)
{
	unsigned wrong = 0;

	faults = (struct faults){ .no_sync = true };
	for (unsigned i = 0; i < trials; i++)
		wrong += (unsigned)!try(i, fill) + (unsigned)!try_killed(i, fill);
	disk_record(NULL);
	faults = (struct faults){ 0 };
	CU_ASSERT_EQUAL(wrong, 0);
}

static void power_fails_anywhere(void)
{
	try_all(furnish, TRIALS);
}

static void where_the_mark_is(void)
{
	try_all(furnish_tightly, TRIALS);
}

static void in_a_delivery(void)
{
	try_all(furnish_for_delivery, 3 * TRIALS); /* of fewer steps, few of which matter */
}

CU_TestInfo power_tests[] = { { "power fails anywhere, also in the replay",
				      power_fails_anywhere },
	{ "also where what stays is as long as what goes", where_the_mark_is },
	{ "in a delivery it leaves no part of a message", in_a_delivery }, CU_TEST_INFO_NULL };
