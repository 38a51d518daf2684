/* SPDX-License-Identifier: MIT */
#include "check/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define LIST    "storage.h: popart_storage_ops.list"
#define MESSAGE "storage.h: popart_storage_ops.message"
#define COMMIT  "storage.h: popart_storage_ops.commit"

enum {
	FORMS = POPART_FORM_CRLF | POPART_FORM_NO_DOTS | POPART_FORM_ENDS_LINE |
		POPART_FORM_STUFFED | POPART_FORM_WAS_LF
};

void session_init(struct session *x, struct scene *s, const char *user)
{
	memset(x, 0, sizeof(*x));
	x->scene = s;
	x->user = user;
	x->id = atomic_fetch_add(&s->sessions, 1) + 1;
	x->deadline_ms = INT64_MAX;
	mock_list_init(&x->list);
}

/* ---- around every call ---- */

static void begin(struct session *x, struct mock_call *call, unsigned thread, const char *op)
{
	scene_enter(x->scene);
	mock_call_begin(call, x->scene->host, thread, x->id);
	call->pub.deadline_ms = x->deadline_ms;
	mock_call_named(call, op);
}

static int end(struct session *x, struct mock_call *call, const char *op, int status)
{
	return scene_returned(x->scene, call, op, status, x->why, sizeof(x->why));
}

/* ---- open, close ---- */

int session_open(struct session *x, unsigned thread)
{
	struct scene *s = x->scene;
	struct mock_call *call = scene_call(x->scene, thread);
	struct guest user;
	void *untouched = call, *drop = untouched;
	char number[32];

	guest_come(&user, s, x->user);
	begin(x, call, thread, "open");
	int status = s->ops->open(mockhost_state(s->host), &call->pub, &user.pub, &drop);
	end(x, call, "open", status);
	guest_go(&user);
	if (status)
		tally_holds(s->tally, drop == untouched,
			"storage.h: popart_storage_ops.open: On any failure nothing is held "
			"and "
			"*drop is left alone",
			"open returned %s and has changed *drop", status_name(status, number));
	else if (tally_holds(s->tally, drop != untouched, "storage.h: popart_storage_ops.open",
			 "open returned POPART_OK and has not set *drop"))
		x->drop = drop;
	return status;
}

void session_close(struct session *x, unsigned thread)
{
	struct mock_call *call = scene_call(x->scene, thread);

	if (x->drop) {
		begin(x, call, thread, "close");
		x->scene->ops->close(x->drop, &call->pub);
		end(x, call, "close", POPART_OK);
	}
	x->drop = NULL;
	mock_list_free(&x->list);
}

/* ---- list ---- */

struct guard {
	struct popart_msg_sink sink; /* first member */
	struct session *session;
	struct mock_list *list;
	int said; /* by the sink, the first that was not POPART_OK */
};

static void check_message(struct tally *t, const struct popart_msg *m, size_t nth)
{
	tally_holds(t, m->reserved == 0, "storage.h: popart_msg.reserved: zero",
		"message %zu was listed with reserved %u", nth, m->reserved);
	tally_holds(t, !(m->flags & ~(uint32_t)(POPART_MSG_SEEN | POPART_MSG_SIZE_HINT)),
		"storage.h: popart_msg.flags", "message %zu was listed with the flags 0x%x",
		nth, m->flags);
	tally_holds(t, m->received_s >= 0, "storage.h: popart_msg.received_s",
		"message %zu was listed with the time of arrival %lld", nth,
		(long long)m->received_s);
}

static int guard_add(
	struct popart_msg_sink *sink, const struct popart_msg *msgs, size_t n, size_t stride)
{
	struct guard *g = (struct guard *)(void *)sink;
	struct tally *t = g->session->scene->tally;
	int status;

