/* SPDX-License-Identifier: MIT */
#include "worker/tell.h"
#include "ipc/figures.h"

#define TEXT(room, text) figures_text(room, sizeof(room), text)

/* Whole lines, as many as fit. */
static void put_options(struct figures_instance *f, struct popart_str options)
{
	while (options.len >= sizeof(f->options)) {
		do
			options.len--;
		while (options.len > 0 && options.ptr[options.len - 1] != '\n');
	}
	TEXT(f->options, options);
}

static void tell_instance(void *ctx, const struct host_about *about)
{
	struct worker *w = ctx;
	struct figures_instance f = { .caps = about->caps, .storage = about->storage };

	TEXT(f.name, view_str(about->name));
	TEXT(f.module, view_str(about->module));
	TEXT(f.version, view_str(about->version));
	TEXT(f.summary, view_str(about->summary));
	put_options(&f, about->options);
	for (const struct popart_stat *row; f.nstats < FIGURES_STATS; f.nstats++) {
		row = host_stat_row(w->host, about->index, f.nstats);
		if (!row)
			break;
		TEXT(f.stats[f.nstats].name, view_str(row->name));
		TEXT(f.stats[f.nstats].help, view_str(row->help ? row->help : ""));
		f.stats[f.nstats].gauge = row->kind == POPART_STAT_GAUGE;
	}
	figures_describe_instance(w->board, w->index, about->index, &f);
}

void tell_instances(struct worker *w)
{
	host_each_instance(w->host, tell_instance, w);
}

static void tell_stat(void *ctx, unsigned instance, unsigned index, int64_t value)
{
	struct worker *w = ctx;

	figures_stat(w->board, w->index, instance, index, value);
}

void tell_stats(struct worker *w)
{
	host_each_stat(w->host, tell_stat, w);
}

void tell_certificates(struct worker *w)
{
	for (uint32_t i = 0; i < w->conf->ncertificates && i < BOARD_CERTIFICATES_MAX; i++) {
		struct figures_certificate f = { .not_after = 0 };
		struct tls_about about;

		if (!tls_context_about(w->tls, i, &about))
			break;
		f.not_before = about.not_before;
		f.not_after = about.not_after;
		f.nnames = about.nnames;
		f.ocsp = w->conf->certificates[i].ocsp && !tls_context_ocsp_expired(w->tls, i);
		TEXT(f.file, view_str(w->conf->certificates[i].certificate));
		TEXT(f.subject, view_str(about.subject));
		TEXT(f.issuer, view_str(about.issuer));
		TEXT(f.names, view_str(about.names));
		TEXT(f.serial, view_str(about.serial));
		TEXT(f.key, view_str(about.key));
		TEXT(f.fingerprint, view_str(about.fingerprint));
		figures_describe_certificate(w->board, w->index, i, &f);
	}
}

void tell_measured(
	void *ctx, unsigned thread, unsigned instance, unsigned op, uint64_t ns, bool failed)
{
	struct worker *w = ctx;

	figures_observe(w->board, w->index, thread, instance, op, ns, failed);
}
