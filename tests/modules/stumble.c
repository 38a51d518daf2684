/* SPDX-License-Identifier: MIT */
#include <popart/module.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A store, or an auth module that lets everybody in, that stumbles for one user in one
 * operation, to see that nobody else falls:
 *
 *	storage = ( { module = "stumble"; op = "list"; how = "segv"; user = "eve"; } );
 *
 * Every user has the same three messages, in each session anew.
 */

#define MESSAGES 3

enum op {
	IN_NONE,
	IN_CHECK,
	IN_START,
	IN_THREAD_START,
	IN_CHECK_PASSWORD,
	IN_MAILDROP_ID,
	IN_OPEN,
	IN_LIST,
	IN_MESSAGE,
	IN_READ,
	IN_RELEASE,
	IN_COMMIT,
	IN_CLOSE
};
static const char *const op_choices[] = { "none", "check", "start", "thread_start",
	"check_password", "maildrop_id", "open", "list", "message", "read", "release", "commit",
	"close", NULL };

enum how {
	BY_SEGV,
	BY_LIBC,
	BY_FPE,
	BY_ILL,
	BY_ABORT,
	BY_OVERFLOW,
	BY_EXIT,
	BY_SLEEP,
	BY_CRAWL
};
static const char *const how_choices[] = { "segv", "libc", "fpe", "ill", "abort", "overflow",
	"exit", "sleep", "crawl", NULL };

static const struct popart_opt options[] = {
	{ .name = "op",
		.type = POPART_OPT_ENUM,
		.fallback = "none",
		.choices = op_choices,
		.help = "In which operation." },
	{ .name = "how",
		.type = POPART_OPT_ENUM,
		.fallback = "segv",
		.choices = how_choices,
		.help = "How it dies; \"sleep\": it takes time; \"crawl\": and does "
			"something." },
	{ .name = "user",
		.type = POPART_OPT_STRING,
		.fallback = "",
		.help = "For whom; empty: for everybody." },
	{ .name = "time",
		.type = POPART_OPT_MSEC,
		.max = 3600000,
		.fallback = "1h",
		.help = "How much time it takes." },
	{ .name = NULL },
};

struct stumble {
	const struct popart_host *host;
	struct popart_instance *inst;
	enum op op;
	enum how how;
	struct popart_str user; /* the configuration's */
	int64_t time_ms;
};

struct drop {
	const struct stumble *store;
	bool mine; /* of the user that it stumbles over */
};

static const char text[] = "Subject: hello\r\n\r\nbody\r\n";

/* --- ways to fall ------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In one long sleep, or in many short ones between which a little is done. */
static void wait_for(int64_t ms, bool crawl)
{
	int64_t end = now_ms() + ms, left;

	while ((left = end - now_ms()) > 0) {
		struct timespec t = { .tv_sec = crawl ? 0 : left / 1000,
			.tv_nsec = crawl ? 10000000 : left % 1000 * 1000000 };
		nanosleep(&t, NULL);
	}
}

__attribute__((noinline)) static int dig(volatile char *above, unsigned depth)
{
	volatile char room[4096];

	room[depth % sizeof(room)] = above[0];
	return depth == 0 ? 0 : dig(room, depth - 1) + room[depth % sizeof(room)];
}

__attribute__((noinline)) static void fall(const struct stumble *s)
{
	volatile int zero = 0;
	int *volatile nowhere = (int *)8;
	char *volatile nothing = NULL;
	volatile char ground = 1;

	switch (s->how) {
	case BY_SEGV:
		*nowhere = 1;
		break;
	case BY_LIBC:
		zero = (int)strlen(nothing);
		break;
	case BY_FPE:
#if defined(__x86_64__) || defined(__i386__)
		zero = 1000003 / zero; /* of 1 / x gcc makes a comparison */
#else
		raise(SIGFPE);
#endif
		break;
	case BY_ILL:
		__builtin_trap();
	case BY_ABORT:
		abort();
	case BY_OVERFLOW:
		(void)dig(&ground, 1u << 30);
		break;
	case BY_EXIT:
		_exit(3);
	case BY_SLEEP:
		wait_for(s->time_ms, false);
		break;
	case BY_CRAWL:
		wait_for(s->time_ms, true);
		break;
	}
}

static bool is_user(const struct stumble *s, struct popart_str user)
{
	return s->user.len == 0 ||
		(s->user.len == user.len && memcmp(s->user.ptr, user.ptr, user.len) == 0);
}

static void step(const struct stumble *s, enum op op, bool mine)
{
	if (mine && s->op == op)
		fall(s);
}

/* --- a module ---------------------------------------------------------------------------- */

static void read_conf(struct stumble *s, const struct popart_host *host,
	struct popart_instance *inst, const struct popart_conf *conf)
{
	*s = (struct stumble){ .host = host,
		.inst = inst,
		.op = (enum op)host->conf_int(conf, "op"),
		.how = (enum how)host->conf_int(conf, "how"),
		.user = host->conf_str(conf, "user"),
		.time_ms = host->conf_int(conf, "time") };
}

