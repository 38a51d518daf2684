/* SPDX-License-Identifier: MIT */
#include "admin/metrics.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "admin/modules.h"
#include "admin/quarantined.h"
#include "admin/tls.h"
#include "ipc/quarantine.h"

#define TRIES 3 /* while a generation's counters are passed on */

enum metric {
#define METRIC(id, name, kind, unit, help) M_##id,
#include "admin/metrics_table.h"
#undef METRIC
	METRICS
};
enum kind { INFO, GAUGE, COUNTER, HISTOGRAM };
static const enum kind kinds[METRICS] = {
#define METRIC(id, name, kind, unit, help) kind,
#include "admin/metrics_table.h"
#undef METRIC
};
const struct metrics_row metrics_rows[] = {
#define METRIC(id, name, kind, unit, help) { name, #kind, unit, help },
#include "admin/metrics_table.h"
#undef METRIC
	{ .name = NULL }
};
const char *const metrics_content_types[] = {
	[METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
	[METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/* --- which form --- */

/* RFC 9110, section 12.4.2, in thousandths. Without one: 1. */
static int quality(struct popart_str parameters)
{
	while (parameters.len > 0) {
		struct popart_str p = view_trim(view_cut(&parameters, ';'));
		char number[16] = "";

		if (p.len < 3 || p.len - 2 >= sizeof(number) ||
			strncasecmp(p.ptr, "q=", 2) != 0)
			continue;
		memcpy(number, p.ptr + 2, p.len - 2);
		return (int)(strtod(number, NULL) * 1000);
	}
	return 1000;
}

/* An unknown version of OpenMetrics is none that we have. */
static bool is_version_1(struct popart_str parameters)
{
	while (parameters.len > 0) {
		struct popart_str p = view_trim(view_cut(&parameters, ';'));

		if (p.len > 8 && strncasecmp(p.ptr, "version=", 8) == 0)
			return view_eq(view_of(p.ptr + 8, p.len - 8), VIEW_LIT("1.0.0")) ||
				view_eq(view_of(p.ptr + 8, p.len - 8), VIEW_LIT("0.0.1"));
	}
	return true;
}

enum metrics_form metrics_form(const char *accept)
{
	struct popart_str rest = accept ? view_str(accept) : VIEW_NONE;
	int open = 0, text = 0, q;

	while (rest.len > 0) {
		struct popart_str parameters = view_cut(&rest, ',');
		struct popart_str type = view_trim(view_cut(&parameters, ';'));

		q = quality(parameters);
		if (view_eq_nocase(type, VIEW_LIT("application/openmetrics-text")) &&
			is_version_1(parameters) && q > open)
			open = q;
		else if ((view_eq_nocase(type, VIEW_LIT("text/plain")) ||
				 view_eq_nocase(type, VIEW_LIT("text/*")) ||
				 view_eq_nocase(type, VIEW_LIT("*/*"))) &&
			q > text)
			text = q;
	}
	return open > 0 && open >= text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

/* --- samples --- */

struct page {
	struct scene *scene;
	struct buf *out;
	bool open;
	enum metric metric;
	bool begun; /* its head is written */
};

/* Backslash, quote and newline; what is no UTF-8 goes. */
static void add_label(struct buf *out, struct popart_str v)
{
	uint32_t code;

	while (v.len > 0) {
		size_t n = view_utf8_char(v, &code);

		if (n == 0)
			buf_add_str(out, "\xef\xbf\xbd");
		else if (*v.ptr == '\n')
			buf_add_str(out, "\\n");
		else if (*v.ptr == '\\' || *v.ptr == '"')
			buf_printf(out, "\\%c", *v.ptr);
		else
			buf_add(out, view_of(v.ptr, n));
		n = n > 0 ? n : 1;
		v = view_of(v.ptr + n, v.len - n);
	}
}

static const char *type_of(const struct page *p)
{
	switch (kinds[p->metric]) {
	case INFO:
		return p->open ? "info" : "gauge";
	case GAUGE:
		return "gauge";
	case COUNTER:
		return "counter";
	default:
		return "histogram";
	}
}

/* In the older form the family of a counter is called as its samples are. */
static const char *ending(const struct page *p)
{
	if (kinds[p->metric] == INFO)
		return "_info";
	return kinds[p->metric] == COUNTER ? "_total" : "";
}

static void head(struct page *p)
{
	const struct metrics_row *row = &metrics_rows[p->metric];
	const char *end = p->open ? "" : ending(p);

	if (p->begun)
		return;
	p->begun = true;
	buf_printf(p->out, "# HELP %s%s %s\n", row->name, end, row->help);
	buf_printf(p->out, "# TYPE %s%s %s\n", row->name, end, type_of(p));
	if (p->open && row->unit[0])
		buf_printf(p->out, "# UNIT %s %s\n", row->name, row->unit);
}

/* Name, ending, labels in pairs up to NULL, and the blank before the value. */
static void sample_v(struct page *p, const char *end, va_list labels)
{
	const char *name, *before = "{";

	head(p);
	buf_printf(p->out, "%s%s", metrics_rows[p->metric].name, end);
	while ((name = va_arg(labels, const char *)) != NULL) {
		buf_printf(p->out, "%s%s=\"", before, name);
		add_label(p->out, view_str(va_arg(labels, const char *)));
		buf_add_char(p->out, '"');
		before = ",";
	}
	buf_add_str(p->out, *before == ',' ? "} " : " ");
}

/* Behind the last pair of a label's name and value. */
#define NO_MORE ((const char *)NULL)

static void sample(struct page *p, uint64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	sample_v(p, ending(p), labels);
	va_end(labels);
	buf_printf(p->out, "%" PRIu64 "\n", value);
}

static void sample_signed(struct page *p, int64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	sample_v(p, ending(p), labels);
	va_end(labels);
	buf_printf(p->out, "%" PRId64 "\n", value);
}

static void sample_part(struct page *p, const char *end, ...)
{
	va_list labels;

	va_start(labels, end);
	sample_v(p, end, labels);
	va_end(labels);
}

/* --- the server --- */

static const struct board *newest(const struct page *p)
{
	return p->scene->n > 0 ? p->scene->generations[0].board : NULL;
}

/* Counters of the scoreboard that have a sample each: label NULL for those without. */
static const struct {
	enum metric metric;
	enum board_counter counter;
	const char *label, *value;
} plain[] = {
	{ M_CONNECTIONS, BOARD_CONNECTIONS, NULL, NULL },
	{ M_REFUSED, BOARD_REFUSED_FULL, "reason", "full" },
	{ M_REFUSED, BOARD_REFUSED_ADDRESS, "reason", "address" },
	{ M_REFUSED, BOARD_REFUSED_FDS, "reason", "descriptors" },
	{ M_REFUSED, BOARD_REFUSED_MEMORY, "reason", "memory" },
	{ M_ENDED, BOARD_SESSIONS_ENDED, NULL, NULL },
	{ M_TIMEOUTS, BOARD_HANDSHAKE_TIMEOUTS, "phase", "handshake" },
	{ M_TIMEOUTS, BOARD_LOGIN_TIMEOUTS, "phase", "login" },
	{ M_TIMEOUTS, BOARD_IDLE_TIMEOUTS, "phase", "idle" },
	{ M_CONFLICTS, BOARD_IN_USE, NULL, NULL },
	{ M_BAD_COMMANDS, BOARD_BAD_COMMANDS, NULL, NULL },
	{ M_OCTETS, BOARD_OCTETS_IN, "direction", "in" },
	{ M_OCTETS, BOARD_OCTETS_OUT, "direction", "out" },
	{ M_RETRIEVED, BOARD_RETRIEVED, NULL, NULL },
	{ M_DELETED, BOARD_DELETED, NULL, NULL },
	{ M_MISMATCHES, BOARD_SIZE_MISMATCHES, NULL, NULL },
	{ M_FAILURES, BOARD_MODULE_FAILURES, NULL, NULL },
	{ M_QUARANTINE_REFUSALS, BOARD_QUARANTINED, NULL, NULL },
};

static void write_plain(struct page *p)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (plain[i].metric == p->metric)
			sample(p, scene_total(p->scene, plain[i].counter), plain[i].label,
				plain[i].value, NO_MORE);
}

static void write_build(struct page *p)
{
	sample(p, 1, "version", POPART_VERSION, NO_MORE);
}

static void write_start(struct page *p)
{
	sample_signed(p, (p->scene->started_ms + p->scene->unix_ms) / 1000, NO_MORE);
}

static void write_generations(struct page *p)
{
	sample(p, p->scene->n, NO_MORE);
}

static void write_workers(struct page *p)
{
	static const char *const states[] = { "down", "starting", "serving", "draining" };
	uint64_t counts[ARRAY_LEN(states)] = { 0 };
	int32_t pid;

	for (size_t g = 0; g < p->scene->n; g++) {
		const struct board *b = p->scene->generations[g].board;

		for (uint32_t w = 0; w < board_shape(b).workers; w++)
			counts[board_worker_get(b, w, &pid) % ARRAY_LEN(states)]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		sample(p, counts[i], "state", states[i], NO_MORE);
}

/* All generations together. */
static uint64_t sum(const struct page *p, uint64_t (*of)(const struct board *))
{
	uint64_t n = 0;

	for (size_t g = 0; g < p->scene->n; g++)
		if (!figures_passed(p->scene->generations[g].board))
			n += of(p->scene->generations[g].board);
	return n;
}

static void write_deaths(struct page *p)
{
	sample(p, sum(p, figures_deaths), NO_MORE);
}

static void write_restarts(struct page *p)
{
	sample(p, sum(p, figures_restarts), NO_MORE);
}

static void write_quarantined(struct page *p)
{
	sample(p, quarantined_count(p->scene), NO_MORE);
}

static void write_quarantines(struct page *p)
{
	sample(p, sum(p, board_quarantines), NO_MORE);
}

static uint64_t connections(const struct board *b)
{
	uint64_t n = 0;

	for (uint32_t w = 0; w < board_shape(b).workers; w++)
		n += board_connections(b, w);
	return n;
}

static void write_sessions(struct page *p)
{
	sample(p, sum(p, connections), NO_MORE);
}

static void write_sessions_max(struct page *p)
{
	sample(p, newest(p) ? board_shape(newest(p)).slots : 0, NO_MORE);
}

/* look: which of what slots are is counted. */
static uint64_t count_slots(const struct page *p, enum board_look wanted, bool locked)
{
	struct board_slot slot;
	uint64_t n = 0;

	for (size_t g = 0; g < p->scene->n; g++) {
		const struct board *b = p->scene->generations[g].board;

		for (uint32_t w = 0; w < board_shape(b).workers; w++)
			for (uint32_t i = 0; i < board_slots_used(b, w); i++)
				n += board_slot_look(b, w, i, &slot) == wanted &&
					(!locked || slot.lock != 0);
	}
	return n;
}

static void write_locks(struct page *p)
{
	sample(p, count_slots(p, BOARD_SEEN, true), NO_MORE);
}

static void write_skipped(struct page *p)
{
	sample(p, count_slots(p, BOARD_BUSY, false), NO_MORE);
}

static void write_logins(struct page *p)
{
	for (unsigned r = 0; r < FIGURES_RESULTS; r++)
		for (uint8_t m = 1; m < figures_mechanisms.n; m++)
			sample(p, tls_logins(p->scene, r, m), "result", figures_result_names[r],
				"mechanism", figures_name(&figures_mechanisms, m), NO_MORE);
}

/* --- modules --- */

/* Two lists may have a name in common. */
static void write_op(struct page *p, const struct figures_instance *about, unsigned op,
	const struct figures_histogram *h)
{
	const char *list = about->storage ? "storage" : "auth";
	const char *name = figures_op_names[op];
	uint64_t n = 0, bound = FIGURES_FIRST_US;
	char le[32];

	if (p->metric != M_OPERATION) {
		sample(p,
			p->metric == M_CRASHES        ? h->crashes
				: p->metric == M_LATE ? h->late
						      : h->failures,
			"list", list, "module_instance", about->name, "operation", name,
			NO_MORE);
		return;
	}
	for (unsigned i = 0; i <= FIGURES_BOUNDS; i++, bound *= 2) {
		n += h->counts[i];
		(void)snprintf(le, sizeof(le), "%.9g", (double)bound / 1e6);
		sample_part(p, "_bucket", "list", list, "module_instance", about->name,
			"operation", name, "le", i < FIGURES_BOUNDS ? le : "+Inf", NO_MORE);
		buf_printf(p->out, "%" PRIu64 "\n", n);
	}
	sample_part(p, "_sum", "list", list, "module_instance", about->name, "operation", name,
		NO_MORE);
	buf_printf(p->out, "%.9f\n", (double)h->ns / 1e9);
	sample_part(p, "_count", "list", list, "module_instance", about->name, "operation",
		name, NO_MORE);
	buf_printf(p->out, "%" PRIu64 "\n", n);
}

/* Operations that were never called have no samples. */
static void write_ops(struct page *p)
{
	struct figures_instance about;
	struct figures_histogram h;

	for (uint32_t i = 0; newest(p) && i < board_shape(newest(p)).instances; i++) {
		if (!figures_instance(newest(p), i, &about))
			continue;
		for (unsigned op = 0; op < FIGURES_OPS; op++) {
			modules_histogram(p->scene, i, &about, op, &h);
			if (figures_calls(&h) + h.crashes + h.late > 0)
				write_op(p, &about, op, &h);
		}
	}
}

static void write_stats(struct page *p)
{
	struct figures_instance about;

	for (uint32_t i = 0; newest(p) && i < board_shape(newest(p)).instances; i++) {
		if (!figures_instance(newest(p), i, &about))
			continue;
		for (uint32_t s = 0; s < about.nstats; s++)
			if (about.stats[s].gauge == (p->metric == M_LEVELS))
				sample_signed(p, modules_stat(p->scene, i, &about, s), "list",
					about.storage ? "storage" : "auth", "module_instance",
					about.name, "name", about.stats[s].name, NO_MORE);
	}
}

/* --- TLS --- */

static void write_handshake(struct page *p, uint8_t version, uint8_t cipher, bool resumed)
{
	uint64_t n = tls_handshakes(p->scene, version, cipher, resumed);

	if (n > 0)
		sample(p, n, "version", figures_name(&figures_versions, version), "cipher",
			figures_name(&figures_ciphers, cipher), "resumed",
			resumed ? "true" : "false", NO_MORE);
}

static void write_handshakes(struct page *p)
{
	for (uint8_t v = 1; v < figures_versions.n; v++)
		for (uint8_t c = 1; c < figures_ciphers.n; c++)
			for (int resumed = 0; resumed < 2; resumed++)
				write_handshake(p, v, c, resumed);
}

static void write_handshake_failures(struct page *p)
{
	sample(p, sum(p, figures_handshakes_failed), NO_MORE);
}

static void write_certificates(struct page *p)
{
	struct figures_certificate c;

	for (uint32_t i = 0; newest(p) && i < BOARD_CERTIFICATES_MAX; i++)
		if (figures_certificate(newest(p), i, &c))
			sample_signed(p, c.not_after, "file", c.file, NO_MORE);
}

/* --- the page --- */

/* Whose samples are not in `plain`. */
static void (*const writers[METRICS])(struct page *) = {
	[M_BUILD] = write_build,
	[M_START] = write_start,
	[M_GENERATIONS] = write_generations,
	[M_WORKERS] = write_workers,
	[M_DEATHS] = write_deaths,
	[M_RESTARTS] = write_restarts,
	[M_SESSIONS] = write_sessions,
	[M_SESSIONS_MAX] = write_sessions_max,
	[M_LOCKS] = write_locks,
	[M_SKIPPED] = write_skipped,
	[M_LOGINS] = write_logins,
	[M_OPERATION] = write_ops,
	[M_OP_FAILURES] = write_ops,
	[M_CRASHES] = write_ops,
	[M_LATE] = write_ops,
	[M_QUARANTINED] = write_quarantined,
	[M_QUARANTINES] = write_quarantines,
	[M_COUNTS] = write_stats,
	[M_LEVELS] = write_stats,
	[M_HANDSHAKES] = write_handshakes,
	[M_HANDSHAKE_FAILURES] = write_handshake_failures,
	[M_CERTIFICATE] = write_certificates,
};

static void write_all(struct scene *s, bool open, struct buf *out)
{
	struct page p = { .scene = s, .out = out, .open = open };

	for (p.metric = 0; p.metric < METRICS; p.metric++) {
		p.begun = false;
		(writers[p.metric] ? writers[p.metric] : write_plain)(&p);
	}
	if (p.open)
		buf_add_str(out, "# EOF\n");
}

void metrics_write(struct scene *s, enum metrics_form form, struct buf *out)
{
	uint64_t before = 0;
	size_t begin = out->len;
	bool same = false;

	for (int i = 0; i < TRIES && !same; i++) {
		out->len = begin;
		if (s->n > 0)
			before = figures_passes(s->generations[0].board);
		write_all(s, form == METRICS_OPENMETRICS, out);
		same = s->n == 0 || before == figures_passes(s->generations[0].board);
		same = same && before % 2 == 0;
	}
}
