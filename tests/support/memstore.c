/* SPDX-License-Identifier: MIT */
#include "support/memstore.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FD_OFFSET 3 /* a descriptor's message begins here, to see that offset is obeyed */

struct message {
	char *uid, *text, *owner; /* owner NULL: everybody's */
	size_t len, keep;
	int64_t lie, received_s;
	uint64_t wire_sent;
	uint32_t flags;
	bool gone;
};

struct memstore {
	pthread_mutex_t lock;
	struct message **messages; /* ref is the place here, counted from 1 */
	size_t nmessages;
	enum popart_source_kind kind;
	uint32_t form;
	size_t chunk;
	bool body_known;
	unsigned calls[MEMSTORE_OPS], fail_at[MEMSTORE_OPS];
	int fail_status[MEMSTORE_OPS];
	int64_t delay_ms;
	unsigned opened, held, delivered;
};

struct drop {
	struct memstore *store;
	size_t n;
	uint64_t refs[];
};

struct reader {
	struct memstore *store;
	struct message *message;
	char *copy; /* SRC_MEM */
	size_t at;  /* SRC_READ */
	int fd;     /* SRC_FD */
};

struct delivery {
	struct memstore *store;
	char *uid, *text, *owner;
	size_t len;
	int64_t received_s;
	uint32_t flags;
};

static void message_free(struct message *g)
{
	if (!g)
		return;
	free(g->uid);
	free(g->text);
	free(g->owner);
	free(g);
}

struct memstore *memstore_new(void)
{
	struct memstore *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	m->kind = POPART_SRC_MEM;
	return m;
}

void memstore_free(struct memstore **mp)
{
	struct memstore *m = *mp;
	if (!m)
		return;
	if (m->opened || m->held) {
		fprintf(stderr, "memstore: %u maildrops and %u sources are still held\n",
			m->opened, m->held);
		abort();
	}
	for (size_t i = 0; i < m->nmessages; i++)
		message_free(m->messages[i]);
	free(m->messages);
	pthread_mutex_destroy(&m->lock);
	free(m);
	*mp = NULL;
}

static struct message *message_new(
	struct popart_str owner, const char *uid, struct popart_str text)
{
	struct message *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->len = text.len;
	g->keep = SIZE_MAX;
	g->uid = strdup(uid);
	g->text = malloc(text.len + 1);
	g->owner = owner.len ? strndup(owner.ptr, owner.len) : NULL;
	if (!g->uid || !g->text || (owner.len && !g->owner)) {
		message_free(g);
		return NULL;
	}
	if (text.len)
		memcpy(g->text, text.ptr, text.len);
	return g;
}

uint64_t memstore_add_for(
	struct memstore *m, struct popart_str user, const char *uid, struct popart_str text)
{
	struct message *g = message_new(user, uid, text);
	uint64_t ref = 0;

	if (!g)
		return 0;
	pthread_mutex_lock(&m->lock);
	struct message **grown =
		realloc(m->messages, (m->nmessages + 1) * sizeof(struct message *));
	if (grown) {
		m->messages = grown;
		m->messages[m->nmessages] = g;
		ref = ++m->nmessages;
		g->received_s = 1700000000 + (int64_t)ref;
	}
	pthread_mutex_unlock(&m->lock);
	if (!ref)
		message_free(g);
	return ref;
}

uint64_t memstore_add(struct memstore *m, const char *uid, struct popart_str text)
{
	struct popart_str everybody = { .ptr = NULL, .len = 0 };

	return memstore_add_for(m, everybody, uid, text);
}

/* Under the lock. */
static struct message *find(struct memstore *m, uint64_t ref)
{
	return ref >= 1 && ref <= m->nmessages ? m->messages[ref - 1] : NULL;
}

static struct message *must_find(struct memstore *m, uint64_t ref)
{
	struct message *g = find(m, ref);
	if (!g) {
		fprintf(stderr, "memstore: there is no message %llu\n",
			(unsigned long long)ref);
		abort();
	}
	return g;
}

void memstore_lie(struct memstore *m, uint64_t ref, int64_t delta)
{
	pthread_mutex_lock(&m->lock);
	must_find(m, ref)->lie = delta;
	pthread_mutex_unlock(&m->lock);
}

void memstore_vanish(struct memstore *m, uint64_t ref)
{
	pthread_mutex_lock(&m->lock);
	must_find(m, ref)->gone = true;
	pthread_mutex_unlock(&m->lock);
}

