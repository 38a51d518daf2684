/* SPDX-License-Identifier: MIT */
/* user: accounts, in whatever auth module keeps them. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/password.h"
#include "ctl/table.h"
#include "ctl/units.h"
#include "host/ids.h"
#include "net/prep.h"

#define NAME_MAX_OCTETS 1024u
#define ATTRS_MAX       64u

#define INSTANCE_ROW                                                                  \
	{                                                                             \
		"instance", "NAME", "in this auth block, not where the user is found" \
	}
#define SCHEME_ROW                                                                 \
	{                                                                          \
		"scheme", "NAME", "how it is kept: yescrypt (default) or argon2id" \
	}
#define ATTR_ROW                                                                     \
	{                                                                            \
		"attr", "KEY=VALUE", "an attribute, such as home=/srv/anna; several" \
	}

const struct ctl_option ctl_user_options[] = { INSTANCE_ROW, { NULL, NULL, NULL } };
const struct ctl_option ctl_user_passwd_options[] = { INSTANCE_ROW, SCHEME_ROW,
	{ NULL, NULL, NULL } };
const struct ctl_option ctl_user_set_options[] = { INSTANCE_ROW, ATTR_ROW,
	{ NULL, NULL, NULL } };
const struct ctl_option ctl_user_add_options[] = { INSTANCE_ROW, SCHEME_ROW, ATTR_ROW,
	{ "disabled", NULL, "without a login yet: user enable" }, { NULL, NULL, NULL } };

struct doing {
	struct ctl *ctl;
	struct host_call call;
	struct popart_instance *inst; /* NULL: not chosen */
	struct buf name;              /* prepared as a login's is */
	struct buf about;             /* user "name" */
	struct popart_attr attrs[ATTRS_MAX];
	struct popart_account_change change;
	struct host_account account; /* of show */
};

/* --- the word and the options ------------------------------------------------------------ */

static int take_instance(struct doing *d)
{
	const char *name = ctl_value(d->ctl, "instance");

	if (!name)
		return CTL_OK;
	d->inst = host_auth_named(d->ctl->host, view_str(name));
	return d->inst
		? CTL_OK
		: ctl_fail(CTL_USAGE, "--instance: no auth block is called \"%.64s\"", name);
}

static int take_name(struct doing *d)
{
	struct popart_str word = view_str(d->ctl->operands[0]);

	buf_add_str(&d->about, "user ");
	text_quote(&d->about, word, 256);
	if (prep_credential(word, &d->name))
		return CTL_OK;
	return ctl_fail(CTL_USAGE,
		"%s: not a name that could log in: empty, not UTF-8, or with control "
		"characters",
		buf_cstr(&d->about));
}

static int take_attributes(struct doing *d)
{
	const char *word;
	size_t from = 0;

	while ((word = ctl_next(d->ctl, "attr", &from))) {
		struct popart_str value = view_str(word);
		bool whole = view_has(value, '=');
		struct popart_str key = view_cut(&value, '=');

		if (!whole || !key.len)
			return ctl_fail(CTL_USAGE,
				"--attr: \"%.64s\" is not like home=/srv/anna", word);
		d->attrs[d->change.nattrs++] = (struct popart_attr){ key, value };
		d->change.what |= POPART_ACCOUNT_ATTRS;
	}
	d->change.attrs = d->attrs;
	return CTL_OK;
}

/* --- running ----------------------------------------------------------------------------- */

typedef int operation(struct doing *);

/* First with the rights of the server's user, to whom what is made then belongs; what is
 * root's alone to write, as root. */
static int attempt(struct doing *d, operation *op)
{
	int status = op(d);

	if (status == POPART_OK || geteuid() != 0 ||
		(d->call.os_error != EACCES && d->call.os_error != EPERM))
		return status;
	ids_give_back();
	return op(d);
}

static int finish(struct doing *d, operation *op)
{
	int status = attempt(d, op);

	if (status == POPART_OK)
		return CTL_OK;
	return ctl_fail_call(&d->call, status, buf_cstr(&d->about));
}

