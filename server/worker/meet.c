/* SPDX-License-Identifier: MIT */
#include "worker/meet.h"
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/hash.h"
#include "ipc/chan.h"
#include "ipc/quarantine.h"
#include "net/digest.h"
#include "net/prep.h"
#include "worker/flow.h"
#include "worker/lease.h"
#include "worker/show.h"

/* A piece of a message that is read by calls. */
#define READ_ROOM (64u << 10)

/* Cut to fit, with a NUL. Not snprintf: it would be a good part of a short login. */
static size_t put(char *room, size_t size, size_t at, struct popart_str v)
{
	size_t n = v.len < size - 1 - at ? v.len : size - 1 - at;

	if (n)
		memcpy(room + at, v.ptr, n);
	room[at + n] = '\0';
	return at + n;
}

static struct board_thread *note_of(const struct conn *c)
{
	return board_thread(c->worker->board, c->worker->index, c->thread->index);
}

/* Also notes in the scoreboard what is going on, for who has to explain our death. */
static void call_begin(struct conn *c, struct host_call *call, const char *what)
{
	struct board_thread *note = note_of(c);
	const char *instance = c->who ? host_instance_name(c->who->store) : "auth";
	int64_t now_ns = clock_ns(), now = now_ns / 1000000;
	size_t n;

	host_call_begin(call, c->worker->host, c->thread->index, c->id,
		now + c->worker->conf->call_deadline_ms);
	call->clock_ns = now_ns;
	call->peer = conn_peer(c);
	call->user = c->who ? c->who->user : VIEW_NONE;
	call->who = c->who;
	n = put(note->what, sizeof(note->what), 0, view_str(instance));
	n = put(note->what, sizeof(note->what), n, VIEW_LIT("."));
	(void)put(note->what, sizeof(note->what), n, view_str(what));
	(void)put(note->peer, sizeof(note->peer), 0, call->peer);
	(void)put(note->user, sizeof(note->user), 0, call->user);
	_Static_assert(sizeof(note->what) >= HOST_DOING_SIZE, "the host writes there");
	call->doing = note->what; /* more exactly, as soon as a module is entered */
	note->session = c->id;
	note->key = c->who ? c->key : 0;
	atomic_store_explicit(&note->since_ms, now, memory_order_relaxed);
	atomic_store_explicit(&note->busy, BOARD_CALL, memory_order_release);
}

static void call_end(struct conn *c, struct host_call *call)
{
	atomic_store_explicit(&note_of(c)->busy, BOARD_IDLE, memory_order_release);
	host_call_end(call);
}

void meet_unlock(struct conn *c)
{
	if (!c->lock)
		return;
	board_lock_forget(c->worker->board, c->lock, c->worker->index, c->slot);
	locks_drop(c->worker->locks, c->lock);
	c->lock = 0;
}

struct apop_try {
	struct popart_str stamp, hex;
};

static bool apop_check(void *ctx, struct popart_str secret)
{
	const struct apop_try *try = ctx;

	return digest_apop_matches(try->stamp, secret, try->hex);
}

/* Workers died of the user again and again: whatever it was is not asked. */
static int quarantine(struct conn *c, struct host_call *call, uint64_t key)
{
	int64_t until = board_quarantine_until(c->worker->board, key), left;

	if (until == 0)
		return POPART_OK;
	left = until - clock_ms();
	if (left <= 0)
		return POPART_OK;
	conn_count(c, BOARD_QUARANTINED, 1);
	call->inst = c->who ? c->who->store : NULL;
	buf_printf(&call->detail, "quarantined for %jd s more, because workers died of it",
		(intmax_t)((left + 999) / 1000));
	return POPART_R_TEMP;
}

/* Who it is that modules are about to be asked about, as long as nobody has said so. */
static int claim(struct conn *c, struct host_call *call, struct popart_str name)
{
	struct board_thread *note = note_of(c);

	note->key = quarantine_key(NULL, name);
	if (c->worker->conf->log_refused_users)
		(void)put(note->user, sizeof(note->user), 0, name);
	return quarantine(c, call, note->key);
}

/* A POPART status; what is refused here the call records as a module would. */
static int authenticate(struct conn *c, struct host_call *call, const struct popart_step *step,
	struct buf prepared[3], bool quick)
{
	struct popart_login login = {
		.size = sizeof(login),
		.flags = c->tls ? POPART_LOGIN_TLS : 0,
		.mechanism = step->mechanism,
		.peer = conn_peer(c),
		.local = conn_local(c),
	};
	struct apop_try try = { .stamp = step->stamp, .hex = step->secret };
	bool apop = view_eq(step->mechanism, VIEW_LIT("APOP"));
	int status;