void memstore_cut(struct memstore *m, uint64_t ref, uint64_t keep)
{
	pthread_mutex_lock(&m->lock);
	must_find(m, ref)->keep = (size_t)keep;
	pthread_mutex_unlock(&m->lock);
}

void memstore_fail(struct memstore *m, enum memstore_op op, unsigned nth, int status)
{
	pthread_mutex_lock(&m->lock);
	m->fail_at[op] = nth ? m->calls[op] + nth : 0;
	m->fail_status[op] = status;
	pthread_mutex_unlock(&m->lock);
}

void memstore_source(
	struct memstore *m, enum popart_source_kind kind, uint32_t form, size_t chunk)
{
	pthread_mutex_lock(&m->lock);
	m->kind = kind;
	m->form = form;
	m->chunk = chunk;
	pthread_mutex_unlock(&m->lock);
}

void memstore_body_offset(struct memstore *m, int known)
{
	pthread_mutex_lock(&m->lock);
	m->body_known = known != 0;
	pthread_mutex_unlock(&m->lock);
}

void memstore_delay(struct memstore *m, int64_t ms)
{
	pthread_mutex_lock(&m->lock);
	m->delay_ms = ms;
	pthread_mutex_unlock(&m->lock);
}

size_t memstore_count(struct memstore *m)
{
	size_t n = 0;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->nmessages; i++)
		n += !m->messages[i]->gone;
	pthread_mutex_unlock(&m->lock);
	return n;
}

int memstore_has(struct memstore *m, uint64_t ref)
{
	pthread_mutex_lock(&m->lock);
	int there = !must_find(m, ref)->gone;
	pthread_mutex_unlock(&m->lock);
	return there;
}

static unsigned locked_read(struct memstore *m, const unsigned *value)
{
	pthread_mutex_lock(&m->lock);
	unsigned v = *value;
	pthread_mutex_unlock(&m->lock);
	return v;
}

unsigned memstore_opened(struct memstore *m)
{
	return locked_read(m, &m->opened);
}

unsigned memstore_held(struct memstore *m)
{
	return locked_read(m, &m->held);
}

unsigned memstore_commits(struct memstore *m)
{
	return memstore_calls(m, MEMSTORE_COMMIT);
}

unsigned memstore_calls(struct memstore *m, enum memstore_op op)
{
	return locked_read(m, &m->calls[op]);
}

uint64_t memstore_wire_sent(struct memstore *m, uint64_t ref)
{
	pthread_mutex_lock(&m->lock);
	uint64_t sent = must_find(m, ref)->wire_sent;
	pthread_mutex_unlock(&m->lock);
	return sent;
}

/* Counts the call. True: it is to end now, with *status. */
static bool injected(struct memstore *m, enum memstore_op op, int *status)
{
	pthread_mutex_lock(&m->lock);
	unsigned nth = ++m->calls[op];
	bool fails = m->fail_at[op] == nth;
	int64_t delay_ms = m->delay_ms;
	*status = m->fail_status[op];
	pthread_mutex_unlock(&m->lock);

	if (delay_ms) {
		struct timespec t = { .tv_sec = delay_ms / 1000,
			.tv_nsec = delay_ms % 1000 * 1000000 };
		nanosleep(&t, NULL);
	}
	if (fails && *status == MEMSTORE_CRASH)
		abort();
	return fails;
}

static bool is_of(const struct message *g, struct popart_str user)
{
	return !g->owner ||
		(strlen(g->owner) == user.len && memcmp(g->owner, user.ptr, user.len) == 0);
}

static int op_open(void *state, const struct popart_call *call, const struct popart_user *user,
	void **drop)
{
	struct memstore *m = state;
	int status;

	(void)call;
	if (injected(m, MEMSTORE_OPEN, &status))
		return status;
	pthread_mutex_lock(&m->lock);
	struct drop *d = calloc(1, sizeof(*d) + m->nmessages * sizeof(uint64_t));
	if (d) {
		d->store = m;
		for (size_t i = 0; i < m->nmessages; i++) {
			const struct message *g = m->messages[i];
			if (!g->gone && is_of(g, user->name))
				d->refs[d->n++] = i + 1;
		}
		m->opened++;
		*drop = d;
	}
	pthread_mutex_unlock(&m->lock);
	return d ? POPART_OK : POPART_E_NOMEM;
}

