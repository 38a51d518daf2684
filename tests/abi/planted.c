/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <popart/module.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A module that is wrong in the way that the environment variable PLANTED names, and
 * otherwise answers what its options say. Everything that is done to it goes into the file
 * `journal`, a line each.
 */

static const char *const flaws[] = { "none", "kind", "fd", "mem", "read", "far", "body",
	"no_drop", "too_long", "early", NULL };
enum flaw {
	FLAW_NONE,
	FLAW_KIND,
	FLAW_FD,
	FLAW_MEM,
	FLAW_READ,
	FLAW_FAR,
	FLAW_BODY,
	FLAW_NO_DROP,
	FLAW_TOO_LONG,
	FLAW_EARLY
};

#define STATUS(n)                                                               \
	{                                                                       \
		.name = (n), .type = POPART_OPT_INT, .min = -1000, .max = 1000, \
		.fallback = "0", .help = "What it returns."                     \
	}

static const struct popart_opt options[] = {
	{ .name = "journal",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_REQUIRED,
		.help = "What was done." },
	{ .name = "path",
		.type = POPART_OPT_PATH,
		.flags = POPART_OPT_TEMPLATE,
		.fallback = "/srv/%u",
		.help = "Expanded at open." },
	STATUS("check"),
	STATUS("start"),
	STATUS("thread_status"),
	{ .name = "thread_fails",
		.type = POPART_OPT_INT,
		.max = 100,
		.fallback = "100",
		.help = "Which thread." },
	STATUS("answer"),
	STATUS("quick"),
	STATUS("open"),
	STATUS("commit"),
	STATUS("maildrop_id"),
	{ .name = "user", .type = POPART_OPT_STRING, .help = "For set_user." },
	{ .name = "attributes", .type = POPART_OPT_LIST, .help = "key=value." },
	{ .name = "secret",
		.type = POPART_OPT_STRING,
		.flags = POPART_OPT_SECRET,
		.help = "For fetch_secret." },
	{ .name = "say", .type = POPART_OPT_STRING, .help = "fail()'s text; none: no fail()." },
	{ .name = "flaw",
		.type = POPART_OPT_ENUM,
		.choices = flaws,
		.fallback = "none",
		.help = "Of open, message, read." },
	{ .name = NULL },
};

static const struct popart_stat stats[] = {
	{ .name = "calls", .kind = POPART_STAT_COUNTER, .help = "Calls." },
	{ .name = "open-now", .kind = POPART_STAT_GAUGE, .help = "Maildrops." },
	{ .name = NULL },
};

struct state {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	_Atomic int inside;
};

static void note(const struct popart_host *host, const struct popart_conf *conf,
	const char *what, int number)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s %d\n", what, number);
	int fd = open(host->conf_str(conf, "journal").ptr, O_WRONLY | O_CREAT | O_APPEND, 0600);

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		abort();
	close(fd);
}

static int end(
	const struct state *s, const struct popart_call *call, const char *what, int64_t status)
{
	struct popart_str say = s->host->conf_str(s->conf, "say");

	if (status && say.len)
		return s->host->fail(s->inst, call, (int)status, "for the client", 2, "%s: %s",
			what, say.ptr);
	return (int)status;
}

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	struct state s = { .host = host, .inst = inst, .conf = conf };

	return end(&s, NULL, "check", host->conf_int(conf, "check"));
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	int status = (int)host->conf_int(conf, "start");
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return POPART_E_NOMEM;
	s->host = host;
	s->inst = inst;
	s->conf = conf;
	note(host, conf, "start", status);
	if (status) {
		status = end(s, NULL, "start", status);
		free(s);
		return status;
	}
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	struct state *s = state;

	note(s->host, s->conf, "stop", 0);
	free(s);
}

static int thread_start(void *state, uint32_t thread, void **thread_state)
{
	struct state *s = state;

	if (thread == s->host->conf_int(s->conf, "thread_fails"))
		return end(
			s, NULL, "thread_start", s->host->conf_int(s->conf, "thread_status"));
	note(s->host, s->conf, "thread_start", (int)thread);
	*thread_state = malloc(16);
	return *thread_state ? POPART_OK : POPART_E_NOMEM;
}

static void thread_stop(void *state, uint32_t thread, void *thread_state)
{
	struct state *s = state;

	note(s->host, s->conf, "thread_stop", (int)thread);
	free(thread_state);
}