static void begin(struct doing *d, struct ctl *c)
{
	*d = (struct doing){ .ctl = c, .change = { .size = sizeof(d->change) } };
	host_call_begin(&d->call, c->host, 0, 0, INT64_MAX);
	buf_init(&d->name, NAME_MAX_OCTETS);
	buf_init(&d->about, 4096);
}

static int end(struct doing *d, int status)
{
	host_call_end(&d->call);
	buf_free(&d->name);
	buf_free(&d->about);
	return status;
}

static int prepare(struct doing *d)
{
	int status = take_instance(d);

	if (status == CTL_OK)
		status = take_name(d);
	return status == CTL_OK ? take_attributes(d) : status;
}

/* For a person, what was done; a script reads the exit status, or JSON. */
static int say(struct doing *d, int status, const char *done)
{
	if (status != CTL_OK)
		return status;
	if (d->ctl->json)
		return json_print(
			json_pack("{s:o, s:s, s:s}", "user", json_text(buf_view(&d->name)),
				"done", done, "instance", host_instance_name(d->call.inst)));
	(void)printf(
		"%s: %s, in %s\n", buf_cstr(&d->about), done, host_instance_name(d->call.inst));
	return CTL_OK;
}

/* --- changes ----------------------------------------------------------------------------- */

static int change(struct doing *d)
{
	return host_account_change(&d->call, d->inst, buf_view(&d->name), &d->change);
}

static int add(struct doing *d)
{
	return host_account_add(&d->call, d->inst, buf_view(&d->name), &d->change);
}

static int take_away(struct doing *d)
{
	return host_account_remove(&d->call, d->inst, buf_view(&d->name));
}

static int with_password(struct doing *d, operation *op)
{
	const char *scheme = ctl_value(d->ctl, "scheme");
	struct buf password;
	int status;

	buf_init(&password, 4096);
	(void)buf_room(&password, 4096); /* so that it does not grow, and leave copies */
	status = password_take(&password);
	if (status == CTL_OK) {
		d->change.what |= POPART_ACCOUNT_PASSWORD;
		d->change.password = buf_view(&password);
		d->change.scheme = view_str(scheme ? scheme : "");
		status = finish(d, op);
	}
	buf_wipe(&password);
	return status;
}

/* An account behind one of the same name in another block would never be asked. */
static int look_for_others(struct doing *d)
{
	struct host_identity *who = NULL;
	int status = host_auth_lookup(&d->call, buf_view(&d->name), &who);

	host_identity_free(&who);
	if (status == POPART_R_DENIED)
		return CTL_OK;
	if (status == POPART_OK)
		return ctl_fail(CTL_NO, "%s: auth \"%s\" knows such a user already",
			buf_cstr(&d->about), host_instance_name(d->call.inst));
	return ctl_fail_call(&d->call, status, buf_cstr(&d->about));
}

int ctl_user_add_run(struct ctl *c)
{
	struct doing d;
	int status;

	begin(&d, c);
	status = prepare(&d);
	if (status == CTL_OK)
		status = look_for_others(&d);
	if (status == CTL_OK) {
		d.change.what |= POPART_ACCOUNT_ENABLED;
		d.change.enabled = ctl_value(c, "disabled") == NULL;
		status = with_password(&d, add);
	}
	return end(&d, say(&d, status, "added"));
}

static int show(struct doing *d)
{
	return host_account_show(&d->call, d->inst, buf_view(&d->name), &d->account);
}

/* Asked for a password in vain nobody should be. */
int ctl_user_passwd_run(struct ctl *c)
{
	struct doing d;
	int status;

	begin(&d, c);
	status = prepare(&d);
	if (status == CTL_OK)
		status = finish(&d, show);
	if (status == CTL_OK) {
		d.inst = d.account.inst;
		status = with_password(&d, change);
	}
	return end(&d,
		say(&d, status,
			d.account.enabled ? "has the new password"
					  : "has the new password, and is still disabled"));
}

static int run_change(struct ctl *c, uint32_t what, bool enabled, const char *done)
{
	struct doing d;
	int status;

	begin(&d, c);
	status = prepare(&d);
	d.change.what |= what;
	d.change.enabled = enabled;
	if (status == CTL_OK && !d.change.what)
		status = ctl_fail(CTL_USAGE,
			"user set: name attributes with --attr KEY=VALUE; "
			"an empty value takes one away");
	if (status == CTL_OK)
		status = finish(&d, change);
	return end(&d, say(&d, status, done));
}

