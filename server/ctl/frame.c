/* SPDX-License-Identifier: MIT */
#include "ctl/frame.h"
#include <inttypes.h>
#include <stdlib.h>
#include "base/clock.h"
#include "ctl/health.h"
#include "ctl/list.h"
#include "ctl/units.h"

#define PATIENCE_S   5u
#define SESSIONS     "/v1/sessions?limit=5000" /* what one picture looks at */
#define FINDINGS_MAX 5u

struct frame {
	struct client *client;
	bool colours;
	int64_t now_ms, before_ms; /* of the picture; 0: there was none before */
	json_t *status, *modules, *sessions, *tls;
	json_t *old_status;  /* of the picture before; NULL: none */
	json_t *old_calls;   /* "name.operation": [calls, seconds] */
	json_t *old_octets;  /* a session's id: octets */
	struct table *table; /* what is being drawn */
};

struct frame *frame_new(struct client *client, bool colours)
{
	struct frame *f = calloc(1, sizeof(*f));

	if (f)
		*f = (struct frame){ .client = client, .colours = colours };
	return f;
}

static void forget(json_t **answer)
{
	json_decref(*answer);
	*answer = NULL;
}

static void forget_answers(struct frame *f)
{
	forget(&f->status);
	forget(&f->modules);
	forget(&f->sessions);
	forget(&f->tls);
}

void frame_free(struct frame **frame)
{
	struct frame *f = *frame;

	if (!f)
		return;
	forget_answers(f);
	forget(&f->old_status);
	forget(&f->old_calls);
	forget(&f->old_octets);
	free(f);
	*frame = NULL;
}

static int ask(struct frame *f, const char *target, json_t **answer)
{
	return client_ask(f->client,
		&(struct client_request){
			.target = target, .patience_s = PATIENCE_S, .quiet = true },
		answer);
}

/* Seconds that this picture is of; 0: it is of all time. */
static double seconds(const struct frame *f)
{
	return f->before_ms ? (double)(f->now_ms - f->before_ms) / 1000 : 0;
}

/* --- the server -------------------------------------------------------------------------- */

static void draw_head(struct frame *f, struct buf *out)
{
	struct health health;
	size_t n;

	buf_add_str(out, "popart ");
	(void)table_add_cut(out, list_text(f->status, "version"), 32);
	buf_add_str(out, " on ");
	(void)table_add_cut(out, list_text(f->status, "hostname"), 64);
	buf_add_str(out, ", up ");
	units_add_seconds(out, list_count(f->status, "uptime_s"));
	buf_add_str(out, ", ");
	units_add_time(out, clock_unix_ms() / 1000);
	buf_add_char(out, '\n');
	health_look(&health, f->status, f->modules, f->tls, clock_unix_ms() / 1000);
	n = health_count(&health);
	if (n == 0)
		table_tone(out, f->colours, TONE_GOOD, VIEW_LIT("All is well\n"));
	for (size_t i = 0; i < n && i < FINDINGS_MAX; i++) {
		struct finding found = health_get(&health, i);
		table_tone(out, f->colours, found.tone, VIEW_LIT("! "));
		(void)table_add_cut(out, found.text, UINT32_MAX);
		buf_add_char(out, '\n');
	}
	health_free(&health);
}

static const struct table_column rate_columns[] = {
	{ "SESSIONS", true, 0 },
	{ "CONNECTIONS", true, 0 },
	{ "LOGINS", true, 0 },
	{ "REFUSED", true, 0 },
	{ "WRONG", true, 0 },
	{ "IN USE", true, 0 },
	{ "SENT", true, 0 },
	{ "DELETED", true, 0 },
	{ "OCTETS", true, 0 },
};
static const char *const rate_names[][2] = {
	{ "connections", "connections_per_s" },
	{ "logins", "logins_per_s" },
	{ "refused", "refused_per_s" },
	{ "auth_failures", "auth_failures_per_s" },
	{ "in_use", "in_use_per_s" },
	{ "retrieved", "retrieved_per_s" },
	{ "deleted", "deleted_per_s" },
	{ "octets_out", "octets_out_per_s" },
};

/* Since the picture before; of the first: in the last minute, as the server says. */
static double rate_of(const struct frame *f, const char *const names[2])
{
	const json_t *rate = json_array_get(json_object_get(f->status, "rates"), 0);
	uint64_t now = list_count(json_object_get(f->status, "totals"), names[0]);
	uint64_t before = list_count(json_object_get(f->old_status, "totals"), names[0]);

	if (!f->old_status || seconds(f) <= 0)
		return list_real(rate, names[1]);
	return now > before ? (double)(now - before) / seconds(f) : 0;
}

