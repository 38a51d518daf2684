/* SPDX-License-Identifier: MIT */
/* why: what would become of a login, without the password. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "conf/address.h"
#include "ctl/json.h"
#include "ctl/list.h"
#include "ctl/server.h"
#include "ctl/units.h"
#include "host/ids.h"
#include "ipc/lock.h"
#include "ipc/quarantine.h"
#include "net/prep.h"

#define TEXT_MAX 8192u
#define QUIET_S  5u

const struct ctl_option ctl_why_options[] = {
	{ "from", "ADDRESS", "whether from there" },
	{ NULL, NULL, NULL },
};

/* What has been found out so far: facts for people and for scripts, and the first reason that
 * there is against a login. */
struct why {
	struct ctl *ctl;
	struct client *client; /* NULL: there is no server to ask */
	struct host_call call;
	struct host_identity *who; /* NULL: nobody */
	struct host_account account;
	const char *from; /* NULL: from anywhere */
	struct sockaddr_storage from_addr;
	struct buf name, text, obstacle; /* text: of one fact */
	struct table *table;
	json_t *answer;
};

static const struct table_column columns[] = { { "", false, 0 }, { "", false, 0 } };

/* Takes w->text as the fact. key NULL: not for scripts. */
static void fact(struct why *w, const char *title, const char *key, enum tone tone)
{
	table_add(w->table, TONE_DIM, view_str(title));
	table_add(w->table, tone, buf_view(&w->text));
	if (key)
		(void)json_object_set_new(w->answer, key, json_text(buf_view(&w->text)));
	buf_reset(&w->text);
}