int ctl_user_set_run(struct ctl *c)
{
	return run_change(c, 0, false, "changed");
}

int ctl_user_disable_run(struct ctl *c)
{
	return run_change(c, POPART_ACCOUNT_ENABLED, false, "disabled");
}

int ctl_user_enable_run(struct ctl *c)
{
	return run_change(c, POPART_ACCOUNT_ENABLED, true, "enabled");
}

int ctl_user_del_run(struct ctl *c)
{
	struct doing d;
	int status;

	begin(&d, c);
	status = prepare(&d);
	if (status == CTL_OK)
		status = finish(&d, take_away);
	return end(&d, say(&d, status, "removed"));
}

/* --- looking ----------------------------------------------------------------------------- */

static json_t *schemes_json(const struct host_account *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->nschemes; i++)
		(void)json_array_append_new(list, json_text(a->schemes[i]));
	return list;
}

static json_t *account_json(struct popart_str name, const struct host_account *a)
{
	return json_pack("{s:o, s:s, s:b, s:o, s:o}", "user", json_text(name), "instance",
		host_instance_name(a->inst), "enabled", a->enabled, "schemes", schemes_json(a),
		"last_login_s", a->last_login_s ? json_integer(a->last_login_s) : json_null());
}

static void add_schemes(struct buf *b, const struct host_account *a)
{
	for (size_t i = 0; i < a->nschemes; i++)
		buf_printf(b, "%s%.*s", i ? ", " : "", VIEW_FMT(a->schemes[i]));
	if (!a->nschemes)
		buf_add_str(b, "none");
}

static void add_last_login(struct buf *b, const struct host_account *a)
{
	if (a->last_login_s)
		units_add_time(b, a->last_login_s);
	else
		buf_add_str(b, "-");
}

static int show_json(struct doing *d, const struct host_identity *who)
{
	json_t *answer = account_json(buf_view(&d->name), &d->account);
	json_t *attrs = json_object();

	for (size_t i = 0; who && i < who->nattrs; i++) {
		struct buf key;

		buf_init(&key, 4096);
		text_add_printable(&key, who->attrs[i].key, 1024);
		(void)json_object_set_new(
			attrs, buf_cstr(&key), json_text(who->attrs[i].value));
		buf_free(&key);
	}
	if (json_object_set_new(answer, "attributes", attrs) != 0) {
		json_decref(answer);
		answer = NULL;
	}
	return json_print(answer);
}

static const struct table_column show_columns[] = { { .title = "" }, { .title = "" } };

static int show_table(struct doing *d, const struct host_identity *who)
{
	struct table *t = table_new(
		show_columns, ARRAY_LEN(show_columns), table_colours(d->ctl->terminal));
	struct buf cell;
	bool ok;

	if (!t)
		return ctl_fail(CTL_FAILED, "out of memory");
	buf_init(&cell, 4096);
	table_printf(t, TONE_DIM, "user");
	table_add(t, TONE_PLAIN, buf_view(&d->name));
	table_printf(t, TONE_DIM, "auth");
	table_printf(t, TONE_PLAIN, "%s", host_instance_name(d->account.inst));
	table_printf(t, TONE_DIM, "enabled");
	table_printf(t, d->account.enabled ? TONE_GOOD : TONE_BAD, "%s",
		d->account.enabled ? "yes" : "no");
	add_schemes(&cell, &d->account);
	table_printf(t, TONE_DIM, "password kept as");
	table_add(t, TONE_PLAIN, buf_view(&cell));
	buf_reset(&cell);
	add_last_login(&cell, &d->account);
	table_printf(t, TONE_DIM, "last login");
	table_add(t, TONE_PLAIN, buf_view(&cell));
	for (size_t i = 0; who && i < who->nattrs; i++) {
		table_add(t, TONE_DIM, who->attrs[i].key);
		table_add(t, TONE_PLAIN, who->attrs[i].value);
	}
	ok = table_print(t, stdout);
	table_free(&t);
	buf_free(&cell);
	return ok ? CTL_OK : ctl_fail(CTL_FAILED, "cannot write to standard output");
}