/* What a RETR sends, as struct popart_msg defines it. */
static uint64_t wire_size(const struct message *g, uint32_t form)
{
	uint64_t size = 0;
	char before = '\n';

	for (size_t i = 0; i < g->len; i++) {
		char c = g->text[i];
		if (c == '\n' && (i == 0 || before != '\r'))
			size++;
		if (c == '.' && before == '\n' && (form & POPART_FORM_STUFFED))
			size--;
		size++;
		before = c;
	}
	if (g->len && before != '\n')
		size += 2;
	return size;
}

static int op_list(void *drop, const struct popart_call *call, struct popart_msg_sink *sink)
{
	struct drop *d = drop;
	struct memstore *m = d->store;
	int status;

	(void)call;
	if (injected(m, MEMSTORE_LIST, &status))
		return status;
	for (size_t i = 0; i < d->n; i++) {
		pthread_mutex_lock(&m->lock);
		const struct message *g = must_find(m, d->refs[i]);
		struct popart_msg msg = { .ref = d->refs[i],
			.wire_size = wire_size(g, m->form) + (uint64_t)g->lie,
			.uid = { .ptr = g->uid, .len = strlen(g->uid) },
			.received_s = g->received_s,
			.flags = g->flags };
		pthread_mutex_unlock(&m->lock);
		status = sink->add(sink, &msg, 1, sizeof(msg));
		if (status)
			return status;
	}
	return POPART_OK;
}

static void source_release(struct popart_source *src)
{
	struct reader *r = src->ctx;
	struct memstore *m = r->store;

	pthread_mutex_lock(&m->lock);
	m->held--;
	r->message->wire_sent = src->wire_sent;
	pthread_mutex_unlock(&m->lock);
	free(r->copy);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static size_t octets_left(const struct message *g)
{
	return g->keep < g->len ? g->keep : g->len;
}

static int64_t source_read(
	struct popart_source *src, const struct popart_call *call, void *buf, size_t cap)
{
	struct reader *r = src->ctx;
	struct memstore *m = r->store;
	int status;

	(void)call;
	if (injected(m, MEMSTORE_READ, &status))
		return status;
	pthread_mutex_lock(&m->lock);
	size_t n = octets_left(r->message) - r->at;
	if (n > cap)
		n = cap;
	if (m->chunk && n > m->chunk)
		n = m->chunk;
	if (n)
		memcpy(buf, r->message->text + r->at, n);
	r->at += n;
	pthread_mutex_unlock(&m->lock);
	return (int64_t)n;
}

static int put_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Under the lock. */
static int fill_source(const struct memstore *m, struct reader *r, struct popart_source *src)
{
	const struct message *g = r->message;

	src->kind = (uint32_t)m->kind;
	src->form = m->form;
	src->ctx = r;
	src->release = source_release;
	switch (m->kind) {
	case POPART_SRC_READ:
		src->read = source_read;
		src->length = octets_left(g) < g->len ? g->len : 0;
		break;
	case POPART_SRC_FD:
		r->fd = memfd_create("message", MFD_CLOEXEC);
		if (r->fd < 0 || put_all(r->fd, "...", FD_OFFSET) ||
			put_all(r->fd, g->text, octets_left(g)))
			return POPART_E_IO;
		src->fd = r->fd;
		src->offset = FD_OFFSET;
		src->length = g->len;
		break;
	case POPART_SRC_MEM:
		src->length = octets_left(g);
		r->copy = malloc(src->length ? src->length : 1);
		if (!r->copy)
			return POPART_E_NOMEM;
		memcpy(r->copy, g->text, src->length);
		src->mem = r->copy;
		break;
	}
	if (m->body_known) {
		for (size_t i = 0; i < g->len && !src->body_offset; i++) {
			const char *p = g->text + i;
			if (*p == '\n' &&
				(i == 0 || p[-1] == '\n' ||
					(p[-1] == '\r' && (i == 1 || p[-2] == '\n'))))
				src->body_offset = i + 1;
		}
	}
	return POPART_OK;
}

static int op_message(
	void *drop, const struct popart_call *call, uint64_t ref, struct popart_source *src)
{
	struct drop *d = drop;
	struct memstore *m = d->store;
	int status;

	(void)call;
	if (injected(m, MEMSTORE_MESSAGE, &status))
		return status;
	struct reader *r = calloc(1, sizeof(*r));
	if (!r)
		return POPART_E_NOMEM;
	r->fd = -1;
	r->store = m;
	pthread_mutex_lock(&m->lock);
	r->message = find(m, ref);
	if (!r->message)
		status = POPART_E_BUG;
	else if (r->message->gone)
		status = POPART_R_GONE;
	else
		status = fill_source(m, r, src);
	if (!status)
		m->held++;
	pthread_mutex_unlock(&m->lock);
	if (status) {
		free(r->copy);
		if (r->fd >= 0)
			close(r->fd);
		free(r);
	}
	return status;
}

static int op_commit(void *drop, const struct popart_call *call, const uint64_t *refs, size_t n,
	size_t *removed)
{
	struct drop *d = drop;
	struct memstore *m = d->store;
	int status = POPART_OK;
	size_t todo = n;

	(void)call;
	*removed = 0;
	if (injected(m, MEMSTORE_COMMIT, &status)) {
		if (status != POPART_R_PARTIAL)
			return status;
		todo = n / 2;
	} else {
		status = POPART_OK;
	}
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n; i++) {
		if (!find(m, refs[i])) {
			status = POPART_E_BUG;
			todo = 0;
		}
	}
	for (size_t i = 0; i < todo; i++)
		m->messages[refs[i] - 1]->gone = true;
	pthread_mutex_unlock(&m->lock);
	*removed = todo;
	return status;
}