static bool flush(struct frame *f, struct buf *out)
{
	bool ok = table_flush(f->table, out);

	table_free(&f->table);
	return ok;
}

static bool draw_rates(struct frame *f, struct buf *out)
{
	struct buf cell;

	f->table = table_new(rate_columns, ARRAY_LEN(rate_columns), f->colours);
	if (!f->table)
		return false;
	buf_init(&cell, 64);
	units_add_count(&cell, list_count(f->status, "sessions"));
	table_add(f->table, TONE_PLAIN, buf_view(&cell));
	for (size_t i = 0; i < ARRAY_LEN(rate_names); i++) {
		double rate = rate_of(f, rate_names[i]);
		buf_reset(&cell);
		if (i + 1 == ARRAY_LEN(rate_names))
			units_add_octets(&cell, (uint64_t)rate);
		else
			units_add_rate(&cell, rate);
		buf_add_str(&cell, "/s");
		table_add(f->table, TONE_PLAIN, buf_view(&cell));
	}
	buf_free(&cell);
	buf_add_char(out, '\n');
	return flush(f, out);
}

/* --- modules ----------------------------------------------------------------------------- */

struct ranked {
	struct popart_str name, more;
	double by;            /* what they are ranked by, the most first */
	double first, second; /* what is shown of it */
};

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->by < y->by ? 1 : x->by > y->by ? -1 : 0;
}

/* For "name.operation": calls and seconds since the picture before, which it takes the place
 * of in calls. False: it has not been called. */
static bool since(const struct frame *f, json_t *calls, const json_t *module,
	const json_t *operation, struct ranked *out)
{
	double n = (double)list_count(operation, "calls"),
	       time = list_real(operation, "time_s");
	char key[256];
	const json_t *old;

	out->name = list_text(module, "name");
	out->more = list_text(operation, "operation");
	(void)snprintf(key, sizeof(key), "%.*s.%.*s.%.*s", VIEW_FMT(list_text(module, "list")),
		VIEW_FMT(out->name), VIEW_FMT(out->more));
	(void)json_object_set_new(calls, key, json_pack("[f,f]", n, time));
	old = json_object_get(f->old_calls, key);
	out->first = n - json_number_value(json_array_get(old, 0));
	out->second = time - json_number_value(json_array_get(old, 1));
	out->by = out->first > 0 ? out->second / out->first : 0;
	return out->first > 0;
}

static size_t rank_operations(struct frame *f, json_t *calls, struct ranked *rows, size_t max)
{
	const json_t *module, *operation;
	size_t i, k, n = 0;

	json_array_foreach (json_object_get(f->modules, "modules"), i, module) {
		json_array_foreach (json_object_get(module, "operations"), k, operation)
			if (n < max)
				n += since(f, calls, module, operation, &rows[n]);
	}
	if (n)
		qsort(rows, n, sizeof(*rows), compare);
	return n;
}

static const struct table_column operation_columns[] = {
	{ "MODULE", false, 24 },
	{ "OPERATION", false, 0 },
	{ "MEAN", true, 0 },
	{ "CALLS", true, 0 },
	{ "TIME IN IT", true, 0 },
};

static bool draw_operations(struct frame *f, unsigned busiest, struct buf *out)
{
	struct ranked rows[256];
	json_t *calls = json_object();
	size_t n = rank_operations(f, calls, rows, ARRAY_LEN(rows));
	struct buf cell;

	forget(&f->old_calls);
	f->old_calls = calls;
	f->table = table_new(operation_columns, ARRAY_LEN(operation_columns), f->colours);
	if (!f->table)
		return false;
	buf_init(&cell, 64);
	for (size_t i = 0; i < n && i < busiest; i++) {
		table_add(f->table, TONE_PLAIN, rows[i].name);
		table_add(f->table, TONE_PLAIN, rows[i].more);
		buf_reset(&cell);
		units_add_us(&cell, (uint64_t)(rows[i].by * 1e6));
		table_add(f->table, TONE_PLAIN, buf_view(&cell));
		buf_reset(&cell);
		units_add_count(&cell, (uint64_t)rows[i].first);
		table_add(f->table, TONE_PLAIN, buf_view(&cell));
		buf_reset(&cell);
		units_add_us(&cell, (uint64_t)(rows[i].second * 1e6));
		table_add(f->table, TONE_PLAIN, buf_view(&cell));
	}
	buf_free(&cell);
	buf_add_str(out, "\nSlowest operations\n");
	return flush(f, out);
}

