/* SPDX-License-Identifier: MIT */
#include "check/tally.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MAX 5u

struct tally {
	FILE *out;
	const char *const *words;
	unsigned ran, failed;
	/* Of the test that runs: threads of its own may find things at once. */
	pthread_mutex_t mutex;
	unsigned broken;
	char told[TOLD_MAX][1024];
	char skipped[512]; /* empty: it was made */
};

struct tally *tally_new(FILE *out, const char *const *words)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->out = out;
	t->words = words;
	pthread_mutex_init(&t->mutex, NULL);
	return t;
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
	bool ok = t->broken == 0;

	fprintf(t->out, "%s %u - %s", ok ? "ok" : "not ok", t->ran, title);
	if (ok && t->skipped[0])
		fprintf(t->out, " # SKIP %s", t->skipped);
	fputc('\n', t->out);
	for (unsigned i = 0; i < t->broken && i < TOLD_MAX; i++)
		fprintf(t->out, "# %s\n", t->told[i]);
	if (t->broken > TOLD_MAX)
		fprintf(t->out, "# and %u more like these\n", t->broken - TOLD_MAX);
	fflush(t->out);
}

void tally_run(struct tally *t, const char *prefix, const struct tally_test *tests, void *ctx)
{
	char title[256];

	for (; tests->title; tests++) {
		snprintf(title, sizeof(title), "%s%s%s", prefix ? prefix : "",
			prefix ? ": " : "", tests->title);
		if (!is_wanted(t, title))
			continue;
		t->ran++;
		t->broken = 0;
		t->skipped[0] = '\0';
		tests->run(t, ctx);
		if (t->broken)
			t->failed++;
		print_outcome(t, title);
	}
}

bool tally_holds(struct tally *t, bool holds, const char *clause, const char *fmt, ...)
{
	va_list ap;

	if (holds)
		return true;
	pthread_mutex_lock(&t->mutex);
	if (t->broken < TOLD_MAX) {
		char *line = t->told[t->broken];
		va_start(ap, fmt);
		int n = vsnprintf(line, sizeof(t->told[0]), fmt, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < sizeof(t->told[0]))
			snprintf(line + n, sizeof(t->told[0]) - (size_t)n, " (%s)", clause);
	}
	t->broken++;
	pthread_mutex_unlock(&t->mutex);
	return false;
}

void tally_skip(struct tally *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->skipped, sizeof(t->skipped), fmt, ap);
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

	fprintf(t->out, "1..%u\n", t->ran);
	pthread_mutex_destroy(&t->mutex);
	free(t);
	*tp = NULL;
	return status;
}
