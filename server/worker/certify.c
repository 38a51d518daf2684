/* SPDX-License-Identifier: MIT */
#include "worker/certify.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define DAY    86400
#define NOTICE (14 * DAY)

static void warn_of_end(const struct conf_certificate *c, int64_t end, struct report *r)
{
	int64_t left = end - (int64_t)time(NULL);
	time_t t = (time_t)end;
	char date[32] = "";
	struct tm tm;

	if (end < 0 || left >= NOTICE)
		return;
	if (gmtime_r(&t, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
	if (left <= 0)
		report_warn(r, c->file, c->line,
			"the certificate in %s expired on %s: clients will refuse it; renew it",
			c->certificate, date);
	else
		report_warn(r, c->file, c->line,
			"the certificate in %s expires on %s, in less than %" PRId64
			" days; renew it",
			c->certificate, date, left / DAY + 1);
}

static struct tls_context *make(const struct conf *conf, const struct secrets *s,
	const struct tls_pair *pairs, size_t n, struct buf *error)
{
	const struct tls_setup setup = {
		.pairs = pairs,
		.npairs = n,
		.priorities = conf->tls_priorities,
		.ticket_key = s->ticket_key,
	};

	return tls_context_new(&setup, error);
}

/* One after the other, so that each complaint has its place. */
static void blame(const struct conf *conf, const struct secrets *s,
	const struct tls_pair *pairs, struct report *r)
{
	for (size_t i = 0; i < conf->ncertificates; i++) {
		const struct conf_certificate *c = &conf->certificates[i];
		struct tls_context *one;
		struct buf error;

		buf_init(&error, 4096);
		one = make(conf, s, &pairs[i], 1, &error);
		if (!one)
			report_error(r, c->file, c->line, "%s", buf_cstr(&error));
		tls_context_free(&one);
		buf_free(&error);
	}
}

bool certify(const struct conf *conf, const struct secrets *s, struct tls_context **out,
	struct report *r)
{
	size_t n = conf->ncertificates;
	struct tls_pair *pairs = NULL;
	unsigned errors = r->errors;
	struct buf error;

	*out = NULL;
	buf_init(&error, 4096);
	if (conf->tls_priorities && !tls_priorities_ok(conf->tls_priorities, &error)) {
		report_error(r, conf->tls_file, conf->tls_line, "%s", buf_cstr(&error));
		goto out;
	}
	if (n == 0)
		goto out;
	pairs = calloc(n, sizeof(*pairs));
	if (!pairs || s->nparts != n) {
		report_error(r, conf->certificates[0].file, conf->certificates[0].line,
			"cannot use the certificates: %s",
			pairs ? "they are not those that were read" : strerror(ENOMEM));
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		pairs[i] = (struct tls_pair){ .chain = s->parts[i].chain,
			.key = s->parts[i].key,
			.ocsp = s->parts[i].ocsp,
			.name = s->parts[i].name,
			.key_name = conf->certificates[i].key,
			.ocsp_name = conf->certificates[i].ocsp };
	*out = make(conf, s, pairs, n, &error);
	if (!*out)
		blame(conf, s, pairs, r);
	if (!*out && r->errors == errors)
		report_error(r, conf->certificates[0].file, conf->certificates[0].line, "%s",
			buf_cstr(&error));
	for (size_t i = 0; *out && i < n; i++) {
		const struct conf_certificate *c = &conf->certificates[i];
		warn_of_end(c, tls_context_expires(*out, i), r);
		if (tls_context_ocsp_expired(*out, i))
			report_warn(r, c->file, c->line,
				"the OCSP response in %s has expired and is shown to nobody; "
				"fetch a "
				"new one",
				c->ocsp);
	}
out:
	buf_free(&error);
	free(pairs);
	return r->errors == errors;
}
