/* SPDX-License-Identifier: MIT */
/* sessions and kick. */
#include <inttypes.h>
#include <stdlib.h>
#include "base/text.h"
#include "ctl/list.h"
#include "ctl/server.h"

#define PAGE       500u
#define TARGET_MAX 4096u
#define ID_LEN     16u
#define KICK_MAX   100000u

const struct ctl_option ctl_sessions_options[] = {
	{ "user", "NAME", "only those of this user" },
	{ "address", "ADDRESS", "only those from this address" },
	{ "state", "authorization|transaction|update", "only those in this state" },
	{ "limit", "N", "at most so many" },
	{ NULL, NULL, NULL },
};

const struct ctl_option ctl_kick_options[] = {
	{ "user", NULL, "each word is a user, whatever it looks like" },
	{ NULL, NULL, NULL },
};

static const struct list_column columns[] = {
	{ "SESSION", "id", LIST_TEXT, 0 },
	{ "USER", "user", LIST_TEXT, 32 },
	{ "ADDRESS", "address", LIST_TEXT, 0 },
	{ "STATE", "state", LIST_STATE, 0 },
	{ "AGE", "age_s", LIST_SPAN, 0 },
	{ "IDLE", "idle_s", LIST_SPAN, 0 },
	{ "SENT", "octets_out", LIST_OCTETS, 0 },
	{ "MESSAGES", "messages", LIST_COUNT, 0 },
	{ "RETRIEVED", "retrieved", LIST_COUNT, 0 },
	{ "TLS", "tls", LIST_TEXT, 0 },
	{ "WORKER", "worker", LIST_NUMBER, 0 },
};

/* The sessions that match, a page after the other: none is kept. */
struct pages {
	struct client *client;
	struct buf base; /* the target without limit and after */
	uint64_t left;   /* how many may come */
	uint64_t skipped;
};

static void pages_begin(struct pages *p, struct client *client)
{
	*p = (struct pages){ .client = client, .left = UINT64_MAX };
	buf_init(&p->base, TARGET_MAX);
	buf_add_str(&p->base, "/v1/sessions");
}

static void pages_end(struct pages *p)
{
	buf_free(&p->base);
}

/* Calls each for every page. An exit status. */
static int pages_walk(struct pages *p, int (*each)(void *, const json_t *sessions), void *ctx)
{
	struct buf target, after;
	int status = CTL_OK;
	bool more = true;

	buf_init(&target, TARGET_MAX);
	buf_init(&after, 256);
	while (status == CTL_OK && more && p->left > 0) {
		char limit[24];
		json_t *answer;
		(void)snprintf(
			limit, sizeof(limit), "%" PRIu64, p->left < PAGE ? p->left : PAGE);
		buf_reset(&target);
		buf_add(&target, buf_view(&p->base));
		client_add_query(p->client, &target, "limit", limit);
		if (after.len > 0)
			client_add_query(p->client, &target, "after", buf_cstr(&after));
		status = client_ask(p->client,
			&(struct client_request){ .target = buf_cstr(&target) }, &answer);
		if (status != CTL_OK)
			break;
		const json_t *sessions = json_object_get(answer, "sessions");
		p->left -= json_array_size(sessions) < p->left ? json_array_size(sessions)
							       : p->left;
		p->skipped += list_count(answer, "skipped");
		buf_reset(&after);
		buf_add(&after, list_text(answer, "next"));
		more = after.len > 0;
		status = each(ctx, sessions);
		json_decref(answer);
	}
	buf_free(&target);
	buf_free(&after);
	return status;
}

/* --- sessions ---------------------------------------------------------------------------- */

static int print_page(void *ctx, const json_t *sessions)
{
	struct list *list = ctx;

	list_add(list, sessions);
	return server_printed(list_print(list, stdout, NULL));
}

static int take_filters(struct ctl *c, struct pages *p)
{
	static const char *const filters[] = { "user", "address", "state" };
	const char *limit = ctl_value(c, "limit");

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		const char *value = ctl_value(c, filters[i]);
		if (value)
			client_add_query(p->client, &p->base, filters[i], value);
	}
	if (p->base.failed)
		return ctl_fail(CTL_USAGE, "sessions: the options are too long");
	if (limit && (!view_u64(view_str(limit), 1000000, &p->left) || p->left == 0))
		return ctl_fail(
			CTL_USAGE, "--limit: \"%.32s\" is no number from 1 to 1000000", limit);
	if (limit && c->json)
		client_add_query(p->client, &p->base, "limit", limit);
	return CTL_OK;
}