static int check(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf)
{
	struct stumble s;

	read_conf(&s, host, inst, conf);
	if (host->role == POPART_ROLE_WORKER) /* not in popartd -t */
		step(&s, IN_CHECK, true);
	return POPART_OK;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct stumble *s = calloc(1, sizeof(*s));

	if (!s)
		return POPART_E_NOMEM;
	read_conf(s, host, inst, conf);
	step(s, IN_START, true);
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	free(state);
}

static int thread_start(void *state, uint32_t thread, void **thread_state)
{
	if (thread == 1)
		step(state, IN_THREAD_START, true);
	*thread_state = NULL;
	return POPART_OK;
}

static void thread_stop(void *state, uint32_t thread, void *thread_state)
{
	(void)state;
	(void)thread;
	(void)thread_state;
}

/* --- auth -------------------------------------------------------------------------------- */

static int check_password(void *state, const struct popart_call *call,
	const struct popart_login *login, struct popart_str password,
	struct popart_auth_reply *reply)
{
	const struct stumble *s = state;

	(void)call;
	(void)password;
	(void)reply;
	step(s, IN_CHECK_PASSWORD, is_user(s, login->user));
	return POPART_OK;
}

static const struct popart_auth_ops auth_ops = {
	.size = sizeof(auth_ops),
#ifdef STUMBLE_BLOCKS
	.caps = POPART_AUTH_BLOCKS,
#endif
	.check_password = check_password,
};

/* --- storage ----------------------------------------------------------------------------- */

static int maildrop_id(void *state, const struct popart_call *call,
	const struct popart_user *user, char id[64], size_t *len)
{
	const struct stumble *s = state;

	(void)call;
	step(s, IN_MAILDROP_ID, is_user(s, user->name));
	*len = user->name.len < 64 ? user->name.len : 64;
	memcpy(id, user->name.ptr, *len);
	return POPART_OK;
}

static int op_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	struct drop *d = malloc(sizeof(*d));

	(void)call;
	if (!d)
		return POPART_E_NOMEM;
	*d = (struct drop){ .store = state, .mine = is_user(state, user->name) };
	step(d->store, IN_OPEN, d->mine);
	*drop = d;
	return POPART_OK;
}

static int op_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	const struct drop *d = drop;
	char uid[2] = "a";

	(void)call;
	step(d->store, IN_LIST, d->mine);
	for (uint64_t i = 1; i <= MESSAGES; i++, uid[0]++) {
		const struct popart_msg msg = {
			.ref = i, .wire_size = sizeof(text) - 1, .uid = { .ptr = uid, .len = 1 }
		};
		int status = sink->add(sink, &msg, 1, sizeof(msg));
		if (status)
			return status;
	}
	return POPART_OK;
}

static int64_t source_read(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	const struct drop *d = src->ctx;
	size_t n = sizeof(text) - 1;

	(void)call;
	step(d->store, IN_READ, d->mine);
	if (src->offset > 0 || cap < n)
		return 0;
	src->offset = n;
	memcpy(buf, text, n);
	return (int64_t)n;
}

static void source_release(struct popart_source *src)
{
	const struct drop *d = src->ctx;

	step(d->store, IN_RELEASE, d->mine);
}

static int op_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	const struct drop *d = drop;

	(void)call;
	(void)ref;
	step(d->store, IN_MESSAGE, d->mine);
	src->kind = POPART_SRC_READ;
	src->read = source_read;
	src->release = source_release;
	src->ctx = drop;
	return POPART_OK;
}

static int op_commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	const struct drop *d = drop;

	(void)call;
	(void)refs;
	step(d->store, IN_COMMIT, d->mine);
	*removed = n;
	return POPART_OK;
}

static void op_close(void *drop, const struct popart_call *call)
{
	const struct drop *d = drop;

	(void)call;
	step(d->store, IN_CLOSE, d->mine);
	free(drop);
}

static const struct popart_storage_ops storage_ops = {
	.size = sizeof(storage_ops),
#ifdef STUMBLE_BLOCKS
	.caps = POPART_STORE_BLOCKS,
#endif
	.maildrop_id = maildrop_id,
	.open = op_open,
	.list = op_list,
	.message = op_message,
	.commit = op_commit,
	.close = op_close,
};

#ifdef STUMBLE_BLOCKS /* stumblefar.so: the same as a module that waits on a network */
POPART_MODULE(stumblefar, .version = "1.0", .license = "MIT",
	.summary = "stumbles in the pool, for tests", .options = options, .auth = &auth_ops,
	.storage = &storage_ops, .check = check, .start = start, .thread_start = thread_start,
	.thread_stop = thread_stop, .stop = stop);
#else
POPART_MODULE(stumble, .version = "1.0", .license = "MIT", .summary = "stumbles, for tests",
	.options = options, .auth = &auth_ops, .storage = &storage_ops, .check = check,
	.start = start, .thread_start = thread_start, .thread_stop = thread_stop, .stop = stop);
#endif