	tally_holds(t, g->said == POPART_OK,
		"storage.h: popart_msg_sink: Non-zero: stop and return that status",
		"list went on after the sink had said no");
	if (!tally_holds(t, stride >= sizeof(*msgs) && (msgs || n == 0),
		    "storage.h: popart_msg_sink: stride is sizeof(struct popart_msg)",
		    "list added messages %zu octets long", stride))
		return g->said = POPART_E_BUG;
	for (size_t i = 0; msgs && i < n; i++)
		check_message(
			t, (const void *)((const char *)msgs + i * stride), g->list->n + i + 1);
	status = g->list->sink.add(&g->list->sink, msgs, n, stride);
	if (!g->said)
		g->said = status;
	return status;
}

static bool is_uid(const struct mock_msg *m)
{
	if (m->uid_len < 1 || m->uid_len > 70)
		return false;
	for (size_t i = 0; i < m->uid_len; i++)
		if (m->uid[i] < 0x21 || m->uid[i] > 0x7e)
			return false;
	return true;
}

static int by_uid(const void *a, const void *b)
{
	return strcmp(((const struct mock_msg *)a)->uid, ((const struct mock_msg *)b)->uid);
}

static int by_ref(const void *a, const void *b)
{
	uint64_t x = ((const struct mock_msg *)a)->ref, y = ((const struct mock_msg *)b)->ref;

	return x < y ? -1 : x > y;
}

static void check_list(struct tally *t, const struct mock_list *l)
{
	struct mock_msg *v = l->n ? malloc(l->n * sizeof(*v)) : NULL;

	for (size_t i = 0; i < l->n; i++)
		tally_holds(t, is_uid(&l->v[i]),
			"storage.h: popart_msg.uid: 1..70 octets of 0x21..0x7E",
			"message %zu has a unique-id of %zu octets: \"%.70s\"", i + 1,
			l->v[i].uid_len, l->v[i].uid);
	if (!v)
		return;
	memcpy(v, l->v, l->n * sizeof(*v));
	qsort(v, l->n, sizeof(*v), by_uid);
	for (size_t i = 1; i < l->n; i++)
		tally_holds(t, strcmp(v[i - 1].uid, v[i].uid) != 0,
			"storage.h: popart_msg.uid: unique in the maildrop",
			"two messages have the unique-id %.70s", v[i].uid);
	qsort(v, l->n, sizeof(*v), by_ref);
	for (size_t i = 1; i < l->n; i++)
		tally_holds(t, v[i - 1].ref != v[i].ref, "storage.h: popart_msg.ref",
			"two messages have the ref %llu", (unsigned long long)v[i].ref);
	free(v);
}

int session_list(struct session *x, unsigned thread)
{
	struct tally *t = x->scene->tally;
	struct guard g = { .sink = { .size = sizeof(g.sink), .add = guard_add },
		.session = x,
		.list = &x->list };
	char number[32], said[32];
	struct mock_call *call = scene_call(x->scene, thread);

	begin(x, call, thread, "list");
	int status = x->scene->ops->list(x->drop, &call->pub, &g.sink);
	end(x, call, "list", status);
	tally_holds(t, !g.said || status == g.said,
		"storage.h: popart_msg_sink: Non-zero: stop and return that status",
		"the sink said %s and list returned %s", status_name(g.said, said),
		status_name(status, number));
	if (!status)
		check_list(t, &x->list);
	return status;
}

/* ---- message ---- */