	if (!prep_credential(step->user, &prepared[0]) ||
		(step->act_as.len && !prep_credential(step->act_as, &prepared[1])) ||
		(!apop && !prep_credential(step->secret, &prepared[2]))) {
		buf_add_str(&call->detail, "a character that RFC 8265 does not allow");
		return POPART_R_DENIED;
	}
	login.user = buf_view(&prepared[0]);
	login.act_as = buf_view(&prepared[1]);
	status = claim(c, call, login.user);
	if (status != POPART_OK)
		return status;
	if (quick)
		return !apop && host_auth_quick(call, &login, buf_view(&prepared[2]), &c->who)
			? POPART_OK
			: POPART_R_UNSUPPORTED;
	if (apop)
		return host_auth_secret(call, &login, "plain", apop_check, &try, &c->who);
	return host_auth_password(call, &login, buf_view(&prepared[2]), &c->who);
}

static uint64_t user_hash(const struct conn *c)
{
	return hash_bytes(c->who->user, 0);
}

static int login_delay(const struct conn *c, struct host_call *call)
{
	uint32_t delay = c->worker->conf->login_delay_s, left;

	if (!delay)
		return POPART_OK;
	left = board_login_delay(c->worker->board, user_hash(c), clock_ms(), delay);
	if (!left)
		return POPART_OK;
	buf_printf(&call->client, "next login in %u seconds", (unsigned)left);
	return POPART_R_LOGIN_DELAY;
}

/* For the log, as long as nobody has said that there is such a user. */
static struct popart_str claimed_name(const struct conn *c, const struct popart_step *step)
{
	return c->worker->conf->log_refused_users ? step->user : VIEW_NONE;
}

/* The host has logged why. */
static void count_failure(struct conn *c, int status)
{
	if (status >= 0)
		return;
	c->failures++;
	conn_count(c, BOARD_MODULE_FAILURES, 1);
}

static void answer_login(
	struct conn *c, struct host_call *call, const struct popart_step *step, int status)
{
	struct popart_str name = status == POPART_OK ? step->user : claimed_name(c, step);

	if (status == POPART_OK) {
		c->key = quarantine_key(host_instance_name(c->who->store), c->who->user);
		status = quarantine(c, call, c->key);
	}
	if (status == POPART_OK)
		status = login_delay(c, call);
	if (status != POPART_OK) {
		call->status = status;
		count_failure(c, status);
		conn_count(c,
			status == POPART_R_DENIED ? BOARD_AUTH_FAILURES : BOARD_LOGIN_ERRORS,
			1);
		show_login(c, status == POPART_R_DENIED ? FIGURES_DENIED : FIGURES_ERROR);
		show_failure(c,
			status == POPART_R_DENIED ? LOG_EV_AUTH_FAILED : LOG_EV_LOGIN_FAILED,
			call, name);
	}
	popart_session_auth_done(c->pop3, status, buf_view(&call->client));
	if (status != POPART_OK)
		host_identity_free(&c->who);
}

/* quick: a yes, or nothing has happened, which is false. */
static bool meet_auth(struct conn *c, const struct popart_step *step, bool quick)
{
	struct host_call call;
	struct buf prepared[3];
	int status;

	for (size_t i = 0; i < ARRAY_LEN(prepared); i++)
		buf_init(&prepared[i], 64u << 10);
	host_identity_free(&c->who);
	c->mechanism = figures_word(&figures_mechanisms, step->mechanism.ptr);
	call_begin(c, &call, "login");
	call.user = claimed_name(c, step);
	status = authenticate(c, &call, step, prepared, quick);
	if (status == POPART_OK || !quick)
		answer_login(c, &call, step, status);
	call_end(c, &call);
	for (size_t i = 0; i < ARRAY_LEN(prepared); i++)
		buf_wipe(&prepared[i]);
	return status == POPART_OK || !quick;
}

bool meet_quick(struct conn *c, enum popart_want want, const struct popart_step *step)
{
	return want == POPART_WANT_AUTH && meet_auth(c, step, true);
}

/* Once a tick: a crowd of clients that come again and again for one maildrop would keep
 * the master busy with nothing else. */