/* The first one counts. */
static void against(struct why *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void against(struct why *w, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (w->obstacle.len > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add_str(&w->obstacle, text);
}

/* Why the last call of a module failed. */
static const char *call_why(struct why *w, int status)
{
	if (w->call.detail.len > 0)
		return buf_cstr(&w->call.detail);
	return w->call.client.len > 0 ? buf_cstr(&w->call.client) : host_status_name(status);
}

static json_t *ask(struct why *w, const char *target)
{
	json_t *answer = NULL;

	if (w->client)
		(void)!client_ask(w->client,
			&(struct client_request){
				.target = target, .patience_s = QUIET_S, .quiet = true },
			&answer);
	return answer;
}

/* --- the account ------------------------------------------------------------------------- */

/* What root alone may read, root is asked for again. */
static bool again_as_root(const struct why *w, int status)
{
	if (status == POPART_OK || geteuid() != 0 ||
		(w->call.os_error != EACCES && w->call.os_error != EPERM))
		return false;
	ids_give_back();
	return true;
}

static void look_up(struct why *w)
{
	int status = host_auth_lookup(&w->call, buf_view(&w->name), &w->who);

	if (again_as_root(w, status))
		status = host_auth_lookup(&w->call, buf_view(&w->name), &w->who);
	if (w->call.inst && status != POPART_R_DENIED) {
		buf_printf(&w->text, "%s, module %s", host_instance_name(w->call.inst),
			host_instance_module(w->call.inst));
		fact(w, "auth", "auth", TONE_PLAIN);
	}
	if (status == POPART_OK)
		return;
	if (status == POPART_R_DENIED || status == POPART_R_NEXT)
		against(w, "%s",
			w->call.detail.len ? buf_cstr(&w->call.detail)
					   : "no auth module knows this user");
	else if (status == POPART_R_TEMP)
		against(w, "it cannot be told now: %s", call_why(w, status));
	else
		against(w, "auth fails: %s", call_why(w, status));
}

static void add_schemes(struct why *w)
{
	for (size_t i = 0; i < w->account.nschemes; i++) {
		buf_add_str(&w->text, i ? ", " : "");
		buf_add(&w->text, w->account.schemes[i]);
	}
	if (w->account.nschemes)
		fact(w, "password kept as", "schemes", TONE_PLAIN);
}

/* Seconds to wait still, if the server keeps clients apart. */
static int64_t delay_left(const struct why *w)
{
	int64_t delay = w->ctl->conf->login_delay_s;
	int64_t since = clock_unix_ms() / 1000 - w->account.last_login_s;

	return w->account.last_login_s && since >= 0 && since < delay ? delay - since : 0;
}

static void show_account(struct why *w)
{
	int status = host_account_show(&w->call, NULL, buf_view(&w->name), &w->account);

	if (again_as_root(w, status))
		status = host_account_show(&w->call, NULL, buf_view(&w->name), &w->account);
	if (status != POPART_OK) {
		/* Its module cannot tell, which is no reason against a login. */
		w->account = (struct host_account){ .enabled = true };
		return;
	}
	buf_add_str(&w->text, w->account.enabled ? "yes" : "no");
	fact(w, "enabled", "enabled", w->account.enabled ? TONE_GOOD : TONE_BAD);
	if (!w->account.enabled)
		against(w, "the account is disabled; popartctl user enable makes it usable");
	add_schemes(w);
	if (w->account.last_login_s) {
		units_add_time(&w->text, w->account.last_login_s);
		fact(w, "last login", "last_login", TONE_PLAIN);
	}
	if (delay_left(w))
		against(w, "login_delay keeps the next login off for %" PRId64 " seconds",
			delay_left(w));
}

/* --- the mail ---------------------------------------------------------------------------- */

static void note_path(void *ctx, const char *option, struct popart_str path)
{
	struct why *w = ctx;
	struct stat st;
	char title[80];
	bool there = true;
	enum tone tone = TONE_PLAIN;

	(void)snprintf(title, sizeof(title), "storage %.64s", option);
	buf_add(&w->text, path);
	there = stat(buf_cstr(&w->text), &st) == 0;
	if (!there && errno == ENOENT) {
		buf_add_str(&w->text, " (is not there yet)");
		tone = TONE_WARN;
	} else if (!there) {
		buf_printf(&w->text, " (%s)", strerror(errno));
		tone = TONE_WARN;
	}
	fact(w, title, strcmp(option, "path") == 0 ? "path" : NULL, tone);
}

static void show_store(struct why *w)
{
	int status;

	if (!w->who->store) {
		against(w, "no storage is configured for this user");
		return;
	}
	buf_printf(&w->text, "%s, module %s%s", host_instance_name(w->who->store),
		host_instance_module(w->who->store),
		host_identity_attr(w->who, "storage")     ? ", as auth says"
			: host_has_domains(w->who->store) ? ", which has the domain"
							  : "");
	fact(w, "storage", "storage", TONE_PLAIN);
	status = store_each_path(&w->call, w->who, note_path, w);
	if (status != POPART_OK)
		against(w, "storage \"%s\" has no place for this user: %s",
			host_instance_name(w->who->store), call_why(w, status));
}

/* The row of the list in which key has that number in hexadecimal digits; NULL: none. */
static json_t *find_row(
	const json_t *answer, const char *list, const char *key, uint64_t number)
{
	json_t *row;
	char text[24];
	size_t i;

	(void)snprintf(text, sizeof(text), "%016" PRIx64, number);
	json_array_foreach (json_object_get(answer, list), i, row)
		if (view_eq(list_text(row, key), view_str(text)))
			return row;
	return NULL;
}

static void held_by_session(struct why *w, json_t *lock)
{
	struct buf span;

	buf_init(&span, 64);
	buf_add_str(&w->text, "held by session ");
	buf_add(&w->text, list_text(lock, "session"));
	buf_add_str(&w->text, " from ");
	buf_add(&w->text, list_text(lock, "address"));
	buf_add_str(&w->text, " for ");
	units_add_seconds(&w->text, list_count(lock, "held_s"));
	buf_add_str(&w->text, ", idle for ");
	units_add_seconds(&span, list_count(lock, "idle_s"));
	buf_add(&w->text, buf_view(&span));
	against(w,
		"the maildrop is in use by session %.*s, idle for %s; popartctl kick ends it",
		VIEW_FMT(list_text(lock, "session")), buf_cstr(&span));
	fact(w, "lock", "lock", TONE_BAD);
	(void)json_object_set_new(w->answer, "holder", json_copy(lock));
	buf_free(&span);
}

/* Tries it: tools hold it too, and servers that do not answer. */
static void try_lock(struct why *w, uint64_t key)
{
	char holder[LOCKS_HOLDER_MAX] = "";
	struct locks *locks;
	struct buf dir;
	int error;

	buf_init(&dir, 4096);
	buf_printf(&dir, "%s/locks", w->ctl->conf->run_dir);
	locks = access(buf_cstr(&dir), F_OK) == 0 ? locks_new(buf_cstr(&dir), 2) : NULL;
	error = locks ? locks_take(locks, key, -1) : errno;
	if (error == EAGAIN) {
		bool known = locks_holder(locks, key, holder);
		buf_printf(&w->text, "held by %s", known ? holder : "another program");
		against(w, "the maildrop is in use by %s", known ? holder : "another program");
		fact(w, "lock", "lock", TONE_BAD);
	} else if (error == 0) {
		locks_drop(locks, key);
		buf_add_str(&w->text, "free");
		fact(w, "lock", "lock", TONE_GOOD);
	} else {
		buf_printf(&w->text, "not known: %s: %s", buf_cstr(&dir), strerror(error));
		fact(w, "lock", "lock", TONE_WARN);
	}
	locks_free(&locks);
	buf_free(&dir);
}

static void show_lock(struct why *w)
{
	uint64_t key;
	int status = store_lock_key(&w->call, w->who, &key);
	json_t *locks, *held;

	if (status != POPART_OK) {
		against(w, "storage \"%s\" does not know this user's mail: %s",
			host_instance_name(w->who->store), call_why(w, status));
		return;
	}
	locks = ask(w, "/v1/locks");
	held = find_row(locks, "locks", "lock", key);
	if (held)
		held_by_session(w, held);
	else
		try_lock(w, key);
	json_decref(locks);
}

/* --- what workers died of --------------------------------------------------------------- */

/* Whether the modules are better not asked: it would be us who die. key: of the name that
 * somebody logs in by, or of the user in the store. */
static bool is_quarantined(struct why *w, uint64_t key)
{
	json_t *answer = ask(w, "/v1/quarantine");
	json_t *row = key ? find_row(answer, "quarantined", "key", key) : NULL;
	bool is = row != NULL;
	struct buf span;

	if (row) {
		buf_init(&span, 64);
		units_add_seconds(&span, list_count(row, "left_s"));
		buf_printf(&w->text, "for %s more: workers died in %.*s", buf_cstr(&span),
			VIEW_FMT(list_text(row, "call")));
		against(w,
			"workers died of this user, in %.*s; it is refused for %s more, or "
			"until popartctl release",
			VIEW_FMT(list_text(row, "call")), buf_cstr(&span));
		fact(w, "quarantine", "quarantine", TONE_BAD);
		buf_free(&span);
	}
	json_decref(answer);
	return is;
}

static bool is_kept_from_store(struct why *w)
{
	return is_quarantined(
		w, quarantine_key(host_instance_name(w->who->store), w->who->user));
}

/* --- the server and the way to it -------------------------------------------------------- */

static void show_server(struct why *w)
{
	json_t *status = ask(w, "/v1/status"), *ready = ask(w, "/readyz");
	uint64_t sessions = list_count(status, "sessions"),
		 max = list_count(status, "sessions_max");

	if (status) {
		buf_printf(&w->text,
			"generation %" PRIu64 " serves, %" PRIu64 " of %" PRIu64 " connections",
			list_count(status, "generation"), sessions, max);
		fact(w, "server", "server", TONE_PLAIN);
		if (list_true(status, "stopping"))
			against(w, "the server is stopping");
		else if (!ready)
			against(w, "no worker of the server takes connections");
		else if (max && sessions >= max)
			against(w, "all %" PRIu64 " connections are taken (max_connections)",
				max);
	} else if (w->client) {
		buf_add_str(&w->text, client_why(w->client));
		fact(w, "server", "server", TONE_WARN);
		if (client_status(w->client) == 0)
			against(w, "%s", client_why(w->client));
	} else {
		buf_add_str(&w->text, "not asked: it has no group admin, and so no socket");
		fact(w, "server", "server", TONE_DIM);
	}
	json_decref(status);
	json_decref(ready);
}

/* Whether a password is taken there from that address. */
static bool takes_password(const struct conf_listener *l, bool from_loopback)
{
	if (address_is_loopback(&l->addr) && !from_loopback)
		return false;
	return l->tls || l->plaintext_auth || from_loopback;
}

static void show_way(struct why *w)
{
	const struct conf *conf = w->ctl->conf;
	bool loopback = w->from && address_is_loopback(&w->from_addr);
	size_t n = 0;

	for (size_t i = 0; i < conf->nlisten; i++) {
		const struct conf_listener *l = &conf->listen[i];
		if (w->from && !takes_password(l, loopback))
			continue;
		buf_printf(&w->text, "%s%s %s", n++ ? ", " : "", l->text,
			l->tls                      ? "with TLS"
				: l->plaintext_auth ? "without TLS"
						    : "without TLS, from here");
	}
	if (n == 0) {
		buf_add_str(&w->text, "none");
		against(w,
			"no listener takes a password from %s: each is for this machine "
			"alone, or without TLS",
			w->from);
	}
	fact(w, "listeners", "listeners", n ? TONE_PLAIN : TONE_BAD);
}

static void show_address(struct why *w)
{
	unsigned max = w->ctl->conf->max_connections_per_address;
	bool exempt = address_is_loopback(&w->from_addr);
	struct buf target;
	json_t *sessions;
	size_t n;

	if (!w->client || !max || exempt)
		return;
	buf_init(&target, 512);
	buf_add_str(&target, "/v1/sessions");
	client_add_query(w->client, &target, "address", w->from);
	sessions = ask(w, buf_cstr(&target));
	n = json_array_size(json_object_get(sessions, "sessions"));
	buf_printf(&w->text, "%zu of %u connections from %s", n, max, w->from);
	if (sessions)
		fact(w, "address", "address", n >= max ? TONE_BAD : TONE_PLAIN);
	buf_reset(&w->text);
	if (n >= max)
		against(w,
			"%s has all the connections that one address may have "
			"(max_connections_per_address)",
			w->from);
	json_decref(sessions);
	buf_free(&target);
}

static void show_limits(struct why *w)
{
	const struct conf *conf = w->ctl->conf;

	buf_add_str(&w->text, "login_delay ");
	if (conf->login_delay_s)
		text_add_duration(&w->text, (int64_t)conf->login_delay_s * 1000);
	else
		buf_add_str(&w->text, "none");
	buf_add_str(&w->text, ", connections of an address ");
	if (conf->max_connections_per_address)
		buf_printf(&w->text, "%u", conf->max_connections_per_address);
	else
		buf_add_str(&w->text, "any number");
	fact(w, "limits", "limits", TONE_PLAIN);
}

/* --- the answer -------------------------------------------------------------------------- */

static int conclude(struct why *w)
{
	bool yes = w->obstacle.len == 0, colours = table_colours(w->ctl->terminal), ok;
	struct buf out;

	(void)table_add_cut(&w->text, buf_view(&w->name), 128);
	buf_add_str(&w->text, yes ? " can log in" : " cannot log in");
	if (w->from)
		buf_printf(&w->text, " from %s", w->from);
	if (yes)
		buf_add_str(&w->text, ", with the right password");
	else
		buf_printf(&w->text, ": %s", buf_cstr(&w->obstacle));
	(void)json_object_set_new(w->answer, "can_log_in", json_boolean(yes));
	(void)json_object_set_new(w->answer, "answer", json_text(buf_view(&w->text)));
	buf_init(&out, 65536);
	if (w->ctl->json) {
		if (json_print(json_incref(w->answer)) != CTL_OK)
			yes = false;
	} else {
		ok = table_flush(w->table, &out);
		buf_add_char(&out, '\n');
		struct buf line;
		buf_init(&line, TEXT_MAX);
		(void)table_add_cut(&line, buf_view(&w->text), UINT32_MAX);
		table_tone(&out, colours, yes ? TONE_GOOD : TONE_BAD, buf_view(&line));
		buf_free(&line);
		buf_add_char(&out, '\n');
		ok = ok && !out.failed && fwrite(out.ptr, 1, out.len, stdout) == out.len;
		if (!ok)
			yes = server_printed(false) == CTL_OK;
	}
	buf_free(&out);
	return yes ? CTL_OK : CTL_NO;
}

static int take_words(struct why *w)
{
	struct popart_str word = view_str(w->ctl->operands[0]);
	socklen_t len;
	char text[80];

	if (!prep_credential(word, &w->name))
		return ctl_fail(CTL_USAGE,
			"why: this is no name that could log in: empty, not UTF-8, or with "
			"control characters");
	w->from = ctl_value(w->ctl, "from");
	if (!w->from)
		return CTL_OK;
	(void)snprintf(
		text, sizeof(text), strchr(w->from, ':') ? "[%.64s]:1" : "%.64s:1", w->from);
	return w->from[0] != '*' && address_parse(view_str(text), &w->from_addr, &len)
		? CTL_OK
		: ctl_fail(CTL_USAGE, "--from: \"%.64s\" is no IP address", w->from);
}

static void find_out(struct why *w)
{
	if (!is_quarantined(w, quarantine_key(NULL, buf_view(&w->name))))
		look_up(w);
	if (w->who) {
		show_account(w);
		show_store(w);
		if (w->who->store && !is_kept_from_store(w))
			show_lock(w);
	}
	show_limits(w);
	show_way(w);
	show_server(w);
	if (w->from)
		show_address(w);
}

int ctl_why_run(struct ctl *c)
{
	const char *socket = c->socket ? c->socket : c->conf->admin_socket;
	struct why w = { .ctl = c, .answer = json_object() };
	int status;

	buf_init(&w.name, 1024);
	buf_init(&w.text, TEXT_MAX);
	buf_init(&w.obstacle, TEXT_MAX);
	host_call_begin(&w.call, c->host, 0, 0, INT64_MAX);
	w.table = table_new(columns, 2, table_colours(c->terminal));
	status = w.table && w.answer ? take_words(&w) : ctl_fail(CTL_FAILED, "out of memory");
	if (status == CTL_OK) {
		(void)json_object_set_new(w.answer, "user", json_text(buf_view(&w.name)));
		w.client = socket ? client_new(socket) : NULL;
		find_out(&w);
		status = conclude(&w);
	}
	client_free(&w.client);
	host_identity_free(&w.who);
	host_call_end(&w.call);
	table_free(&w.table);
	json_decref(w.answer);
	buf_free(&w.name);
	buf_free(&w.text);
	buf_free(&w.obstacle);
	return status;
}