static void check_source(struct tally *t, const struct popart_source *s)
{
	bool fd = s->kind == POPART_SRC_FD, mem = s->kind == POPART_SRC_MEM,
	     reads = s->kind == POPART_SRC_READ;

	tally_holds(t, s->size == sizeof(*s), "storage.h: popart_source: The host sets size",
		"message() has changed the source's size to %u", s->size);
	tally_holds(t, fd || mem || reads, "storage.h: enum popart_source_kind",
		"message() returned a source of kind %u", s->kind);
	tally_holds(t, !(s->form & ~(uint32_t)FORMS), "storage.h: POPART_FORM_CRLF ...",
		"message() returned a source with the form 0x%x", s->form);
	tally_holds(t, !(s->form & POPART_FORM_WAS_LF) || (s->form & POPART_FORM_CRLF),
		"storage.h: POPART_FORM_WAS_LF: the store has made it CRLF",
		"message() says WAS_LF without CRLF");
	if (fd)
		tally_holds(t, s->fd >= 0 && (fcntl(s->fd, F_GETFL) & O_ACCMODE) != O_WRONLY,
			"storage.h: popart_source.fd",
			"message() returned the descriptor %d, which cannot be read", s->fd);
	if (mem)
		tally_holds(t, s->mem || s->length == 0, "storage.h: popart_source.mem",
			"message() returned memory without an address");
	if (reads)
		tally_holds(t, s->read != NULL, "storage.h: popart_source.read",
			"message() returned a source without a function to read it");
	if (!reads || s->length)
		tally_holds(t, s->body_offset <= s->length,
			"storage.h: popart_source.body_offset",
			"the body begins at %llu in a source of %llu octets",
			(unsigned long long)s->body_offset, (unsigned long long)s->length);
}

int session_message(struct session *x, unsigned thread, uint64_t ref, struct popart_source *src)
{
	struct mock_call *call = scene_call(x->scene, thread);

	memset(src, 0, sizeof(*src));
	src->size = sizeof(*src);
	begin(x, call, thread, "message");
	int status = x->scene->ops->message(x->drop, &call->pub, ref, src);
	end(x, call, "message", status);
	if (!status)
		check_source(x->scene->tally, src);
	return status;
}

void session_release(struct session *x, struct popart_source *src)
{
	scene_enter(x->scene);
	if (src->release)
		src->release(src);
	memset(src, 0xdd, sizeof(*src));
	scene_leave(x->scene);
}

unsigned char *session_drain(
	struct session *x, unsigned thread, struct popart_source *src, size_t *n, int *status)
{
	struct mock_call *call = scene_call(x->scene, thread);
	int64_t error = 0;

	begin(x, call, thread, "read");
	unsigned char *text = mock_source_read(call, src, n, &error);
	mock_call_end(call);
	scene_leave(x->scene);
	*status = (int)error;
	return text;
}

/* Takes doubled dots back to one. */
static void unstuff(unsigned char *p, size_t *n)
{
	size_t o = 0;

	for (size_t i = 0; i < *n; i++) {
		if (p[i] == '.' && (i == 0 || p[i - 1] == '\n') && ++i == *n)
			break;
		p[o++] = p[i];
	}
	*n = o;
}

static unsigned char *take(struct session *x, unsigned thread, uint64_t ref, size_t *n,
	int *status, uint32_t *form)
{
	struct popart_source src;

	*n = 0;
	*status = session_message(x, thread, ref, &src);
	if (*status)
		return NULL;
	unsigned char *text = session_drain(x, thread, &src, n, status);

	*form = src.form;
	session_release(x, &src);
	return text;
}

unsigned char *session_octets(
	struct session *x, unsigned thread, uint64_t ref, size_t *n, int *status)
{
	uint32_t form;

	return take(x, thread, ref, n, status, &form);
}

unsigned char *session_read(
	struct session *x, unsigned thread, uint64_t ref, size_t *n, int *status)
{
	uint32_t form = 0;
	unsigned char *text = take(x, thread, ref, n, status, &form);

	if (text && form & POPART_FORM_STUFFED)
		unstuff(text, n);
	return text;
}