/* --- users ------------------------------------------------------------------------------- */

static const struct table_column user_columns[] = {
	{ "USER", false, 40 },
	{ "SESSIONS", true, 0 },
	{ "OCTETS", true, 0 },
};

/* A user's sessions and octets so far, in users: [sessions, octets]. */
static void add_session(struct frame *f, json_t *users, json_t *octets, const json_t *session)
{
	const char *user = json_string_value(json_object_get(session, "user"));
	const char *id = json_string_value(json_object_get(session, "id"));
	uint64_t sent = list_count(session, "octets_out"), before;
	double more;
	json_t *sum;

	if (!user || !id)
		return;
	(void)json_object_set_new(octets, id, json_integer((json_int_t)sent));
	before = list_count(f->old_octets, id);
	more = sent > before ? (double)(sent - before) : 0;
	sum = json_object_get(users, user);
	(void)json_object_set_new(users, user,
		json_pack("[f,f]", json_number_value(json_array_get(sum, 0)) + 1,
			json_number_value(json_array_get(sum, 1)) + more));
}

static struct ranked *rank_users(json_t *users, size_t *n)
{
	struct ranked *rows = calloc(json_object_size(users) + 1, sizeof(*rows));
	const char *name;
	json_t *sum;

	*n = 0;
	if (!rows)
		return NULL;
	json_object_foreach (users, name, sum) {
		rows[*n].name = view_str(name);
		rows[*n].first = json_number_value(json_array_get(sum, 0));
		rows[*n].by = json_number_value(json_array_get(sum, 1));
		(*n)++;
	}
	qsort(rows, *n, sizeof(*rows), compare);
	return rows;
}

static void add_users(struct frame *f, json_t *users, unsigned busiest)
{
	size_t n;
	struct ranked *rows = rank_users(users, &n);
	struct buf cell;

	buf_init(&cell, 64);
	for (size_t i = 0; i < n && i < busiest; i++) {
		table_add(f->table, TONE_PLAIN, rows[i].name);
		table_printf(f->table, TONE_PLAIN, "%.0f", rows[i].first);
		buf_reset(&cell);
		if (seconds(f) > 0)
			rows[i].by /= seconds(f);
		units_add_octets(&cell, (uint64_t)rows[i].by);
		if (seconds(f) > 0)
			buf_add_str(&cell, "/s");
		table_add(f->table, TONE_PLAIN, buf_view(&cell));
	}
	buf_free(&cell);
	free(rows);
}

static bool draw_users(struct frame *f, unsigned busiest, struct buf *out)
{
	json_t *users = json_object(), *octets = json_object();
	const json_t *session;
	size_t i;

	json_array_foreach (json_object_get(f->sessions, "sessions"), i, session)
		add_session(f, users, octets, session);
	f->table = table_new(user_columns, ARRAY_LEN(user_columns), f->colours);
	if (f->table)
		add_users(f, users, busiest);
	json_decref(users);
	forget(&f->old_octets);
	f->old_octets = octets;
	if (!f->table)
		return false;
	buf_printf(out, "\nBusiest users%s\n",
		list_text(f->sessions, "next").len ? ", of the first 5000 sessions" : "");
	return flush(f, out);
}

int frame_take(struct frame *f, unsigned busiest, struct buf *out)
{
	int status;
	bool ok;

	f->now_ms = clock_ms();
	status = ask(f, "/v1/status", &f->status);
	if (status == CTL_OK)
		status = ask(f, SESSIONS, &f->sessions);
	if (status == CTL_OK) {
		(void)!ask(f, "/v1/modules", &f->modules);
		(void)!ask(f, "/v1/tls", &f->tls);
		draw_head(f, out);
		ok = draw_rates(f, out) && draw_operations(f, busiest, out) &&
			draw_users(f, busiest, out);
		forget(&f->old_status);
		f->old_status = json_incref(f->status);
		f->before_ms = f->now_ms;
		status = ok ? CTL_OK : CTL_FAILED;
	}
	forget_answers(f);
	return status;
}
