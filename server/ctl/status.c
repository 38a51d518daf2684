/* SPDX-License-Identifier: MIT */
/* status: whether all is well, first. */
#include <inttypes.h>
#include "base/clock.h"
#include "ctl/health.h"
#include "ctl/list.h"
#include "ctl/server.h"
#include "ctl/units.h"

#define LINE_MAX_OCTETS 4096u

static const struct table_column about_columns[] = { { "", false, 0 }, { "", false, 0 } };

static const struct table_column rate_columns[] = {
	{ "", false, 0 },
	{ "TOTAL", true, 0 },
	{ "1 MIN", true, 0 },
	{ "5 MIN", true, 0 },
	{ "15 MIN", true, 0 },
};

static const struct rate_row {
	const char *title, *total, *rate;
	bool octets, trouble;
} rate_rows[] = {
	{ "connections", "connections", "connections_per_s", false, false },
	{ "refused", "refused", "refused_per_s", false, true },
	{ "logins", "logins", "logins_per_s", false, false },
	{ "wrong passwords", "auth_failures", "auth_failures_per_s", false, false },
	{ "maildrop in use", "in_use", "in_use_per_s", false, false },
	{ "failed logins", "login_errors", "login_errors_per_s", false, true },
	{ "messages sent", "retrieved", "retrieved_per_s", false, false },
	{ "messages deleted", "deleted", "deleted_per_s", false, false },
	{ "octets sent", "octets_out", "octets_out_per_s", true, false },
	{ "module failures", "module_failures", "module_failures_per_s", false, true },
};

struct about {
	struct table *table;
	struct buf line;
};

static void about_row(struct about *a, const char *title, enum tone tone)
{
	table_add(a->table, TONE_DIM, view_str(title));
	table_add(a->table, tone, buf_view(&a->line));
	buf_reset(&a->line);
}

static void about_generations(struct about *a, const json_t *status)
{
	const json_t *g;
	char title[48];
	size_t i;

	json_array_foreach (json_object_get(status, "generations"), i, g) {
		uint64_t up = list_count(g, "workers_up"), workers = list_count(g, "workers");
		(void)snprintf(title, sizeof(title), "generation %" PRIu64,
			list_count(g, "generation"));
		buf_add(&a->line, list_text(g, "phase"));
		buf_printf(&a->line, ", %" PRIu64 " of %" PRIu64 " workers, ", up, workers);
		units_add_count(&a->line, list_count(g, "sessions"));
		buf_add_str(&a->line,
			list_count(g, "sessions") == 1 ? " session, for " : " sessions, for ");
		units_add_seconds(&a->line, list_count(g, "age_s"));
		about_row(a, title,
			up < workers && view_eq(list_text(g, "phase"), VIEW_LIT("serving"))
				? TONE_WARN
				: TONE_PLAIN);
	}
}

static void about_listeners(struct about *a, const json_t *status)
{
	const json_t *l;
	size_t i;

	json_array_foreach (json_object_get(status, "listeners"), i, l) {
		buf_add(&a->line, list_text(l, "address"));
		buf_add_str(&a->line, list_true(l, "tls") ? ", TLS" : ", without TLS");
		if (list_true(l, "plaintext_auth"))
			buf_add_str(&a->line, ", takes passwords from other machines");
		about_row(a, i ? "" : "listens", TONE_PLAIN);
	}
}

static bool print_about(const struct ctl *c, const json_t *status)
{
	struct about a = { .table = table_new(about_columns, 2, table_colours(c->terminal)) };
	bool ok = a.table != NULL;

	buf_init(&a.line, LINE_MAX_OCTETS);
	if (ok) {
		buf_printf(&a.line, "process %" PRIu64 ", answers from %" PRIu64 ", log level ",
			list_count(status, "pid"), list_count(status, "admin_pid"));
		buf_add(&a.line, list_text(status, "log_level"));
		about_row(&a, "server", TONE_PLAIN);
		about_generations(&a, status);
		about_listeners(&a, status);
		units_add_count(&a.line, list_count(status, "sessions"));
		buf_add_str(&a.line, " of ");
		units_add_count(&a.line, list_count(status, "sessions_max"));
		about_row(&a, "sessions", TONE_PLAIN);
		ok = table_print(a.table, stdout);
	}
	buf_free(&a.line);
	table_free(&a.table);
	return ok;
}

