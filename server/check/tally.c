/* SPDX-License-Identifier: MIT */
#include "check/tally.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "check/trial.h"

struct tally {
	FILE *out;
	const char *const *words;
	unsigned ran, failed, limit_s;
	bool leave_inapt;
	bool titles;
	struct trial *trial; /* of the test that runs */
	struct mock_watch watch;
};

static void watch_enter(void *ctx, unsigned thread, const char *op)
{
	struct tally *t = ctx;

	trial_enter(t->trial, thread, op);
}

static void watch_leave(void *ctx, unsigned thread)
{
	struct tally *t = ctx;

	trial_leave(t->trial, thread);
}

static void watch_broken(void *ctx, const char *clause, const char *sentence)
{
	(void)tally_holds(ctx, false, clause, "%s", sentence);
}

struct tally *tally_new(FILE *out, const char *const *words)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->out = out;
	t->words = words;
	t->limit_s = 60;
	t->trial = trial_new();
	t->watch = (struct mock_watch){ t, watch_enter, watch_leave, watch_broken, NULL };
	if (!t->trial) {
		free(t);
		return NULL;
	}
	return t;
}

void tally_limit(struct tally *t, unsigned seconds)
{
	t->limit_s = seconds;
}

void tally_leave_inapt(struct tally *t)
{
	t->leave_inapt = true;
}

void tally_titles(struct tally *t)
{
	t->titles = true;
}

const struct mock_watch *tally_watch(const struct tally *t)
{
	return &t->watch;
}

static bool is_wanted(const struct tally *t, const char *title)
{
	if (!t->words || !t->words[0])
		return true;
	for (size_t i = 0; t->words[i]; i++) {
		if (strstr(title, t->words[i]))
			return true;
	}
	return false;
}

static void print_outcome(struct tally *t, const char *title)
{
	unsigned found = trial_found(t->trial);

	fprintf(t->out, "%s %u - %s", found ? "not ok" : "ok", t->ran, title);
	if (!found && trial_skip(t->trial)[0])
		fprintf(t->out, " # SKIP %s", trial_skip(t->trial));
	fputc('\n', t->out);
	for (unsigned i = 0; i < found && i < TRIAL_TOLD; i++)
		fprintf(t->out, "# %s\n", trial_told(t->trial, i));
	if (found > TRIAL_TOLD)
		fprintf(t->out, "# and %u more like these\n", found - TRIAL_TOLD);
	fflush(t->out);
}

struct run {
	struct tally *tally;
	const struct tally_test *test;
	void *ctx;
};

static void run_test(void *arg)
{
	struct run *r = arg;

	r->test->run(r->tally, r->ctx);
}

void tally_run(struct tally *t, const char *prefix, const struct tally_test *tests, void *ctx)
{
	char title[256];

	for (; tests->title; tests++) {
		struct run r = { t, tests, ctx };

		snprintf(title, sizeof(title), "%s%s%s", prefix ? prefix : "",
			prefix ? ": " : "", tests->title);
		if (!is_wanted(t, title))
			continue;
		t->ran++;
		if (t->titles) {
			fprintf(t->out, "%s\n", title);
			continue;
		}
		if (!trial_run(t->trial, run_test, &r, t->limit_s))
			(void)tally_holds(
				t, false, "fork(2)", "no process could be made for this test");
		t->failed += trial_found(t->trial) > 0;
		if (t->leave_inapt && trial_is_inapt(t->trial))
			t->ran--;
		else
			print_outcome(t, title);
	}
}

bool tally_holds(struct tally *t, bool holds, const char *clause, const char *fmt, ...)
{
	va_list ap;

	if (holds)
		return true;
	va_start(ap, fmt);
	trial_broken(t->trial, clause, fmt, ap);
	va_end(ap);
	return false;
}

void tally_skip(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	trial_skipped(t->trial, false, fmt, ap);
	va_end(ap);
}

void tally_inapt(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	trial_skipped(t->trial, true, fmt, ap);
	va_end(ap);
}

void tally_note(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	fputs("# ", t->out);
	va_start(ap, fmt);
	vfprintf(t->out, fmt, ap);
	va_end(ap);
	fputc('\n', t->out);
}

unsigned tally_failed(const struct tally *t)
{
	return t->failed;
}

int tally_end(struct tally **tp)
{
	struct tally *t = *tp;
	int status = t->ran == 0 || t->failed ? 1 : 0;

	if (!t->titles)
		fprintf(t->out, "1..%u\n", t->ran);
	trial_free(&t->trial);
	free(t);
	*tp = NULL;
	return status;
}
