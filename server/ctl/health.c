/* SPDX-License-Identifier: MIT */
#include "ctl/health.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include "ctl/list.h"
#include "ctl/units.h"

#define FINDINGS_MAX 65536u
#define CRASH_S      3600 /* a crash that is older is history */
#define SLOW_S       1.0  /* of one call in a hundred */
#define SLOW_CALLS   100u /* fewer say nothing */
#define FULL_PERCENT 90u
#define BUSY_SHARE   0.1 /* refused for the lock, of all logins */

struct noted {
	enum tone tone;
	size_t begin, len;
};

static void note(struct health *h, enum tone tone, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void note(struct health *h, enum tone tone, const char *fmt, ...)
{
	struct noted noted = { .tone = tone, .begin = h->text.len };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add_str(&h->text, text);
	noted.len = h->text.len - noted.begin;
	buf_add(&h->findings, view_of(&noted, sizeof(noted)));
}

size_t health_count(const struct health *h)
{
	return h->findings.len / sizeof(struct noted);
}

struct finding health_get(const struct health *h, size_t i)
{
	struct noted noted;

	memcpy(&noted, h->findings.ptr + i * sizeof(noted), sizeof(noted));
	return (struct finding){ noted.tone, view_of(h->text.ptr + noted.begin, noted.len) };
}

void health_free(struct health *h)
{
	buf_free(&h->text);
	buf_free(&h->findings);
}

/* --- the server -------------------------------------------------------------------------- */

static void look_at_workers(struct health *h, const json_t *status)
{
	const json_t *generation;
	bool serving = false;
	size_t i;

	json_array_foreach (json_object_get(status, "generations"), i, generation) {
		uint64_t wanted = list_count(generation, "workers");
		uint64_t up = list_count(generation, "workers_up");
		if (!view_eq(list_text(generation, "phase"), VIEW_LIT("serving")))
			continue;
		serving = true;
		if (up < wanted)
			note(h, up ? TONE_WARN : TONE_BAD,
				"%" PRIu64 " of %" PRIu64 " workers of generation %" PRIu64
				" are up; the log has why (worker_died, worker_failed)",
				up, wanted, list_count(generation, "generation"));
	}
	if (list_true(status, "stopping"))
		note(h, TONE_WARN, "the server is stopping");
	else if (!serving)
		note(h, TONE_BAD, "no generation serves: nobody is answered");
}

/* The reason that most refusals have had. */
static const char *refused_why(const json_t *totals)
{
	static const char *const reasons[][2] = {
		{ "refused_full", "max_connections is reached" },
		{ "refused_address", "max_connections_per_address is reached" },
		{ "refused_fds", "there are no descriptors left" },
		{ "refused_memory", "there is no memory left" },
	};
	size_t most = 0;

	for (size_t i = 1; i < ARRAY_LEN(reasons); i++)
		if (list_count(totals, reasons[i][0]) > list_count(totals, reasons[most][0]))
			most = i;
	return reasons[most][1];
}

static void look_at_rates(struct health *h, const json_t *status)
{
	const json_t *totals = json_object_get(status, "totals");
	const json_t *rate = json_array_get(json_object_get(status, "rates"), 1);
	double seconds = list_real(rate, "measured_s");
	double refused = list_real(rate, "refused_per_s"),
	       in_use = list_real(rate, "in_use_per_s");
	double failures = list_real(rate, "module_failures_per_s");

	if (refused > 0)
		note(h, TONE_WARN, "%.0f connections were refused lately, mostly because %s",
			refused * seconds, refused_why(totals));
	if (failures > 0)
		note(h, TONE_WARN,
			"%.0f module operations failed lately; the log has why (module_failed)",
			failures * seconds);
	if (in_use > BUSY_SHARE * list_real(rate, "logins_per_s") && in_use * seconds >= 3)
		note(h, TONE_WARN,
			"%.0f logins were refused lately because the maildrop was in use; see "
			"popartctl locks",
			in_use * seconds);
	if (list_count(totals, "size_mismatches"))
		note(h, TONE_BAD,
			"%" PRIu64 " messages were sent with another size than listed "
			"(size_mismatch)",
			list_count(totals, "size_mismatches"));
}

static void look_at_room(struct health *h, const json_t *status)
{
	uint64_t sessions = list_count(status, "sessions"),
		 max = list_count(status, "sessions_max");

	if (max && sessions >= max / 100 * FULL_PERCENT + max % 100 * FULL_PERCENT / 100)
		note(h, TONE_WARN,
			"%" PRIu64 " of %" PRIu64 " connections are taken "
			"(max_connections)",
			sessions, max);
}

/* --- the rest ---------------------------------------------------------------------------- */

static int64_t time_of(struct popart_str text)
{
	struct tm tm = { 0 };
	char room[32] = "";

	(void)snprintf(room, sizeof(room), "%.*s", VIEW_FMT(text));
	return strptime(room, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

static void look_at_quarantines(struct health *h, const json_t *status)
{
	uint64_t n = list_count(status, "quarantined");

	if (n > 0)
		note(h, TONE_WARN,
			"%" PRIu64 " user%s refused because workers died of them; see "
			"popartctl quarantine",
			n, n > 1 ? "s are" : " is");
}

static void look_at_crashes(struct health *h, const json_t *modules, int64_t now)
{
	const json_t *crash, *last = NULL;
	uint64_t n = 0;
	size_t i;

	json_array_foreach (json_object_get(modules, "crashes"), i, crash) {
		if (now - time_of(list_text(crash, "at")) > CRASH_S)
			continue;
		last = last ? last : crash;
		n++;
	}
	if (!last)
		return;
	struct popart_str doing = list_text(last, "doing");
	note(h, n > 1 ? TONE_BAD : TONE_WARN,
		"%" PRIu64 " worker%s died within the last hour, the last of %.*s%s%.*s; see "
		"popartctl modules",
		n, n > 1 ? "s" : "", VIEW_FMT(list_text(last, "reason")),
		doing.len ? " in " : "", VIEW_FMT(doing));
}

/* Whether one call in a hundred takes longer than SLOW_S. */
static bool is_slow(const json_t *operation)
{
	uint64_t calls = list_count(operation, "calls"), quick = 0;
	const json_t *bucket;
	size_t i;

	json_array_foreach (json_object_get(operation, "histogram"), i, bucket)
		if (json_is_number(json_object_get(bucket, "le_s")) &&
			list_real(bucket, "le_s") <= SLOW_S)
			quick = list_count(bucket, "count");
	return calls >= SLOW_CALLS && json_is_array(json_object_get(operation, "histogram")) &&
		quick < calls - calls / 100;
}

static void look_at_modules(struct health *h, const json_t *modules)
{
	const json_t *module, *operation;
	size_t i, k;

	json_array_foreach (json_object_get(modules, "modules"), i, module) {
		json_array_foreach (json_object_get(module, "operations"), k, operation)
			if (is_slow(operation))
				note(h, TONE_WARN,
					"%.*s \"%.*s\" is slow: more than one call of %.*s in "
					"a "
					"hundred takes over a second",
					VIEW_FMT(list_text(module, "list")),
					VIEW_FMT(list_text(module, "name")),
					VIEW_FMT(list_text(operation, "operation")));
	}
}

static void look_at_certificates(struct health *h, const json_t *tls)
{
	const json_t *certificate;
	struct buf span;
	size_t i;

	buf_init(&span, 64);
	json_array_foreach (json_object_get(tls, "certificates"), i, certificate) {
		int64_t left = list_signed(certificate, "expires_s");
		if (left >= LIST_SOON_S)
			continue;
		buf_reset(&span);
		units_add_seconds(&span, (uint64_t)(left < 0 ? -left : left));
		note(h, left < 86400 ? TONE_BAD : TONE_WARN, "the certificate %.*s %s %s",
			VIEW_FMT(list_text(certificate, "file")),
			left < 0 ? "has expired, for" : "expires in", buf_cstr(&span));
	}
	buf_free(&span);
}

void health_look(struct health *h, const json_t *status, const json_t *modules,
	const json_t *tls, int64_t now)
{
	buf_init(&h->text, FINDINGS_MAX);
	buf_init(&h->findings, FINDINGS_MAX);
	if (status) {
		look_at_workers(h, status);
		look_at_room(h, status);
		look_at_rates(h, status);
		look_at_quarantines(h, status);
	}
	look_at_crashes(h, modules, now);
	look_at_modules(h, modules);
	look_at_certificates(h, tls);
}