static void add_rate_row(struct table *t, const struct rate_row *row, const json_t *status)
{
	const json_t *rates = json_object_get(status, "rates");
	uint64_t total = list_count(json_object_get(status, "totals"), row->total);
	struct buf cell;

	buf_init(&cell, 64);
	table_add(t, TONE_DIM, view_str(row->title));
	if (row->octets)
		units_add_octets(&cell, total);
	else
		units_add_count(&cell, total);
	table_add(t, TONE_PLAIN, buf_view(&cell));
	for (size_t i = 0; i < 3; i++) {
		double rate = list_real(json_array_get(rates, i), row->rate);
		buf_reset(&cell);
		if (row->octets)
			units_add_octets(&cell, (uint64_t)rate);
		else
			units_add_rate(&cell, rate);
		buf_add_str(&cell, "/s");
		table_add(
			t, row->trouble && rate > 0 ? TONE_WARN : TONE_PLAIN, buf_view(&cell));
	}
	buf_free(&cell);
}

static bool print_rates(const struct ctl *c, const json_t *status)
{
	struct table *t =
		table_new(rate_columns, ARRAY_LEN(rate_columns), table_colours(c->terminal));
	bool ok = t != NULL;

	for (size_t i = 0; ok && i < ARRAY_LEN(rate_rows); i++)
		add_rate_row(t, &rate_rows[i], status);
	ok = ok && putchar('\n') != EOF && table_print(t, stdout);
	table_free(&t);
	return ok;
}

/* "All is well: popart 0.1.0 on pop.example.net, 12 sessions, up 3d 04h" */
static bool print_summary(const struct ctl *c, const struct health *h, const json_t *status)
{
	bool colours = table_colours(c->terminal), ok;
	size_t n = health_count(h);
	enum tone worst = TONE_GOOD;
	struct buf out, verdict;

	buf_init(&out, 4 * 65536u);
	buf_init(&verdict, 64);
	for (size_t i = 0; i < n; i++)
		worst = health_get(h, i).tone == TONE_BAD || worst == TONE_BAD ? TONE_BAD
									       : TONE_WARN;
	if (n == 0)
		buf_add_str(&verdict, "All is well");
	else
		buf_printf(&verdict, "%zu thing%s not well", n, n > 1 ? "s are" : " is");
	table_tone(&out, colours, worst, buf_view(&verdict));
	buf_add_str(&out, ": popart ");
	(void)table_add_cut(&out, list_text(status, "version"), 64);
	buf_add_str(&out, " on ");
	(void)table_add_cut(&out, list_text(status, "hostname"), 255);
	buf_add_str(&out, ", ");
	units_add_count(&out, list_count(status, "sessions"));
	buf_add_str(
		&out, list_count(status, "sessions") == 1 ? " session, up " : " sessions, up ");
	units_add_seconds(&out, list_count(status, "uptime_s"));
	buf_add_str(&out, "\n");
	for (size_t i = 0; i < n; i++) {
		struct finding f = health_get(h, i);
		buf_reset(&verdict);
		table_tone(&out, colours, f.tone, VIEW_LIT("  ! "));
		(void)table_add_cut(&out, f.text, UINT32_MAX);
		buf_add_char(&out, '\n');
	}
	buf_add_char(&out, '\n');
	ok = !out.failed && fwrite(out.ptr, 1, out.len, stdout) == out.len;
	buf_free(&verdict);
	buf_free(&out);
	return ok;
}

/* What is asked besides may be missing: an older server, or one that cannot tell now. */
static json_t *ask_quietly(struct client *client, const char *target)
{
	json_t *answer;

	(void)!client_ask(
		client, &(struct client_request){ .target = target, .quiet = true }, &answer);
	return answer;
}

static int show_status(struct ctl *c, struct client *client, const json_t *status)
{
	json_t *modules = ask_quietly(client, "/v1/modules"),
	       *tls = ask_quietly(client, "/v1/tls");
	struct health health;
	int result;

	health_look(&health, status, modules, tls, clock_unix_ms() / 1000);
	result = server_printed(print_summary(c, &health, status) && print_about(c, status) &&
		print_rates(c, status));
	if (result == CTL_OK && health_count(&health))
		result = CTL_NO;
	health_free(&health);
	json_decref(modules);
	json_decref(tls);
	return result;
}

int ctl_status_run(struct ctl *c)
{
	const struct client_request request = { .target = "/v1/status" };
	struct client *client = client_new(c->socket);
	json_t *answer = NULL;
	int status;

	if (!client)
		return CTL_FAILED;
	status = c->json ? client_pass(client, &request, stdout)
			 : client_ask(client, &request, &answer);
	if (answer)
		status = show_status(c, client, answer);
	json_decref(answer);
	client_free(&client);
	return status;
}
