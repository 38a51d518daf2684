/* SPDX-License-Identifier: MIT */
#include "move/move.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include "base/clock.h"
#include "base/text.h"
#include "move/octets.h"

#define DETAIL_MAX   1024u
#define WAIT_STEP_MS 50

struct moving {
	const struct move *how;
	struct move_count *count;
	struct buf *why;
	struct end from, to;
	uint64_t locked[3]; /* both maildrops; and the target again, when its first message
	                       has made it another one */
	size_t nlocked;
	const char *const *hidden; /* header fields that the target shows to nobody */
	const struct end_msg *msg; /* under way, of the source */
	void *delivery;
	struct end *lost; /* whose store's lock could not be renewed; NULL: none */
	bool settled;     /* the target is there, and locked as what it is */
};

/* --- what went wrong --------------------------------------------------------------------- */

static int PRINTF_LIKE(3, 4) refuse(struct moving *m, int status, const char *fmt, ...)
{
	char text[DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_reset(m->why);
	text_add_printable(m->why, view_str(text), sizeof(text));
	return status;
}

/* What a call into a store, or auth, has come to. */
static int failed(struct moving *m, struct end *e, int status)
{
	struct host_call *call = &(m->lost ? m->lost : e)->call;
	struct popart_str detail = buf_view(&call->detail);

	if (status == POPART_E_CANCELLED)
		return refuse(m, status, "told to stop");
	if (detail.len == 0)
		detail = buf_view(&call->client);
	if (detail.len == 0)
		detail = view_str(host_status_name(status));
	return refuse(m, status, "%s: %.*s%s%s",
		call->inst ? host_instance_name(call->inst) : "popart", VIEW_FMT(detail),
		call->os_error ? ": " : "", call->os_error ? strerror(call->os_error) : "");
}

static bool is_stopped(const struct moving *m)
{
	return m->how->stopping && atomic_load(m->how->stopping);
}

static void tell(struct moving *m)
{
	if (m->how->progress)
		m->how->progress(m->how->ctx, m->count);
}

/* --- locks ------------------------------------------------------------------------------- */

static int in_use(struct moving *m, const struct end *e, uint64_t key)
{
	char who[LOCKS_HOLDER_MAX];

	return refuse(m, POPART_R_IN_USE, "%s: the maildrop is in use%s%s; try again later",
		host_instance_name(e->who->store),
		locks_holder(m->how->locks, key, who) ? " by " : "", who);
}

static int lock(struct moving *m, const struct end *e, uint64_t key)
{
	int64_t until = clock_ms() + m->how->wait_ms;
	int error;

	while ((error = locks_take(m->how->locks, key, -1)) == EAGAIN && clock_ms() < until) {
		if (is_stopped(m))
			return refuse(m, POPART_E_CANCELLED, "told to stop");
		(void)nanosleep(&(struct timespec){ .tv_nsec = WAIT_STEP_MS * 1000000 }, NULL);
	}
	if (error == EAGAIN)
		return in_use(m, e, key);
	if (error)
		return refuse(m, POPART_E_IO, "cannot lock the maildrop: %s", strerror(error));
	m->locked[m->nlocked++] = key;
	return POPART_OK;
}

/* The lesser one first, whichever way mail goes: two copies cannot wait for each other. */
static int lock_both(struct moving *m)
{
	uint64_t from = 0, to = 0;
	int status = store_lock_key(&m->from.call, m->from.who, &from);

	if (status)
		return failed(m, &m->from, status);
	status = store_lock_key(&m->to.call, m->to.who, &to);
	if (status)
		return failed(m, &m->to, status);
	if (from == to)
		return refuse(m, POPART_R_PERM, "%s and %s have one and the same maildrop here",
			host_instance_name(m->how->from), host_instance_name(m->how->to));
	status = from < to ? lock(m, &m->from, from) : lock(m, &m->to, to);
	if (status)
		return status;
	return from < to ? lock(m, &m->to, to) : lock(m, &m->from, from);
}

/* A maildrop that the first delivery makes is known by another key than before. */
static int settle(struct moving *m)
{
	uint64_t key = 0;
	int status;

	if (m->settled)
		return POPART_OK;
	m->settled = true;
	status = store_lock_key(&m->to.call, m->to.who, &key);
	if (status)
		return failed(m, &m->to, status);
	for (size_t i = 0; i < m->nlocked; i++) {
		if (m->locked[i] == key)
			return POPART_OK;
	}
	return lock(m, &m->to, key);
}

/* --- one message ------------------------------------------------------------------------- */

static int keep_locks(struct moving *m)
{
	struct end *ends[] = { &m->from, &m->to };
	int status = POPART_OK;

	for (size_t i = 0; i < ARRAY_LEN(ends) && !status; i++) {
		status = end_keep(ends[i]);
		m->lost = status ? ends[i] : NULL;
	}
	return status;
}

static int put(void *ctx, struct popart_str piece)
{
	struct moving *m = ctx;
	int status = is_stopped(m) ? POPART_E_CANCELLED : keep_locks(m);

	if (!status && m->delivery)
		status = store_deliver_write(
			&m->to.call, m->to.who->store, m->delivery, piece.ptr, piece.len);
	m->count->octets_done += piece.len;
	tell(m);
	return status;
}

/* A piece of a message that is only compared: counted by who compares. */
static int look(void *ctx, struct popart_str piece)
{
	struct moving *m = ctx;

	(void)piece;
	tell(m);
	return is_stopped(m) ? POPART_E_CANCELLED : keep_locks(m);
}

static int digest(struct moving *m, struct end *e, const struct end_msg *msg,
	const char *const *hidden, uint64_t limit, struct octets_sum *sum)
{
	struct octets_how how = { .hidden = hidden, .limit = limit, .put = look, .ctx = m };
	int status = octets_pour(e, msg->ref, &how, sum);

	return status ? failed(m, e, status) : POPART_OK;
}

static int quote_uid(struct moving *m, int status, const char *before, const char *behind)
{
	return refuse(
		m, status, "%s\"%.*s\"%s", before, VIEW_FMT(end_uid(&m->from, m->msg)), behind);
}

/* Whether the octets of the target's message are how the source's begins. */
static int is_beginning(
	struct moving *m, const struct octets_sum *there, const struct end_msg *msg, bool *is)
{
	int status = POPART_OK;

	*is = false;
	/* The end of its last line may be a RETR's only. */
	for (uint64_t less = 0; less <= 2 && less <= there->wire && !*is && !status;
		less += 2) {
		struct octets_sum part = *there, whole = { .wire = 0 };

		if (less)
			status = digest(m, &m->to, msg, NULL, there->wire - less, &part);
		if (!status)
			status = digest(
				m, &m->from, m->msg, m->hidden, there->wire - less, &whole);
		*is = !status && whole.wire > there->wire - less &&
			memcmp(whole.sum, part.sum, sizeof(part.sum)) == 0;
	}
	return status;
}

/* A copy that was killed in the middle of its last message, where the store could not help
 * that: the part goes, and the message is copied. */
static int remove_part(struct moving *m, const struct end_msg *msg)
{
	size_t removed;
	uint64_t ref = msg->ref;
	int status = end_renew(&m->to);

	if (status == POPART_OK)
		status = store_commit(
			&m->to.call, m->to.who->store, m->to.drop, &ref, 1, &removed);
	if (status == POPART_OK)
		status = end_list(&m->to);
	if (status)
		return failed(m, &m->to, status);
	m->count->mended++;
	return POPART_OK;
}

/* The target has a message with this unique-id. *there: it is the same. */
static int compare(struct moving *m, const struct end_msg *msg, bool *there)
{
	struct octets_sum mine, theirs;
	bool part = false;
	int status = digest(m, &m->to, msg, NULL, UINT64_MAX, &theirs);

	if (status == POPART_R_GONE)
		return POPART_OK; /* removed by another program since it was listed */
	if (!status)
		status = digest(m, &m->from, m->msg, m->hidden, UINT64_MAX, &mine);
	if (status)
		return status;
	*there =
		mine.wire == theirs.wire && memcmp(mine.sum, theirs.sum, sizeof(mine.sum)) == 0;
	if (*there)
		return POPART_OK;
	if (msg == &m->to.v[m->to.n - 1])
		status = is_beginning(m, &theirs, msg, &part);
	if (!status && part)
		return remove_part(m, msg);
	if (!status)
		status = quote_uid(m, POPART_R_PERM, "another message with the unique-id ",
			" is in the target already; nothing is written over");
	return status;
}

static int deliver(struct moving *m)
{
	struct octets_how how = {
		.hidden = m->hidden, .limit = UINT64_MAX, .put = put, .ctx = m
	};
	struct octets_sum sum;
	int status = octets_pour(&m->from, m->msg->ref, &how, &sum);

	if (status)
		return failed(m, sum.put_failed ? &m->to : &m->from, status);
	if (sum.size != m->msg->size && !(m->msg->flags & POPART_MSG_SIZE_HINT))
		return refuse(m, POPART_E_CORRUPT,
			"message \"%.*s\" is listed with %ju octets and has %ju",
			VIEW_FMT(end_uid(&m->from, m->msg)), (uintmax_t)m->msg->size,
			(uintmax_t)sum.size);
	status = store_deliver_finish(&m->to.call, m->to.who->store, &m->delivery);
	if (status)
		return failed(m, &m->to, status);
	m->count->copied++;
	m->count->copied_octets += sum.size;
	return POPART_OK;
}

static int copy(struct moving *m)
{
	struct popart_delivery about = { .size = sizeof(about),
		.flags = m->msg->flags & POPART_MSG_SEEN,
		.size_hint = m->msg->size,
		.received_s = m->msg->received_s,
		.uid = end_uid(&m->from, m->msg) };
	int status = store_deliver_begin(&m->to.call, m->to.who, &about, &m->delivery);

	if (status == POPART_R_UNSUPPORTED && m->to.call.detail.len == 0)
		return refuse(m, status, "%s takes no messages",
			host_instance_name(m->to.who->store));
	if (status)
		return failed(m, &m->to, status);
	status = settle(m);
	if (!status)
		status = deliver(m);
	store_deliver_abandon(&m->to.call, m->to.who->store, &m->delivery);
	return status;
}

/* What another program has removed meanwhile is no failure. */
static int move_message(struct moving *m)
{
	const struct end_msg *msg = end_find(&m->to, end_uid(&m->from, m->msg));
	uint64_t octets = m->count->octets_done;
	bool there = false;
	int status = keep_locks(m);

	if (status)
		return failed(m, m->lost, status);
	if (msg)
		status = compare(m, msg, &there);

	if (!status && !there)
		status = copy(m);
	m->count->there += there;
	if (status == POPART_R_GONE) {
		m->count->gone++;
		status = POPART_OK;
	}
	m->count->octets_done = octets + m->msg->size;
	m->count->messages_done++;
	tell(m);
	return status;
}

/* --- all of them ------------------------------------------------------------------------- */

static int move_all(struct moving *m)
{
	int status = POPART_OK;

	m->count->messages = m->from.n;
	for (size_t i = 0; i < m->from.n; i++)
		m->count->octets += m->from.v[i].size;
	tell(m);
	for (size_t i = 0; i < m->from.n && !status; i++) {
		m->msg = &m->from.v[i];
		status = is_stopped(m) ? refuse(m, POPART_E_CANCELLED, "told to stop")
				       : move_message(m);
	}
	return status;
}

static int list_both(struct moving *m)
{
	int status = end_list(&m->from);

	if (status)
		return failed(m, &m->from, status);
	status = end_list(&m->to);
	return status ? failed(m, &m->to, status) : POPART_OK;
}

/* --- verification ------------------------------------------------------------------------ */

static int differs(struct moving *m, const char *what)
{
	return quote_uid(m, POPART_E_CORRUPT, "the copy differs: message ", what);
}

/* *last: place of the last message that was found in the target, + 1. */
static int verify_message(struct moving *m, size_t *last)
{
	const struct end_msg *msg = end_find(&m->to, end_uid(&m->from, m->msg));
	struct octets_sum mine, theirs;
	size_t at;
	int status;

	if (!msg)
		return differs(m, " is not in the target");
	at = (size_t)(msg - m->to.v);
	if (at < *last)
		return differs(m, " is not in its order");
	*last = at + 1;
	if (m->msg->received_s && msg->received_s != m->msg->received_s)
		return differs(m, " has another time of arrival");
	if ((msg->flags ^ m->msg->flags) & POPART_MSG_SEEN)
		return differs(m, " has other flags");
	status = digest(m, &m->from, m->msg, m->hidden, UINT64_MAX, &mine);
	if (!status)
		status = digest(m, &m->to, msg, NULL, UINT64_MAX, &theirs);
	if (status)
		return status;
	if (msg->size != mine.shown || theirs.size != mine.shown)
		return differs(m, " has another size");
	if (memcmp(mine.sum, theirs.sum, sizeof(mine.sum)) != 0)
		return differs(m, " has other octets");
	return POPART_OK;
}

static int verify(struct moving *m)
{
	struct move_count *c = m->count;
	size_t last = 0;
	int status = list_both(m);

	c->verifying = true;
	c->messages_done = c->octets_done = 0;
	for (size_t i = 0; i < m->from.n && !status; i++) {
		m->msg = &m->from.v[i];
		status = is_stopped(m) ? refuse(m, POPART_E_CANCELLED, "told to stop")
				       : verify_message(m, &last);
		c->octets_done += m->msg->size;
		c->messages_done++;
		tell(m);
	}
	if (!status)
		c->others = m->to.n - m->from.n;
	c->verified = !status;
	return status;
}

/* ----------------------------------------------------------------------------------------- */

static int begin(struct moving *m, struct popart_str user)
{
	int status = end_begin(&m->from, m->how->host, m->how->from, user);

	if (status == POPART_R_DENIED)
		return refuse(m, status, "there is no such user");
	if (status)
		return failed(m, &m->from, status);
	status = end_begin(&m->to, m->how->host, m->how->to, user);
	if (status)
		return failed(m, &m->to, status);
	m->hidden = store_hidden_fields(m->how->to);
	return lock_both(m);
}

int move_user(const struct move *how, struct popart_str user, struct move_count *count,
	struct buf *why)
{
	struct moving m = { .how = how, .count = count, .why = why };
	int status;

	*count = (struct move_count){ 0 };
	status = begin(&m, user);
	if (!status)
		status = list_both(&m);
	if (!status)
		status = move_all(&m);
	if (!status && how->verify)
		status = verify(&m);
	if (!status)
		buf_reset(why); /* what was gone has been told of */
	end_free(&m.to);
	end_free(&m.from);
	while (m.nlocked > 0)
		locks_drop(how->locks, m.locked[--m.nlocked]);
	return status;
}
