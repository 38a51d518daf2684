/* SPDX-License-Identifier: MIT */
#include "accounts.h"
#include <string.h>
#include "edit.h"
#include "rewrite.h"
#include "state.h"
#include "../secrets/make.h"

/* What a new password becomes, and what is edited. */
struct task {
	struct state *state;
	const struct popart_call *call;
	struct edit edit;
	char hash[MAKE_TEXT_MAX], scram[MAKE_TEXT_MAX];
};

static const struct popart_account_change nothing = { .size = sizeof(nothing) };

static int refused(const struct task *t, const char *why)
{
	return t->state->host->fail(t->state->inst, t->call, POPART_R_PERM, NULL, 0, "%s", why);
}

static int make_secrets(struct task *t, const struct popart_account_change *change)
{
	const char *why = NULL;
	int status = make_hash(change->scheme, change->password, t->hash, &why);

	if (status == POPART_R_PERM)
		return refused(t, why);
	if (status == POPART_OK)
		status = make_scram(change->password, t->scram);
	if (status != POPART_OK)
		return t->state->host->fail(t->state->inst, t->call, status, NULL, 0,
			"cannot make a hash of the password");
	t->edit.hash = (struct popart_str){ t->hash, strlen(t->hash) };
	t->edit.scram = (struct popart_str){ t->scram, strlen(t->scram) };
	return POPART_OK;
}

static int edit(void *ctx, struct popart_str text, char **out, size_t *len)
{
	struct task *t = ctx;
	int status;

	t->edit.why = NULL;
	status = edit_text(&t->edit, text, out, len);
	if (status == POPART_R_PERM)
		return refused(t, t->edit.why);
	if (status == POPART_OK && *len > REWRITE_FILE_MAX)
		return refused(t, "the file would be larger than 64 MiB");
	return status;
}

static int run(void *state, const struct popart_call *call, enum edit_what what,
	struct popart_str user, const struct popart_account_change *change)
{
	struct task t = { .state = state,
		.call = call,
		.edit = { .what = what, .user = user, .change = change } };
	const struct rewrite rewrite = { .ctx = &t, .edit = edit };
	int status = POPART_OK;

	if (change->what & POPART_ACCOUNT_PASSWORD)
		status = make_secrets(&t, change);
	if (status == POPART_OK)
		status = rewrite_file(
			t.state->host, t.state->inst, call, t.state->path, &rewrite);
	explicit_bzero(&t, sizeof(t));
	return status;
}

static int add(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *change)
{
	return run(state, call, EDIT_ADD, user, change);
}

static int change(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *change)
{
	return run(state, call, EDIT_CHANGE, user, change);
}

static int take_away(void *state, const struct popart_call *call, struct popart_str user)
{
	return run(state, call, EDIT_REMOVE, user, &nothing);
}

static int add_name(struct popart_account_reply *reply, const char *name)
{
	return name ? reply->add_scheme(reply, (struct popart_str){ name, strlen(name) })
		    : POPART_OK;
}

static int describe(const struct line *line, struct popart_account_reply *reply)
{
	struct popart_str field = line->secret, extra = line->extra, key, value;
	struct secret secret;
	const char *why;
	int status = POPART_OK;

	(void)secret_parse(field, &secret, &why);
	reply->enabled = secret.scheme != SCHEME_LOCKED;
	while (field.len && field.ptr[0] == '!') {
		field.ptr++;
		field.len--;
	}
	if (field.len && secret_parse(field, &secret, &why))
		status = add_name(reply, make_name(&secret));
	while (status == POPART_OK && line_next_extra(&extra, &key, &value)) {
		if (octets_equal(key, EDIT_SCRAM))
			status = add_name(reply, "SCRAM-SHA-256");
	}
	return status;
}

static int show(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_account_reply *reply)
{
	struct state *s = state;
	struct page *page = book_take(s->book, call);
	int status = POPART_R_NEXT;
	struct line line;
	uint32_t index;

	if (users_find(page->users, user, &index)) {
		users_line(page->users, index, &line);
		status = describe(&line, reply);
	}
	book_release(s->book, &page);
	return status;
}

const struct popart_account_ops accounts_ops = {
	.size = sizeof(accounts_ops),
	.add = add,
	.change = change,
	.remove = take_away,
	.show = show,
};
