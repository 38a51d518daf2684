/* SPDX-License-Identifier: MIT */
#include <popart/module.h>
#include <stdlib.h>
#include <string.h>

/*
 * A module that was built long ago: nothing but the headers of 1.0 (tests/abi/1.0) goes into
 * frozen.so, and it has to work in every later server. newer.so is the same, built with
 * headers that have grown, and has to work in this server. Mail and accounts are in memory.
 */
#ifndef MODULE_NAME
#define MODULE_NAME frozen
#endif

#define MESSAGES 8
#define TEXT(s)                                              \
	(struct popart_str)                                  \
	{                                                    \
		.ptr = (s), .len = sizeof("" s) - sizeof("") \
	}

struct message {
	char *text; /* NULL: removed, or never there */
	size_t len;
};

struct state {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	struct message mail[MESSAGES];
	size_t delivered;
	uint32_t disabled;
};

struct delivery {
	struct state *state;
	struct message message;
};

struct reading {
	const struct message *message;
	size_t at;
};

static const char *const moods[] = { "calm", "cross", NULL };

static const struct popart_opt options[] = {
	{ .name = "word",
		.type = POPART_OPT_STRING,
		.flags = POPART_OPT_REQUIRED | POPART_OPT_SECRET,
		.help = "Everybody's password." },
	{ .name = "most",
		.type = POPART_OPT_INT,
		.min = 1,
		.max = MESSAGES,
		.fallback = "8",
		.help = "How many messages there may be." },
	{ .name = "place",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_TEMPLATE,
		.fallback = "/srv/%d/%n",
		.help = "Expanded, and told as the attribute place." },
	{ .name = "mood",
		.type = POPART_OPT_ENUM,
		.choices = moods,
		.fallback = "calm",
		.help = "Nothing." },
	{ .name = NULL },
};

static const struct popart_stat stats[] = {
	{ .name = "opened", .kind = POPART_STAT_COUNTER, .help = "Maildrops." },
	{ .name = "open-now", .kind = POPART_STAT_GAUGE, .help = "Maildrops." },
	{ .name = NULL },
};

static int equal(struct popart_str a, struct popart_str b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static int say_who(struct state *s, const struct popart_call *call, struct popart_str name,
	struct popart_auth_reply *reply)
{
	const struct popart_user user = { .size = sizeof(user), .name = name };
	struct popart_str place;
	int status;

	if (!equal(name, TEXT("alice@example.org")))
		return POPART_R_NEXT;
	status = s->host->expand(s->inst, call, s->conf, "place", &user, &place);
	if (status == POPART_OK)
		status = reply->set_attr(reply, TEXT("place"), place);
	return status == POPART_OK ? reply->set_user(reply, name) : status;
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct state *s = state;

	if (s->disabled || !equal(password, s->host->conf_str(s->conf, "word")))
		return s->host->fail(s->inst, call, POPART_R_DENIED, NULL, 0, "wrong word");
	return say_who(s, call, login->user, reply);
}

static int fetch_secret(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	struct state *s = state;
	int status = say_who(s, call, login->user, reply);

	if (status != POPART_OK)
		return status;
	return reply->add_secret(
		reply, TEXT("plain"), s->host->conf_str(s->conf, "word"), TEXT(""), 0);
}

static int lookup(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_auth_reply *reply)
{
	return say_who(state, call, user, reply);
}

static int iterate(void *state, const struct popart_call *call, void *ctx,
	int (*each)(void *ctx, struct popart_str user))
{
	struct state *s = state;

	if (s->host->stop_asked(call))
		return POPART_E_CANCELLED;
	(void)each(ctx, TEXT("alice@example.org"));
	return POPART_OK;
}

static int add(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *change)
{
	struct state *s = state;

	(void)change;
	return s->host->fail(s->inst, call, POPART_R_PERM, "no more users", 0,
		"no room for %.*s", (int)user.len, user.ptr);
}

static int change(void *state, const struct popart_call *call, struct popart_str user,
	const struct popart_account_change *what)
{
	struct state *s = state;

	(void)call;
	(void)user;
	if (what->what & POPART_ACCOUNT_ENABLED)
		s->disabled = !what->enabled;
	return POPART_OK;
}

static int take_away(void *state, const struct popart_call *call, struct popart_str user)
{
	(void)state;
	(void)call;
	(void)user;
	return POPART_R_NEXT;
}

static int show(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_account_reply *reply)
{
	const struct state *s = state;

	(void)call;
	(void)user;
	reply->enabled = !s->disabled;
	reply->last_login_s = 1000000000;
	return reply->add_scheme(reply, TEXT("plain"));
}

static int maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	(void)state;
	(void)call;
	*len = user->name.len < 64 ? user->name.len : 64;
	memcpy(id, user->name.ptr, *len);
	return POPART_OK;
}

static int open_drop(void *state, const struct popart_call *call,
	const struct popart_user *user, void **drop)
{
	struct state *s = state;

	if (user->nattrs != 1 || !equal(user->attrs[0].value, TEXT("/srv/example.org/alice")))
		return POPART_E_BUG;
	s->host->stat_add(s->inst, call, 0, 1);
	s->host->stat_add(s->inst, call, 1, 1);
	*drop = s;
	return POPART_OK;
}

/* The texts have CRLF at all line ends. */
static int list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	static const char uids[MESSAGES][4] = { "a0", "a1", "a2", "a3", "a4", "a5", "a6",
		"a7" };
	const struct state *s = drop;
	struct popart_msg found[MESSAGES];
	size_t n = 0;

	(void)call;
	memset(found, 0, sizeof(found));
	for (size_t i = 0; i < MESSAGES; i++) {
		if (!s->mail[i].text)
			continue;
		found[n].ref = i;
		found[n].wire_size = s->mail[i].len;
		found[n].uid = (struct popart_str){ uids[i], 2 };
		n++;
	}
	return sink->add(sink, found, n, sizeof(found[0]));
}