static int print_sessions(struct ctl *c, struct pages *p)
{
	struct list *list = list_new(columns, ARRAY_LEN(columns), table_colours(c->terminal));
	int status =
		list ? pages_walk(p, print_page, list) : ctl_fail(CTL_FAILED, "out of memory");

	if (status == CTL_OK)
		status = server_printed(list_print(list, stdout, "There is no such session."));
	if (status == CTL_OK && p->skipped)
		(void)printf("%" PRIu64 " more changed too fast to be read\n", p->skipped);
	list_free(&list);
	return status;
}

int ctl_sessions_run(struct ctl *c)
{
	struct client *client = client_new(c->socket);
	struct pages pages;
	int status;

	if (!client)
		return CTL_FAILED;
	pages_begin(&pages, client);
	status = take_filters(c, &pages);
	if (status == CTL_OK && c->json)
		status = client_pass(client,
			&(struct client_request){ .target = buf_cstr(&pages.base) }, stdout);
	else if (status == CTL_OK)
		status = print_sessions(c, &pages);
	pages_end(&pages);
	client_free(&client);
	return status;
}

/* --- kick -------------------------------------------------------------------------------- */

struct kicking {
	struct client *client;
	json_t *ids, *kicked;
};

static bool is_id(const char *word)
{
	return strlen(word) == ID_LEN && strspn(word, "0123456789abcdef") == ID_LEN;
}

/* gone: that it has ended by itself is as good. */
static int kick_one(struct kicking *k, const char *id, bool gone)
{
	char target[64];
	json_t *answer;
	int status;

	(void)snprintf(target, sizeof(target), "/v1/sessions/%.16s", id);
	status = client_ask(k->client,
		&(struct client_request){ .method = "DELETE", .target = target, .quiet = true },
		&answer);
	if (status == CTL_OK)
		(void)json_array_append_new(k->kicked, json_string(id));
	else if (client_status(k->client) != 404 || !gone)
		(void)ctl_fail((enum ctl_exit)status, "%.16s: %s", id, client_why(k->client));
	else
		status = CTL_OK;
	json_decref(answer);
	return status;
}

static int note_ids(void *ctx, const json_t *sessions)
{
	struct kicking *k = ctx;
	const json_t *session;
	size_t i;

	json_array_foreach (sessions, i, session) {
		struct popart_str id = list_text(session, "id");
		if (id.len == ID_LEN)
			(void)json_array_append_new(k->ids, json_stringn(id.ptr, id.len));
	}
	return json_array_size(k->ids) <= KICK_MAX
		? CTL_OK
		: ctl_fail(CTL_FAILED, "more than %u sessions", KICK_MAX);
}

/* All ids first: who is kicked must not move the pages. */
static int kick_user(struct kicking *k, const char *user)
{
	struct pages pages;
	const json_t *id;
	size_t i;
	int status;

	json_array_clear(k->ids);
	pages_begin(&pages, k->client);
	client_add_query(k->client, &pages.base, "user", user);
	status = pages_walk(&pages, note_ids, k);
	pages_end(&pages);
	if (status == CTL_OK && json_array_size(k->ids) == 0)
		status = ctl_fail(CTL_NO, "\"%.128s\" has no session", user);
	json_array_foreach (k->ids, i, id)
		if (status == CTL_OK)
			status = kick_one(k, json_string_value(id), true);
	return status;
}

static void print_kicked(struct ctl *c, const struct kicking *k)
{
	size_t n = json_array_size(k->kicked), i;
	const json_t *id;

	if (c->json) {
		json_t *answer = json_pack("{s:O}", "kicked", k->kicked);
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
		json_decref(answer);
		return;
	}
	json_array_foreach (k->kicked, i, id)
		(void)printf("%s: closed\n", json_string_value(id));
	if (n > 1)
		(void)printf(
			"%zu sessions closed; nothing that they marked as deleted is removed\n",
			n);
}

int ctl_kick_run(struct ctl *c)
{
	struct kicking k = {
		.client = client_new(c->socket), .ids = json_array(), .kicked = json_array()
	};
	bool users = ctl_value(c, "user") != NULL;
	int status = CTL_OK;

	for (size_t i = 0; k.client && i < c->noperands; i++) {
		const char *word = c->operands[i];
		int one =
			!users && is_id(word) ? kick_one(&k, word, false) : kick_user(&k, word);
		status = ctl_exit_worse((enum ctl_exit)status, (enum ctl_exit)one);
	}
	if (k.client)
		print_kicked(c, &k);
	else
		status = CTL_FAILED;
	json_decref(k.ids);
	json_decref(k.kicked);
	client_free(&k.client);
	return status;
}