bool session_shows(struct session *x, unsigned thread, size_t i, struct popart_str text)
{
	struct tally *t = x->scene->tally;
	const struct mock_msg *m = &x->list.v[i];
	size_t n = 0, wire = 0;
	int status = 0;
	unsigned char *got = session_read(x, thread, m->ref, &n, &status);
	bool ok = tally_holds(t, got != NULL, MESSAGE, "message %zu could not be read: %s",
		i + 1, status > 0 || x->why[0] ? x->why : strerror(-status));

	if (!ok)
		return false;
	free(mock_wire(got, n, &wire));
	ok = tally_holds(t, scene_shows(x->scene, got, n, text), MESSAGE,
		"message %zu came as %zu octets that are not those that were put in", i + 1, n);
	ok &= tally_holds(t, wire == m->wire_size || (m->flags & POPART_MSG_SIZE_HINT),
		"storage.h: popart_msg.wire_size: EXACT",
		"message %zu was listed with %llu octets, and a RETR would send %zu", i + 1,
		(unsigned long long)m->wire_size, wire);
	free(got);
	return ok;
}

/* ---- commit ---- */

static void check_commit(
	struct session *x, int status, size_t n, size_t removed, const char *name)
{
	uint32_t caps = x->scene->ops->caps;
	struct tally *t = x->scene->tally;

	tally_holds(t, removed <= n, COMMIT ": *removed says how many",
		"commit of %zu messages says that %zu were removed", n, removed);
	if (caps & POPART_STORE_READ_ONLY)
		tally_holds(t, status == POPART_R_PERM,
			"storage.h: POPART_STORE_READ_ONLY: commit always answers "
			"POPART_R_PERM",
			"commit returned %s", name);
	else if (status == POPART_OK)
		tally_holds(t, removed == n,
			COMMIT ": Remove exactly these, durably, before returning POPART_OK",
			"commit of %zu messages returned POPART_OK and says that %zu were "
			"removed",
			n, removed);
	if ((caps & POPART_STORE_ATOMIC_COMMIT) && status)
		tally_holds(t, removed == 0 && status != POPART_R_PARTIAL,
			COMMIT ": any other return means that none is gone",
			"commit is atomic, returned %s and says that %zu were removed", name,
			removed);
}

int session_commit(
	struct session *x, unsigned thread, const uint64_t *refs, size_t n, size_t *removed)
{
	size_t size = (n ? n : 1) * sizeof(*refs);
	uint64_t *copy = malloc(size);
	struct mock_call *call = scene_call(x->scene, thread);
	char number[32];

	if (!copy)
		abort();
	if (n)
		memcpy(copy, refs, n * sizeof(*refs));
	*removed = 0;
	begin(x, call, thread, "commit");
	call->must_finish = true;
	int status = x->scene->ops->commit(x->drop, &call->pub, copy, n, removed);
	end(x, call, "commit", status);
	memset(copy, 0xdd, size);
	free(copy);
	check_commit(x, status, n, *removed, status_name(status, number));
	return status;
}

int session_renew(struct session *x, unsigned thread)
{
	struct mock_call *call = scene_call(x->scene, thread);

	begin(x, call, thread, "renew");
	return end(x, call, "renew", x->scene->ops->renew(x->drop, &call->pub));
}

/* ---- in one step ---- */

bool session_begin(struct session *x, struct scene *s, const char *user)
{
	session_init(x, s, user);
	if (!tally_holds(s->tally, session_open(x, 0) == POPART_OK,
		    "storage.h: popart_storage_ops.open", "open failed: %s", x->why))
		return false;
	if (tally_holds(
		    s->tally, session_list(x, 0) == POPART_OK, LIST, "list failed: %s", x->why))
		return true;
	session_close(x, 0);
	return false;
}

bool session_has(struct session *x, size_t n)
{
	return tally_holds(x->scene->tally, x->list.n == n, LIST ": Every message",
		"%zu messages were listed where %zu are", x->list.n, n);
}

size_t session_find(const struct session *x, const struct mock_msg *m)
{
	size_t i = 0;

	while (i < x->list.n && strcmp(x->list.v[i].uid, m->uid) != 0)
		i++;
	return i;
}