static bool was_just_probed(struct worker *w, uint64_t lock)
{
	enum { TICK_MS = 250, TICK_BITS = 16 };
	uint64_t tick = (uint64_t)(clock_ms() / TICK_MS) & ((1u << TICK_BITS) - 1);
	uint64_t entry = (lock >> TICK_BITS << TICK_BITS) | tick;

	return atomic_exchange_explicit(
		       &w->probes[lock % PROBE_PLACES], entry, memory_order_relaxed) == entry;
}

/* Somebody is refused because of this lock: is its holder still there? */
static void probe_holder(struct conn *c, uint64_t lock)
{
	struct chan_msg msg = { .layout = CHAN_LAYOUT, .kind = CHAN_PROBE, .lock = lock };

	if (was_just_probed(c->worker, lock))
		return;
	if (!locks_probe(c->worker->locks, lock))
		(void)chan_send(c->worker->chan, &msg, NULL, 0); /* a busy master: next time */
}

static void lock_taken(struct conn *c, struct host_call *call, uint64_t lock)
{
	call->clock_ns = clock_ns();
	c->lock = lock;
	c->moved_ms = call->clock_ns / 1000000;
	board_lock_note(c->worker->board, lock, c->worker->index, c->slot);
	show_progress(c); /* to list a large maildrop takes a while */
}

/* The client learns how long it may have to wait, but not who else has the password. A
 * holder of another generation is in another scoreboard: then there is less to tell. */
static void in_use(struct conn *c, struct host_call *call, uint64_t lock, struct holder *holder)
{
	int64_t now = clock_ms();

	conn_count(c, BOARD_IN_USE, 1);
	probe_holder(c, lock);
	buf_add_str(&call->client, "another session has this maildrop open");
	holder->in_the_way = true;
	holder->known =
		board_lock_holder(c->worker->board, lock, &holder->slot, &holder->worker);
	if (!holder->known)
		return;
	holder->held_s = (now - holder->slot.locked_ms) / 1000;
	holder->idle_s = (now - holder->slot.last_ms) / 1000;
	buf_printf(&call->client, ", for %jd s; idle for %jd s", (intmax_t)holder->held_s,
		(intmax_t)holder->idle_s);
}

static int take_lock(struct conn *c, struct host_call *call, struct holder *holder)
{
	uint64_t lock;
	int status = store_lock_key(call, c->who, &lock), error;

	if (status != POPART_OK)
		return status;
	error = locks_take(c->worker->locks, lock, c->fd);
	if (error == 0) {
		lock_taken(c, call, lock);
		return POPART_OK;
	}
	if (error == EAGAIN) {
		in_use(c, call, lock, holder);
		return POPART_R_IN_USE;
	}
	call->os_error = error;
	buf_printf(&call->detail, "cannot lock a file in %s/locks", c->worker->conf->run_dir);
	return POPART_E_IO;
}

static void meet_close(struct conn *c)
{
	struct host_call call;

	lease_end(c);
	call_begin(c, &call, "close");
	store_close(&call, c->who->store, &c->drop);
	meet_unlock(c);
	call_end(c, &call);
}

static int open_and_list(struct conn *c, struct host_call *call, struct holder *holder)
{
	int status = take_lock(c, call, holder);

	if (status == POPART_OK)
		status = store_open(call, c->who, &c->drop);
	if (status == POPART_OK) {
		lease_begin(c);
		status = store_list(call, c->who->store, c->drop, popart_session_sink(c->pop3));
	}
	return status;
}

static void open_failed(
	struct conn *c, struct host_call *call, int status, const struct holder *holder)
{
	call->status = status;
	conn_count(c, BOARD_LOGIN_ERRORS, 1);
	show_login(c, holder->in_the_way ? FIGURES_BUSY : FIGURES_ERROR);
	count_failure(c, status);
	if (holder->in_the_way)
		show_in_use(c, call, holder);
	else
		show_failure(c, LOG_EV_LOGIN_FAILED, call, VIEW_NONE);
	if (c->drop)
		meet_close(c);
	meet_unlock(c);
}

static void meet_open(struct conn *c)
{
	struct holder holder = { .in_the_way = false };
	struct host_call call;
	int status;

	call_begin(c, &call, "open");
	status = open_and_list(c, &call, &holder);
	if (status == POPART_OK) {
		if (c->worker->conf->login_delay_s)
			board_login_note(c->worker->board, user_hash(c), clock_ms());
		atomic_store_explicit(&c->in_transaction, true, memory_order_relaxed);
	} else {
		open_failed(c, &call, status, &holder);
	}
	popart_session_open_done(c->pop3, status, buf_view(&call.client));
	if (status != POPART_OK)
		host_identity_free(&c->who);
	call_end(c, &call);
	show_progress(c);
}

