/* SPDX-License-Identifier: MIT */
#include "support/memstore.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * The store in memory behind a lock that has to be renewed, several times a second. Each
 * renewal is a line of the log. The process dies when two threads meet in one maildrop, or
 * when something is removed by who has lost the lock: neither may ever be seen.
 *
 *	storage = { module = "leasestore"; messages = 3; renew_fails = 4; };
 */

#ifdef LEASE_POOL
#define CAPS (POPART_STORE_ATOMIC_COMMIT | POPART_STORE_BLOCKS)
#else
#define CAPS POPART_STORE_ATOMIC_COMMIT
#endif

#define BODY_MAX ((size_t)64 << 20)

static const struct popart_opt options[] = {
	{ .name = "messages",
		.type = POPART_OPT_INT,
		.max = 1000,
		.fallback = "3",
		.help = "How many messages there are." },
	{ .name = "size",
		.type = POPART_OPT_SIZE,
		.max = BODY_MAX,
		.fallback = "1K",
		.help = "Octets of each, about." },
	{ .name = "read",
		.type = POPART_OPT_BOOL,
		.fallback = "false",
		.help = "Whether messages are read by calls." },
	{ .name = "chunk",
		.type = POPART_OPT_SIZE,
		.max = BODY_MAX,
		.fallback = "0",
		.help = "Most octets of such a call." },
	{ .name = "read_delay",
		.type = POPART_OPT_MSEC,
		.max = 60000,
		.fallback = "0",
		.help = "How long it takes." },
	{ .name = "list_delay",
		.type = POPART_OPT_MSEC,
		.max = 60000,
		.fallback = "0",
		.help = "How long list takes." },
	{ .name = "renew_delay",
		.type = POPART_OPT_MSEC,
		.max = 60000,
		.fallback = "0",
		.help = "How long a renewal takes." },
	{ .name = "renew_fails",
		.type = POPART_OPT_INT,
		.max = 1000,
		.fallback = "0",
		.help = "Which renewal of a maildrop fails; 0: none." },
	{ .name = NULL },
};

struct state {
	const struct popart_host *host;
	struct popart_instance *inst;
	const struct popart_conf *conf;
	struct memstore *store;
};

struct leased {
	struct state *state;
	void *drop; /* the memstore's */
	struct popart_source inner;
	int renewals;
	bool lost;
	atomic_flag inside;
};

static void sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	if (ms)
		nanosleep(&t, NULL);
}

static void enter(struct leased *l)
{
	if (!atomic_flag_test_and_set(&l->inside))
		return;
	fprintf(stderr, "two threads in one maildrop\n");
	abort();
}

static void leave(struct leased *l)
{
	atomic_flag_clear(&l->inside);
}

static int64_t option(const struct leased *l, const char *name)
{
	return l->state->host->conf_int(l->state->conf, name);
}

static int op_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	struct leased *l = calloc(1, sizeof(*l));
	struct state *s = state;

	if (!l)
		return POPART_E_NOMEM;
	l->state = s;
	atomic_flag_clear(&l->inside);
	int status = memstore_ops.open(s->store, call, user, &l->drop);
	if (status)
		free(l);
	else
		*drop = l;
	return status;
}

static int op_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct leased *l = drop;

	enter(l);
	sleep_ms(option(l, "list_delay"));
	int status = memstore_ops.list(l->drop, call, sink);
	leave(l);
	return status;
}

static int64_t read_some(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	struct leased *l = src->ctx;

	enter(l);
	sleep_ms(option(l, "read_delay"));
	int64_t n = l->inner.read(&l->inner, call, buf, cap);
	leave(l);
	return n;
}

static void release(struct popart_source *src)
{
	struct leased *l = src->ctx;

	enter(l);
	l->inner.wire_sent = src->wire_sent;
	l->inner.release(&l->inner);
	leave(l);
}

static int op_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct leased *l = drop;

	enter(l);
	l->inner = *src;
	int status = memstore_ops.message(l->drop, call, ref, &l->inner);
	if (status == POPART_OK) {
		*src = l->inner;
		src->ctx = l;
		src->read = read_some;
		src->release = release;
	}
	leave(l);
	return status;
}

static int op_commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct leased *l = drop;

	enter(l);
	if (l->lost) {
		fprintf(stderr, "a commit without the lock\n");
		abort();
	}
	int status = memstore_ops.commit(l->drop, call, refs, n, removed);
	leave(l);
	return status;
}

static void op_close(void *drop, const struct popart_call *call)
{
	struct leased *l = drop;

	enter(l);
	memstore_ops.close(l->drop, call);
	free(l);
}

static int op_renew(void *drop, const struct popart_call *call)
{
	struct leased *l = drop;
	const struct popart_host *host = l->state->host;

	enter(l);
	sleep_ms(option(l, "renew_delay"));
	l->renewals++;
	l->lost = l->lost || l->renewals == option(l, "renew_fails");
	if (l->lost) {
		leave(l);
		return host->fail(l->state->inst, call, POPART_R_TEMP, NULL, 0,
			"another machine has the lock");
	}
	host->log(l->state->inst, call, POPART_LOG_INFO, "renewed %d", l->renewals);
	leave(l);
	return POPART_OK;
}

static int add_message(struct memstore *store, int64_t number, size_t size)
{
	static const char line[] = "A line of a letter that nobody will read.\r\n";
	size_t len = 0, step = strlen(line);
	char uid[32], *text = malloc(size + step);

	if (!text)
		return POPART_E_NOMEM;
	for (; len < size; len += step)
		memcpy(text + len, line, step);
	snprintf(uid, sizeof(uid), "lease-%d", (int)number);
	struct popart_str view = { .ptr = text, .len = len };
	uint64_t ref = memstore_add(store, uid, view);
	free(text);
	return ref ? POPART_OK : POPART_E_NOMEM;
}

static int start(const struct popart_host *host, struct popart_instance *inst,
	const struct popart_conf *conf, void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	struct memstore *store = memstore_new();
	int status = s && store ? POPART_OK : POPART_E_NOMEM;

	for (int64_t i = 1; !status && i <= host->conf_int(conf, "messages"); i++)
		status = add_message(store, i, (size_t)host->conf_int(conf, "size"));
	if (status) {
		memstore_free(&store);
		free(s);
		return status;
	}
	if (host->conf_int(conf, "read"))
		memstore_source(
			store, POPART_SRC_READ, 0, (size_t)host->conf_int(conf, "chunk"));
	*s = (struct state){ .host = host, .inst = inst, .conf = conf, .store = store };
	*state = s;
	return POPART_OK;
}

static void stop(void *state)
{
	struct state *s = state;

	memstore_free(&s->store);
	free(s);
}

static const struct popart_storage_ops ops = {
	.size = sizeof(ops),
	.caps = CAPS,
	.open = op_open,
	.list = op_list,
	.message = op_message,
	.commit = op_commit,
	.close = op_close,
	.renew = op_renew,
	.renew_ms = 100,
};

#ifdef LEASE_POOL
POPART_MODULE(leasepool, .version = "1.0", .license = "MIT",
	.summary = "a store with leases that may wait, for tests", .options = options,
	.storage = &ops, .start = start, .stop = stop);
#else
POPART_MODULE(leasestore, .version = "1.0", .license = "MIT",
	.summary = "a store with leases, for tests", .options = options, .storage = &ops,
	.start = start, .stop = stop);
#endif