int ctl_user_show_run(struct ctl *c)
{
	struct host_identity *who = NULL;
	struct doing d;
	int status;

	begin(&d, c);
	status = prepare(&d);
	if (status == CTL_OK)
		status = finish(&d, show);
	if (status == CTL_OK && host_auth_lookup(&d.call, buf_view(&d.name), &who) != POPART_OK)
		who = NULL;
	if (status == CTL_OK)
		status = c->json ? show_json(&d, who) : show_table(&d, who);
	host_identity_free(&who);
	return end(&d, status);
}

/* --- the list ---------------------------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ .title = "USER" },
	{ .title = "AUTH" },
	{ .title = "ENABLED" },
	{ .title = "PASSWORD" },
	{ .title = "LAST LOGIN" },
};

struct listing {
	struct ctl *ctl;
	struct popart_instance *inst; /* whose users are coming */
	struct table *table;          /* NULL: JSON */
	json_t *users;
	bool failed;
};

static void add_row(struct listing *l, struct popart_str user, const struct host_account *a)
{
	struct buf cell;

	buf_init(&cell, 1024);
	table_add(l->table, TONE_PLAIN, user);
	table_printf(l->table, TONE_PLAIN, "%s", host_instance_name(a->inst));
	table_printf(
		l->table, a->enabled ? TONE_PLAIN : TONE_BAD, "%s", a->enabled ? "yes" : "no");
	add_schemes(&cell, a);
	table_add(l->table, TONE_PLAIN, buf_view(&cell));
	buf_reset(&cell);
	add_last_login(&cell, a);
	table_add(l->table, TONE_PLAIN, buf_view(&cell));
	buf_free(&cell);
	if (table_rows(l->table) == 512)
		l->failed = !table_print(l->table, stdout);
}

/* A call of its own: the one that lists is under way. */
static int list_user(void *ctx, struct popart_str user)
{
	struct listing *l = ctx;
	struct host_account account;
	struct host_call call;

	host_call_begin(&call, l->ctl->host, 0, 0, INT64_MAX);
	if (host_account_show(&call, l->inst, user, &account) != POPART_OK)
		account = (struct host_account){ .inst = l->inst, .enabled = true };
	if (l->table)
		add_row(l, user, &account);
	else
		l->failed = json_array_append_new(l->users, account_json(user, &account)) != 0;
	host_call_end(&call);
	return l->failed;
}

static int list_instance(struct listing *l)
{
	struct host_call call;
	int status, answer = CTL_OK;

	host_call_begin(&call, l->ctl->host, 0, 0, INT64_MAX);
	status = host_account_iterate(&call, l->inst, l, list_user);
	if (status != POPART_OK)
		answer = ctl_fail_call(&call, status, "user list");
	host_call_end(&call);
	return answer;
}

static int list_all(struct listing *l, struct popart_instance *only)
{
	int status = CTL_OK;

	for (l->inst = only ? only : host_auth_next(l->ctl->host, NULL); l->inst;
		l->inst = only ? NULL : host_auth_next(l->ctl->host, l->inst))
		status = (int)ctl_exit_worse(
			(enum ctl_exit)status, (enum ctl_exit)list_instance(l));
	return status;
}

int ctl_user_list_run(struct ctl *c)
{
	struct listing l = { .ctl = c };
	struct doing d;
	int status;

	begin(&d, c);
	status = take_instance(&d);
	l.users = c->json ? json_array() : NULL;
	l.table = c->json
		? NULL
		: table_new(list_columns, ARRAY_LEN(list_columns), table_colours(c->terminal));
	if (status == CTL_OK && !l.users && !l.table)
		status = ctl_fail(CTL_FAILED, "out of memory");
	if (status == CTL_OK)
		status = list_all(&l, d.inst);
	if (l.table && !table_print(l.table, stdout))
		l.failed = true;
	if (l.users && json_print(json_incref(l.users)) != CTL_OK)
		l.failed = true;
	json_decref(l.users);
	table_free(&l.table);
	if (l.failed && status == CTL_OK)
		status = ctl_fail(CTL_FAILED, "cannot write to standard output");
	return end(&d, status);
}