/* Alone in here? Slow enough to be found out. */
static bool overlaps(struct state *s)
{
	struct timespec t = { .tv_nsec = 50000 };
	bool alone = atomic_fetch_add(&s->inside, 1) == 0;

	nanosleep(&t, NULL);
	atomic_fetch_sub(&s->inside, 1);
	return !alone;
}

static int give(const struct state *s, struct popart_auth_reply *reply)
{
	struct popart_str user = s->host->conf_str(s->conf, "user");
	const struct popart_str *list;
	size_t n = s->host->conf_list(s->conf, "attributes", &list);
	int status = user.len ? reply->set_user(reply, user) : POPART_OK;

	for (size_t i = 0; i < n && !status; i++) {
		const char *equals = memchr(list[i].ptr, '=', list[i].len);
		struct popart_str key = { .ptr = list[i].ptr,
			.len = (size_t)(equals - list[i].ptr) };
		struct popart_str value = { .ptr = equals + 1,
			.len = list[i].len - key.len - 1 };
		status = reply->set_attr(reply, key, value);
	}
	return status;
}

static int answer_with(struct state *s, const struct popart_call *call, const char *what,
	int status, struct popart_auth_reply *reply)
{
	s->host->stat_add(s->inst, call, 0, 1);
	if (!call->thread_state)
		return POPART_E_BUG;
	/* Also when it says no: the host must not take these then. */
	int given = give(s, reply);
	return end(s, call, what, status ? status : given);
}

static int answer(struct state *s, const struct popart_call *call, const char *what,
	struct popart_auth_reply *reply)
{
	return answer_with(s, call, what, (int)s->host->conf_int(s->conf, "answer"), reply);
}

static int check_quick(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct state *s = state;

	(void)login;
	(void)password;
	note(s->host, s->conf, "check_quick", (int)call->thread);
	return answer_with(
		s, call, "check_quick", (int)s->host->conf_int(s->conf, "quick"), reply);
}

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	struct state *s = state;

	(void)login;
	(void)password;
	note(s->host, s->conf, "check_password", (int)call->thread);
	if (getenv("PLANTED") && strcmp(getenv("PLANTED"), "serial") == 0 && overlaps(s))
		return POPART_E_BUG;
	return answer(s, call, "check_password", reply);
}

static int fetch_secret(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_auth_reply *reply)
{
	static const struct popart_str plain = { "plain", 5 }, crypt = { "crypt", 5 };
	struct state *s = state;
	struct popart_str secret = s->host->conf_str(s->conf, "secret");
	struct popart_str no_salt = { NULL, 0 };

	(void)login;
	reply->add_secret(reply, crypt, secret, no_salt, 0);
	if (secret.len)
		reply->add_secret(reply, plain, secret, no_salt, 0);
	return answer(s, call, "fetch_secret", reply);
}

static int lookup(void *state, const struct popart_call *call, struct popart_str user,
	struct popart_auth_reply *reply)
{
	(void)user;
	return answer(state, call, "lookup", reply);
}

static enum flaw flaw_of(const struct state *s)
{
	return (enum flaw)s->host->conf_int(s->conf, "flaw");
}

static int op_maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	struct state *s = state;
	int64_t n = s->host->conf_int(s->conf, "maildrop_id");

	(void)user;
	memset(id, 'i', 64);
	*len = n > 0 ? (size_t)n : 0;
	return n < 0 ? end(s, call, "maildrop_id", n) : POPART_OK;
}

static int op_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	struct state *s = state;
	struct popart_str path;
	int status = s->host->expand(s->inst, call, s->conf, "path", user, &path);

	if (!status)
		status = end(s, call, "open", s->host->conf_int(s->conf, "open"));
	if (status || flaw_of(s) == FLAW_NO_DROP)
		return status;
	note(s->host, s->conf, path.ptr, 0);
	s->host->stat_add(s->inst, call, 1, 1);
	*drop = s;
	return POPART_OK;
}

static int op_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct state *s = drop;

	(void)sink;
	if (s->host->stop_asked(call))
		return POPART_E_CANCELLED;
	return POPART_OK;
}

static void release(struct popart_source *src)
{
	struct state *s = src->ctx;

	note(s->host, s->conf, "release", 0);
}