static void op_close(void *drop, const struct popart_call *call)
{
	struct drop *d = drop;

	(void)call;
	pthread_mutex_lock(&d->store->lock);
	d->store->opened--;
	pthread_mutex_unlock(&d->store->lock);
	free(d);
}

static void delivery_free(struct delivery *v)
{
	free(v->uid);
	free(v->text);
	free(v->owner);
	free(v);
}

static int op_deliver_begin(void *state, const struct popart_call *call,
	const struct popart_user *user, const struct popart_delivery *how, void **dlv)
{
	struct delivery *v = calloc(1, sizeof(*v));
	struct memstore *m = state;
	int made;

	(void)call;
	if (!v)
		return POPART_E_NOMEM;
	v->store = m;
	v->received_s = how->received_s;
	v->flags = how->flags & POPART_MSG_SEEN;
	v->owner = strndup(user->name.ptr, user->name.len);
	pthread_mutex_lock(&m->lock);
	if (how->uid.len)
		made = asprintf(&v->uid, "%.*s", (int)how->uid.len, how->uid.ptr);
	else
		made = asprintf(&v->uid, "delivered-%u", ++m->delivered);
	pthread_mutex_unlock(&m->lock);
	if (made < 0 || !v->owner) {
		v->uid = made < 0 ? NULL : v->uid;
		delivery_free(v);
		return POPART_E_NOMEM;
	}
	*dlv = v;
	return POPART_OK;
}

static int op_deliver_write(
	void *dlv, const struct popart_call *call, const void *octets, size_t n)
{
	struct delivery *v = dlv;
	char *grown = realloc(v->text, v->len + n + 1);

	(void)call;
	if (!grown)
		return POPART_E_NOMEM;
	v->text = grown;
	if (n)
		memcpy(v->text + v->len, octets, n);
	v->len += n;
	return POPART_OK;
}

static void op_deliver_abandon(void *dlv, const struct popart_call *call)
{
	(void)call;
	delivery_free(dlv);
}

static int op_deliver_finish(void *dlv, const struct popart_call *call)
{
	struct delivery *v = dlv;
	struct popart_str owner = { .ptr = v->owner, .len = strlen(v->owner) };
	struct popart_str text = { .ptr = v->text, .len = v->len };
	uint64_t ref = memstore_add_for(v->store, owner, v->uid, text);

	(void)call;
	if (ref) {
		pthread_mutex_lock(&v->store->lock);
		struct message *g = must_find(v->store, ref);
		g->flags = v->flags;
		g->received_s = v->received_s ? v->received_s : g->received_s;
		pthread_mutex_unlock(&v->store->lock);
	}
	delivery_free(v);
	return ref ? POPART_OK : POPART_E_NOMEM;
}

#define OPS(capabilities)                                                                     \
	{                                                                                     \
		.size = sizeof(struct popart_storage_ops), .caps = (capabilities),            \
		.open = op_open, .list = op_list, .message = op_message, .commit = op_commit, \
		.close = op_close, .deliver_begin = op_deliver_begin,                         \
		.deliver_write = op_deliver_write, .deliver_finish = op_deliver_finish,       \
		.deliver_abandon = op_deliver_abandon                                         \
	}

const struct popart_storage_ops memstore_ops = OPS(0); /* it can be told to do half */
const struct popart_storage_ops memstore_ops_blocking = OPS(POPART_STORE_BLOCKS);
