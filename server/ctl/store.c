/* SPDX-License-Identifier: MIT */
/* store check: what the stores themselves can tell of what they keep. */
#include <errno.h>
#include <stdio.h>
#include "base/text.h"
#include "ctl/bar.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/names.h"
#include "ctl/stop.h"

#define SENTENCE_MAX 4096u

const struct ctl_option ctl_store_check_options[] = {
	{ "all", NULL, "everybody whom auth knows" },
	{ "storage", "INSTANCE", "there, instead of where auth says that the user's mail is" },
	{ NULL, NULL, NULL },
};

struct checking {
	struct popart_check pub; /* first member */
	struct ctl *ctl;
	struct popart_instance *store; /* NULL: the user's */
	const char *user;
	struct bar bar;
	json_t *users, *problems; /* with --json */
	uint64_t found;           /* problems of this user */
	uint64_t looked, bad;     /* users */
	enum ctl_exit worst;
};

static void problem(struct popart_check *pub, struct popart_str text)
{
	struct checking *k = (struct checking *)pub;
	struct buf line;

	k->found++;
	if (k->problems) {
		(void)json_array_append_new(k->problems, json_text(text));
		return;
	}
	bar_clear(&k->bar);
	buf_init(&line, 4 * SENTENCE_MAX);
	text_add_printable(&line, view_str(k->user), SENTENCE_MAX);
	buf_add_str(&line, ": ");
	text_add_printable(&line, text, SENTENCE_MAX);
	(void)printf("%s\n", buf_cstr(&line));
	buf_free(&line);
}

static void progress(struct popart_check *pub, uint64_t done, uint64_t total)
{
	struct checking *k = (struct checking *)pub;

	bar_draw(&k->bar, k->user, 0, 0, done, total);
}

static int look_over(struct checking *k, struct host_call *call)
{
	struct host_identity *who = NULL;
	int status = host_auth_lookup(call, view_str(k->user), &who);

	if (status == POPART_OK && k->store)
		status = host_identity_use(call, who, k->store);
	if (status == POPART_OK) {
		call->who = who;
		call->user = who->user;
		status = store_check(call, who, &k->pub);
		if (status == POPART_R_UNSUPPORTED && call->detail.len == 0)
			buf_printf(&call->detail, "the module of storage \"%s\" has no check",
				host_instance_name(who->store));
	}
	host_identity_free(&who);
	return status;
}

static void note_json(struct checking *k, const struct host_call *call, int status)
{
	json_t *user = json_pack("{s:o, s:b, s:O}", "user", json_text(view_str(k->user)),
		"sound", status == POPART_OK && k->found == 0, "problems", k->problems);

	if (user && status != POPART_OK)
		(void)json_object_set_new(user, "error",
			json_text(call->detail.len ? buf_view(&call->detail)
						   : view_str(host_status_name(status))));
	if (!user || json_array_append_new(k->users, user) != 0)
		k->worst = ctl_exit_worse(k->worst, ctl_fail(CTL_FAILED, "out of memory"));
	json_decref(k->problems);
	k->problems = NULL;
}

static void check_user(struct checking *k, const char *name)
{
	struct host_call call;
	struct buf about;
	int status;

	k->user = name;
	k->found = 0;
	k->problems = k->users ? json_array() : NULL;
	bar_begin(&k->bar, !k->ctl->json);
	buf_init(&about, SENTENCE_MAX);
	host_call_begin(&call, k->ctl->host, 0, 0, INT64_MAX);
	status = look_over(k, &call);
	bar_clear(&k->bar);
	if (status != POPART_OK) {
		buf_add_str(&about, "user ");
		text_quote(&about, view_str(name), 256);
		k->worst = ctl_exit_worse(
			k->worst, ctl_fail_call(&call, status, buf_cstr(&about)));
	} else if (k->found == 0 && !k->users) {
		text_add_printable(&about, view_str(name), 256);
		(void)printf("%s: sound\n", buf_cstr(&about));
	}
	if (k->found)
		k->worst = ctl_exit_worse(k->worst, CTL_NO);
	if (k->users)
		note_json(k, &call, status);
	k->looked++;
	k->bad += k->found || status != POPART_OK;
	host_call_end(&call);
	buf_free(&about);
}

static bool find_store(struct checking *k)
{
	const char *name = ctl_value(k->ctl, "storage");

	k->store = name ? host_storage_named(k->ctl->host, view_str(name)) : NULL;
	if (!name || k->store)
		return true;
	k->worst = ctl_fail(CTL_USAGE, "--storage: no storage is called \"%.64s\"", name);
	return false;
}

static void finish(const struct checking *k)
{
	if (k->users) {
		(void)json_dumpf(k->users, stdout, JSON_INDENT(2));
		(void)fputs("\n", stdout);
	} else if (k->looked > 1) {
		(void)printf("%ju users, %ju with problems\n", (uintmax_t)k->looked,
			(uintmax_t)k->bad);
	}
}

int ctl_store_check_run(struct ctl *c)
{
	struct checking k = {
		.pub = { .size = sizeof(k.pub), .problem = problem, .progress = progress },
		.ctl = c
	};
	struct stop *stop = stop_begin(&c->stopping);
	struct names names = { 0 };

	if (find_store(&k))
		k.worst = (enum ctl_exit)names_take(&names, c);
	if (k.worst == CTL_OK) {
		k.users = c->json ? json_array() : NULL;
		for (size_t i = 0; i < names.n && !atomic_load(&c->stopping); i++)
			check_user(&k, names.v[i]);
		finish(&k);
	}
	json_decref(k.users);
	names_free(&names);
	stop_end(&stop);
	return k.worst;
}