static int64_t read_octets(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	struct state *s = src->ctx;

	if (flaw_of(s) == FLAW_TOO_LONG)
		return (int64_t)cap + 1;
	if (flaw_of(s) == FLAW_EARLY)
		return end(s, call, "read", -999);
	memset(buf, 'x', cap);
	return (int64_t)cap;
}

static int op_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	static const char text[] = "text\n";
	struct state *s = drop;

	(void)call;
	(void)ref;
	src->ctx = s;
	src->release = release;
	src->kind = POPART_SRC_MEM;
	src->length = sizeof(text) - 1;
	src->mem = text;
	switch (flaw_of(s)) {
	case FLAW_KIND:
		src->kind = 17;
		break;
	case FLAW_FD:
		src->kind = POPART_SRC_FD;
		src->fd = -1;
		break;
	case FLAW_MEM:
		src->mem = NULL;
		break;
	case FLAW_READ:
		src->kind = POPART_SRC_READ;
		break;
	case FLAW_FAR:
		src->kind = POPART_SRC_FD;
		src->offset = INT64_MAX;
		break;
	case FLAW_BODY:
		src->body_offset = 6;
		break;
	case FLAW_TOO_LONG:
	case FLAW_EARLY:
		src->kind = POPART_SRC_READ;
		src->read = read_octets;
		break;
	default:
		break;
	}
	return POPART_OK;
}

static int op_commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct state *s = drop;

	(void)refs;
	*removed = n * 2;
	if (s->host->stop_asked(call) || call->deadline_ms != INT64_MAX)
		return POPART_E_CANCELLED;
	return end(s, call, "commit", s->host->conf_int(s->conf, "commit"));
}

static void op_close(void *drop, const struct popart_call *call)
{
	struct state *s = drop;

	s->host->stat_add(s->inst, call, 1, -1);
	note(s->host, s->conf, "close", (int)call->thread);
}

static int op_renew(void *drop, const struct popart_call *call)
{
	(void)drop;
	(void)call;
	return POPART_E_UNAVAIL;
}

static const struct popart_auth_ops auth_ops = {
	.size = sizeof(auth_ops),
	.check_password = check_password,
	.fetch_secret = fetch_secret,
	.lookup = lookup,
};
static const struct popart_auth_ops auth_serial = {
	.size = sizeof(auth_serial),
	.caps = POPART_AUTH_SERIAL,
	.check_password = check_password,
};
static const struct popart_auth_ops auth_act_as = {
	.size = sizeof(auth_act_as),
	.caps = POPART_AUTH_ACT_AS | POPART_AUTH_BLOCKS,
	.check_password = check_password,
};
static const struct popart_auth_ops auth_quick = { .size = sizeof(auth_quick),
	.caps = POPART_AUTH_BLOCKS,
	.check_password = check_password,
	.check_quick = check_quick };
/* As an older module would have it. */
static const struct popart_auth_ops auth_old = { .size = offsetof(
							 struct popart_auth_ops, check_quick),
	.caps = POPART_AUTH_BLOCKS,
	.check_password = check_password,
	.lookup = lookup,
	.check_quick = check_quick };
static const struct popart_auth_ops auth_no_size = { .check_password = check_password };
static const struct popart_auth_ops auth_empty = { .size = sizeof(auth_empty) };

#define STORAGE                                                          \
	.maildrop_id = op_maildrop_id, .open = op_open, .list = op_list, \
	.message = op_message, .commit = op_commit, .close = op_close

static const struct popart_storage_ops storage_ops = {
	.size = sizeof(storage_ops), STORAGE, .renew = op_renew, .renew_ms = 5000
};
static const struct popart_storage_ops storage_no_size = { STORAGE };
/* As an older module would have it: what lies behind its size is not its own. */
static const struct popart_storage_ops storage_old = {
	.size = offsetof(struct popart_storage_ops, renew),
	STORAGE,
	.renew = op_renew,
	.renew_ms = 0xdeadbeef
};
static const struct popart_storage_ops storage_no_close = { .size = sizeof(storage_no_close),
	.maildrop_id = op_maildrop_id,
	.open = op_open,
	.list = op_list,
	.message = op_message,
	.commit = op_commit };