static int64_t read_on(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	struct reading *r = src->ctx;
	size_t n = r->message->len - r->at;

	(void)call;
	n = n < cap ? n : cap;
	memcpy(buf, r->message->text + r->at, n);
	r->at += n;
	return (int64_t)n;
}

static void release(struct popart_source *src)
{
	free(src->ctx);
}

/* One kind of source after the other. */
static int message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct state *s = drop;
	struct reading *r;

	(void)call;
	src->form = POPART_FORM_CRLF | POPART_FORM_ENDS_LINE;
	src->length = s->mail[ref].len;
#ifdef NEWER
	if (POPART_HAS(src, later))
		src->later = 77;
#endif
	if (ref % 2 == 0) {
		src->kind = POPART_SRC_MEM;
		src->mem = s->mail[ref].text;
		return POPART_OK;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return POPART_E_NOMEM;
	r->message = &s->mail[ref];
	src->kind = POPART_SRC_READ;
	src->read = read_on;
	src->release = release;
	src->ctx = r;
	return POPART_OK;
}

static int commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct state *s = drop;

	if (call->deadline_ms != INT64_MAX)
		return POPART_E_BUG;
	for (size_t i = 0; i < n; i++) {
		free(s->mail[refs[i]].text);
		s->mail[refs[i]].text = NULL;
	}
	*removed = n;
	return POPART_OK;
}

static void close_drop(void *drop, const struct popart_call *call)
{
	struct state *s = drop;

	s->host->stat_add(s->inst, call, 1, -1);
}

static int renew(void *drop, const struct popart_call *call)
{
	(void)drop;
	(void)call;
	return POPART_OK;
}

static int deliver_begin(void *state, const struct popart_call *call,
	const struct popart_user *user, const struct popart_delivery *about, void **dlv)
{
	struct state *s = state;
	struct delivery *d;

	(void)user;
	if (about->uid.len)
		return POPART_R_UNSUPPORTED;
	if (s->delivered >= (size_t)s->host->conf_int(s->conf, "most"))
		return s->host->fail(
			s->inst, call, POPART_R_OVER_QUOTA, "too many", 0, "too many");
	d = calloc(1, sizeof(*d));
	if (!d)
		return POPART_E_NOMEM;
	d->state = s;
	*dlv = d;
	return POPART_OK;
}

static int deliver_write(
	void *dlv, const struct popart_call *call, const void *octets, size_t n)
{
	struct delivery *d = dlv;
	char *text = realloc(d->message.text, d->message.len + n);

	(void)call;
	if (!text)
		return POPART_E_NOMEM;
	memcpy(text + d->message.len, octets, n);
	d->message.text = text;
	d->message.len += n;
	return POPART_OK;
}

static int deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *d = dlv;

	(void)call;
	d->state->mail[d->state->delivered++] = d->message;
	free(d);
	return POPART_OK;
}

static void deliver_abandon(void *dlv, const struct popart_call *call)
{
	struct delivery *d = dlv;

	(void)call;
	free(d->message.text);
	free(d);
}

static int look_over(void *state, const struct popart_call *call,
	const struct popart_user *user, struct popart_check *check)
{
	(void)state;
	(void)call;
	(void)user;
	check->progress(check, 1, 2);
	check->problem(check, TEXT("nothing lasts"));
	check->progress(check, 2, 2);
	return POPART_OK;
}

static const char *const hidden[] = { "X-Frozen", NULL };

/* What lies behind a table is not the server's to read. */
#define GARBAGE ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0
#ifdef NEWER
#define LATER , .later = 77
#else
#define LATER
#endif

static const struct {
	struct popart_auth_ops ops;
	uint64_t behind[4];
} auth = { { .size = sizeof(struct popart_auth_ops),
		   .check_password = check_password,
		   .fetch_secret = fetch_secret,
		   .lookup = lookup,
		   .iterate = iterate LATER },
	{ GARBAGE } };

static const struct {
	struct popart_account_ops ops;
	uint64_t behind[4];
} accounts = { { .size = sizeof(struct popart_account_ops),
		       .add = add,
		       .change = change,
		       .remove = take_away,
		       .show = show LATER },
	{ GARBAGE } };

static const struct {
	struct popart_storage_ops ops;
	uint64_t behind[4];
} storage = { { .size = sizeof(struct popart_storage_ops),
		      .maildrop_id = maildrop_id,
		      .open = open_drop,
		      .list = list,
		      .message = message,
		      .commit = commit,
		      .close = close_drop,
		      .renew = renew,
		      .renew_ms = 5000,
		      .deliver_begin = deliver_begin,
		      .deliver_write = deliver_write,
		      .deliver_finish = deliver_finish,
		      .deliver_abandon = deliver_abandon,
		      .check = look_over,
		      .hidden_fields = hidden LATER },
	{ GARBAGE } };

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	if (host->conf_int(conf, "mood") != 0)
		return host->fail(inst, NULL, POPART_R_PERM, NULL, 0, "in no mood for it");
	return POPART_OK;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return POPART_E_NOMEM;
	s->host = host;
	s->inst = inst;
	s->conf = conf;
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	struct state *s = state;

	for (size_t i = 0; i < MESSAGES; i++)
		free(s->mail[i].text);
	free(s);
}

#define MODULE(name, ...) POPART_MODULE(name, __VA_ARGS__)

MODULE(MODULE_NAME, .version = "1.0", .license = "MIT", .summary = "mail in memory",
	.options = options, .stats = stats, .auth = &auth.ops, .storage = &storage.ops,
	.accounts = &accounts.ops, .check = check, .start = start, .stop = stop LATER);