static void meet_message(struct conn *c, const struct popart_step *step)
{
	struct host_call call;
	int status = POPART_E_NOMEM;

	call_begin(c, &call, "message");
	c->source = malloc(sizeof(*c->source));
	if (c->source)
		status = store_message(&call, c->who->store, c->drop, step->ref, c->source);
	if (status != POPART_OK) {
		count_failure(c, status);
		free(c->source);
		c->source = NULL;
	}
	popart_session_message_done(c->pop3, status, buf_view(&call.client), c->source);
	call_end(c, &call);
}

static void meet_release(struct conn *c, const struct popart_step *step)
{
	struct host_call call;

	call_begin(c, &call, "release");
	c->source->wire_sent = step->wire_sent;
	store_release(&call, c->who->store, c->source);
	free(c->source);
	c->source = NULL;
	flow_parked_free(&c->body);
	call_end(c, &call);
}

bool meet_renew(struct conn *c)
{
	struct host_call call;
	int status;

	call_begin(c, &call, "renew");
	status = store_renew(&call, c->who->store, c->drop);
	if (status != POPART_OK) {
		call.status = status;
		count_failure(c, status);
		show_failure(c, LOG_EV_LEASE_LOST, &call, VIEW_NONE);
		popart_session_abort(c->pop3, "lock-lost");
	}
	call_end(c, &call);
	lease_renewed(c, status == POPART_OK);
	return status == POPART_OK;
}

static void meet_commit(struct conn *c, const struct popart_step *step)
{
	struct host_call call;
	size_t removed = 0;
	int status;

	/* Who has lost the lock must not remove anything; and a machine that slept does not
	 * know for how long. */
	if (lease_held(c) && !meet_renew(c))
		return;
	lease_end(c);
	call_begin(c, &call, "commit");
	call.pub.deadline_ms = INT64_MAX;
	atomic_store_explicit(&note_of(c)->busy, BOARD_COMMIT, memory_order_release);
	status = store_commit(&call, c->who->store, c->drop, step->refs, step->nrefs, &removed);
	/* Whoever is answered may come back at once: the lock goes first. */
	meet_unlock(c);
	if (status != POPART_OK) {
		call.status = status;
		count_failure(c, status);
		show_failure(c, LOG_EV_COMMIT_FAILED, &call, VIEW_NONE);
	}
	popart_session_commit_done(c->pop3, status, buf_view(&call.client), removed);
	call_end(c, &call);
}

/* A source that is read by calls: a piece is kept with the connection, for it cannot be
 * read again. */
static void meet_body_read(struct conn *c)
{
	struct host_call call;
	int64_t n;

	if (!c->body.ptr)
		c->body.ptr = malloc(READ_ROOM);
	if (!c->body.ptr) {
		popart_session_body_end(c->pop3, POPART_E_NOMEM);
		return;
	}
	call_begin(c, &call, "read");
	n = store_read(&call, c->who->store, c->source, c->body.ptr, READ_ROOM);
	c->body.at = 0;
	c->body.len = n > 0 ? (uint32_t)n : 0;
	count_failure(c, n < 0 ? (int)n : 0);
	if (n <= 0)
		popart_session_body_end(c->pop3, (int)n);
	call_end(c, &call);
}

void meet(struct conn *c, enum popart_want want, const struct popart_step *step)
{
	switch (want) {
	case POPART_WANT_AUTH:
		(void)meet_auth(c, step, false);
		break;
	case POPART_WANT_OPEN:
		meet_open(c);
		break;
	case POPART_WANT_MESSAGE:
		meet_message(c, step);
		break;
	case POPART_WANT_BODY:
		meet_body_read(c);
		break;
	case POPART_WANT_RELEASE:
		meet_release(c, step);
		break;
	case POPART_WANT_COMMIT:
		meet_commit(c, step);
		break;
	default:
		meet_close(c);
		break;
	}
}

bool meet_may_wait(const struct conn *c, enum popart_want want)
{
	if (atomic_load_explicit(&c->worker->phase, memory_order_relaxed) == WORKER_STOPPING)
		return false; /* nothing else runs any more */
	if (want == POPART_WANT_AUTH)
		return host_auth_blocks(c->worker->host);
	if (want == POPART_WANT_BODY && c->source->kind != POPART_SRC_READ)
		return false;
	if (!c->who)
		return false;
	if (want == POPART_WANT_OPEN || want == POPART_WANT_COMMIT)
		return host_store_blocks(c->who->store);
	return host_store_reads_block(c->who->store);
}