static const struct popart_storage_ops storage_no_commit = { .size = sizeof(storage_no_commit),
	.maildrop_id = op_maildrop_id,
	.open = op_open,
	.list = op_list,
	.message = op_message,
	.close = op_close };
static const struct popart_storage_ops storage_read_only = { .size = sizeof(storage_read_only),
	.caps = POPART_STORE_READ_ONLY,
	.maildrop_id = op_maildrop_id,
	.open = op_open,
	.list = op_list,
	.message = op_message,
	.close = op_close };
static const struct popart_storage_ops storage_half = {
	.size = sizeof(storage_half), STORAGE, .deliver_abandon = op_close
};

static int op_account_remove(
	void *state, const struct popart_call *call, struct popart_str user)
{
	(void)state;
	(void)call;
	(void)user;
	return POPART_OK;
}

static const struct popart_account_ops accounts_half = { .size = sizeof(accounts_half),
	.remove = op_account_remove };
static const struct popart_account_ops accounts_no_size = { .remove = op_account_remove };

#define GOOD                                                                            \
	.magic = POPART_MAGIC, .size = sizeof(struct popart_module),                    \
	.api_major = POPART_API_MAJOR, .opt_stride = sizeof(struct popart_opt),         \
	.stat_stride = sizeof(struct popart_stat), .name = "planted", .version = "1.0", \
	.license = "MIT", .summary = "wrong on purpose", .needs = POPART_NEEDS_NETWORK, \
	.options = options, .stats = stats, .auth = &auth_ops, .storage = &storage_ops, \
	.check = check, .start = start, .thread_start = thread_start,                   \
	.thread_stop = thread_stop, .stop = stop

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"

static const struct {
	const char *name;
	struct popart_module module;
} modules[] = {
	{ "good", { GOOD } },
	{ "serial", { GOOD, .auth = &auth_serial } },
	{ "act_as", { GOOD, .auth = &auth_act_as } },
	{ "old", { GOOD, .auth = &auth_old, .storage = &storage_old } },
	{ "quick", { GOOD, .auth = &auth_quick } },
	{ "magic", { GOOD, .magic = 0x54524150u } },
	{ "major", { GOOD, .api_major = POPART_API_MAJOR + 1 } },
	{ "minor", { GOOD, .api_minor_min = POPART_API_MINOR + 1 } },
	{ "size", { GOOD, .size = 16 } },
	{ "name", { GOOD, .name = "plated" } },
	{ "no_name", { GOOD, .name = NULL } },
	{ "no_ops", { GOOD, .auth = NULL, .storage = NULL } },
	{ "no_start", { GOOD, .start = NULL } },
	{ "no_stop", { GOOD, .stop = NULL } },
	{ "no_thread_stop", { GOOD, .thread_stop = NULL } },
	{ "opt_stride", { GOOD, .opt_stride = 8 } },
	{ "stat_stride", { GOOD, .stat_stride = 8 } },
	{ "auth_empty", { GOOD, .auth = &auth_empty } },
	{ "auth_no_size", { GOOD, .auth = &auth_no_size } },
	{ "store_no_size", { GOOD, .storage = &storage_no_size } },
	{ "accounts_no_size", { GOOD, .accounts = &accounts_no_size } },
	{ "user_ids", { GOOD, .needs = POPART_NEEDS_USER_IDS } },
	{ "no_storage", { GOOD, .storage = NULL } },
	{ "no_auth", { GOOD, .auth = NULL } },
	{ "no_close", { GOOD, .storage = &storage_no_close } },
	{ "no_commit", { GOOD, .storage = &storage_no_commit } },
	{ "read_only", { GOOD, .storage = &storage_read_only } },
	{ "half_deliver", { GOOD, .storage = &storage_half } },
	{ "half_accounts", { GOOD, .accounts = &accounts_half } },
	{ "lone_accounts", { GOOD, .auth = NULL, .accounts = &accounts_half } },
};

#pragma GCC diagnostic pop

POPART_EXPORT const struct popart_module *popart_module_entry(void);
const struct popart_module *popart_module_entry(void)
{
	const char *wanted = getenv("PLANTED");

	if (wanted && strcmp(wanted, "nothing") == 0)
		return NULL;
	for (size_t i = 0; wanted && i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (strcmp(modules[i].name, wanted) == 0)
			return &modules[i].module;
	}
	return &modules[0].module;
}
