/* SPDX-License-Identifier: MIT */
#include "worker/conn.h"
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/clock.h"
#include "worker/claim.h"
#include "worker/flow.h"
#include "worker/lease.h"
#include "worker/meet.h"
#include "worker/secure.h"
#include "worker/show.h"

static const char *const kill_reasons[] = {
	[KILL_IDLE] = "idle-timeout",
	[KILL_LOGIN] = "login-timeout",
	[KILL_HANDSHAKE] = "handshake-timeout",
	[KILL_STOP] = "shutdown",
	[KILL_KICK] = "kicked",
};

/* What a turn ends with. PAUSE: the client has all answers, and gets those to what it may have
 * said since when others had their turn. */
enum then { THEN_READ, THEN_PAUSE, THEN_WRITE, THEN_YIELD, THEN_POOL, THEN_RENEW, THEN_END };

/* Octets after which a download lets others have their turn. Where those that it begins with
 * are as many, it waits for its turn with them: a hundred clients may ask at once. */
#define TURN_OCTETS (128u << 10)

/* Turns that a client gets at once that has said more before its turn was over: others are told
 * of it already, so that to wait costs it and us more than the turn. */
#define TURNS_IN_A_ROW 4

/* The client has every answer so far before a call that may take long. That a send
 * fails is found out again afterwards: RELEASE and CLOSE are wanted only once. */
static bool put_off(struct conn *c, struct popart_io *io, enum popart_want want,
	const struct popart_step *step)
{
	c->pooled = malloc(sizeof(*c->pooled));
	if (!c->pooled)
		return false;
	*c->pooled = (struct pooled){ .conn = c, .want = want, .step = *step };
	(void)flow_flush(c, io, 0);
	return true;
}

/* False: that is for the pool to do. */
static bool ask_modules(
	struct conn *c, struct popart_io *io, enum popart_want want, struct popart_step *step)
{
	if (meet_may_wait(c, want)) {
		if (meet_quick(c, want, step))
			return true;
		if (put_off(c, io, want, step))
			return false;
	}
	meet(c, want, step);
	io->body = c->body.ptr;
	io->body_len = c->body.len;
	return true;
}

/* Whether its store's calls may wait, and we must not. */
static bool is_for_pool(const struct conn *c)
{
	return c->thread->index < c->worker->conf->threads && host_store_blocks(c->who->store);
}

static bool all_sent(const struct conn *c, const struct popart_io *io)
{
	return io->out_len == 0 && c->thread->sealed_used == 0;
}

/* Steps until the session waits for the client, for the pool, or is over. */
static enum then run(struct conn *c, struct popart_io *io, bool readable)
{
	struct popart_step step = { .size = sizeof(step) };
	uint64_t enough = c->octets_out + TURN_OCTETS;
	bool short_turn = readable && !c->thread->long_turn;
	enum flow flushed = FLOW_DONE;
	enum popart_want want;

	for (;;) {
		if (flushed == FLOW_BLOCKED)
			return THEN_WRITE;
		if (flushed == FLOW_FAILED)
			popart_session_abort(c->pop3, "send-failed");
		flushed = FLOW_DONE;
		if (lease_is_due(c) && all_sent(c, io) && io->body_len == 0) {
			if (is_for_pool(c))
				return THEN_RENEW;
			(void)meet_renew(c);
		}
		if (c->octets_out >= enough && all_sent(c, io))
			return THEN_YIELD;
		want = popart_session_step(c->pop3, io, &step);
		switch (want) {
		case POPART_WANT_INPUT:
			flushed = flow_flush(c, io, 0);
			if (flushed != FLOW_DONE)
				break;
			if (readable && c->octets_out >= enough)
				return THEN_PAUSE;
			if (!readable || !flow_receive(c, io, &readable))
				return THEN_READ;
			break;
		case POPART_WANT_OUTPUT:
			flushed = flow_flush(c, io, 0);
			break;
		case POPART_WANT_DONE:
			if (step.flags & POPART_STEP_CUT)
				return THEN_END;
			if (c->tls)
				secure_bye(c, io);
			/* The end of the stream goes with it, in one segment. */
			flushed = flow_flush(c, io, MSG_MORE);
			if (flushed != FLOW_BLOCKED)
				return THEN_END;
			c->ending = true;
			break;
		case POPART_WANT_BODY:
			/* A part of it would be read now, and be gone in the next turn. */
			if (io->out_len >= TURN_OCTETS &&
				step.length > io->out_cap - io->out_len) {
				flushed = flow_flush(c, io, 0);
				break;
			}
			if (short_turn && step.offset == 0 && step.length >= TURN_OCTETS) {
				flushed = flow_flush(c, io, MSG_MORE);
				if (flushed != FLOW_DONE)
					break;
				return THEN_YIELD;
			}
			if (c->source->kind == POPART_SRC_FD && !c->tls &&
				(step.flags & POPART_STEP_DIRECT)) {
				flushed = flow_send_direct(c, io, &step);
				break;
			}
			if (c->source->kind != POPART_SRC_READ) {
				flow_supply_body(c, io, &step);
				break;
			}
			/* fall through */
		default:
			if (!ask_modules(c, io, want, &step))
				return THEN_POOL;
		}
	}
}

/* The kernel looks the descriptor up before it arms it, so whoever is woken cannot close it
 * too early. ThreadSanitizer would take that look for one that may come later: it is not
 * shown the call. */
static int watch(int epoll, int op, int fd, struct epoll_event *e)
{
#ifdef __SANITIZE_THREAD__
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, e);
#else
	return epoll_ctl(epoll, op, fd, e);
#endif
}

/* False: the session is a thread's of the pool by now, or over. */
static bool renew(struct conn *c)
{
	if (is_for_pool(c)) {
		lease_to_pool(c);
		return false;
	}
	if (meet_renew(c))
		return true;
	conn_serve(c, false);
	return false;
}

/* bulk: it downloads, and goes on when others have had their turn. */
static void arm_in(struct conn *c, uint32_t events, bool bulk)
{
	struct leases *all = c->worker->leases;
	struct lease *lease = lease_held(c);
	struct epoll_event e = { .events = events | EPOLLONESHOT,
		.data.ptr = lease ? (void *)lease : c };
	bool *before = bulk ? &c->in_bulk : &c->armed_before;
	int op = *before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	int epoll = bulk ? c->worker->bulk.epoll : c->worker->epoll, fd = c->fd;
	bool armed;

	while (lease && !lease_leave(c, events)) {
		if (!renew(c))
			return;
	}
	*before = true;
	c->by_edge = false; /* what this turn has not read would be no edge */
	atomic_store_explicit(&c->handed_over, 1, memory_order_release);
	/* From here on another thread may own the connection: c is not touched again. */
	armed = watch(epoll, op, fd, &e) == 0;
	if (lease)
		lease_left(all, lease, armed);
	if (armed)
		return;
	/* No memory for a watch, and so nobody else was woken: it is still ours to end. */
	popart_session_abort(c->pop3, "internal-error");
	conn_serve(c, false);
}

static void arm(struct conn *c, uint32_t events)
{
	arm_in(c, events, false);
}

/* Whose it is after a turn whose end waits for an edge. */
enum edge { EDGE_LEFT, EDGE_NEWS, EDGE_NONE };

/* The socket was read empty, and stays armed from here on: more is an edge, and so is the
 * end. It is still ours if something has come, or if there is no memory for a watch. */
static enum edge wait_by_edge(struct conn *c)
{
	struct worker *w = c->worker;
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET,
		.data.u64 = claim_tag(w->claims, c->slot) };
	int op = c->armed_before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (!c->by_edge && watch(w->epoll, op, c->fd, &e) != 0)
		return EDGE_NONE;
	c->armed_before = c->by_edge = true;
	/* Once it is left, another thread may own the connection: c is not touched again. */
	return claim_leave(w->claims, c->slot) ? EDGE_LEFT : EDGE_NEWS;
}

/* Wants that are said once and must be met, whatever else happens. */
static bool gives_back(enum popart_want want)
{
	return want == POPART_WANT_RELEASE || want == POPART_WANT_CLOSE;
}

/* In a pool thread: what the session wanted, then back to the event threads. Being armed
 * for output is as good as a call: the socket has room, for all output was flushed. */
static void pool_run(struct pool_job *job, void *thread)
{
	struct pooled *todo = CONTAINER_OF(job, struct pooled, job);
	struct conn *c = todo->conn;

	c->pooled = NULL;
	c->thread = thread;
	/* Who must end waits no longer for an answer; what is open is closed all the same. */
	if (atomic_load(&c->killed) == KILL_NONE || gives_back(todo->want))
		meet(c, todo->want, &todo->step);
	free(todo);
	arm(c, EPOLLOUT);
}

void conn_renew(struct thread *t, struct conn *c, uint32_t events)
{
	c->thread = t;
	arm(c, events);
}

/* A deadline that comes nearer has to be put where the wheel looks sooner. */
static void move_deadline(struct conn *c, int64_t deadline)
{
	bool nearer =
		deadline < atomic_load_explicit(&c->timer.deadline_ms, memory_order_relaxed);

	if (nearer)
		wheel_remove(c->worker->wheel, &c->timer);
	atomic_store_explicit(&c->timer.deadline_ms, deadline, memory_order_relaxed);
	if (nearer)
		wheel_add(c->worker->wheel, &c->timer);
}

/* A command was answered, or a message went on. */
static void moved(struct conn *c)
{
	int64_t now = clock_ms();

	c->moved_ms = now;
	if (!conn_logged_in(c))
		return; /* the login as a whole is timed */
	atomic_store_explicit(&c->unread_by_peer, 0, memory_order_relaxed);
	move_deadline(c, now + c->worker->conf->idle_timeout_ms);
}

void conn_serve(struct conn *c, bool readable)
{
	struct popart_io io = {
		.size = sizeof(io),
		.in_eof = c->at_eof,
		.in = c->in.ptr ? c->in.ptr + c->in.at : NULL,
		.in_len = c->in.len - c->in.at,
		.body = c->body.ptr ? c->body.ptr + c->body.at : NULL,
		.body_len = c->body.len - c->body.at,
		.out = c->thread->out,
		.out_cap = c->burst,
	};
	struct parked in = c->in;
	uint64_t said = c->octets_out;
	bool logged_in = conn_logged_in(c);
	enum then then;

	/* What is read now may outlast this turn: run gets the old piece, the rest is
	 * parked anew. */
	c->in = (struct parked){ .ptr = NULL };
	then = run(c, &io, readable);
	if (then != THEN_END && !flow_park(&c->in, io.in, io.in_len)) {
		popart_session_abort(c->pop3, "internal-error");
		/* What the pool is to do it does first: a RELEASE or CLOSE is not wanted
		 * again. */
		if (then != THEN_POOL && then != THEN_RENEW)
			then = run(c, &io, false);
	}
	flow_parked_wipe(&in);
	if (!logged_in)
		flow_wipe_received(c->thread);
	c->body.at = c->body.len;
	if (c->source && c->source->kind == POPART_SRC_READ)
		c->body.at -= (uint32_t)io.body_len;
	c->unread = io.in_len > 0;
	if (then == THEN_END) {
		conn_end(c);
		return;
	}
	/* Every command is answered: a part of one, however often, is no sign of life. */
	if (c->octets_out != said || !logged_in || then == THEN_POOL)
		moved(c);
	show_progress(c);
	if (then == THEN_RENEW) {
		arm(c, EPOLLOUT); /* once that is done, it goes on */
		return;
	}
	if (then == THEN_POOL) {
		struct pool_job *job = &c->pooled->job;

		job->owner = c->who ? (const void *)c->who->store : c->worker->host;
		job->run = pool_run;
		pool_submit(c->worker->pool, job);
		return;
	}
	if (then == THEN_READ && !lease_held(c)) {
		enum edge edge = wait_by_edge(c);

		if (edge == EDGE_LEFT)
			return;
		if (edge == EDGE_NEWS && c->thread->more_turns > 0) {
			c->thread->more_turns--;
			c->thread->again = c;
			return;
		}
	}
	/* What has come already waits until others have had their turn. */
	if (then == THEN_READ || then == THEN_PAUSE)
		arm_in(c, EPOLLIN, false);
	else
		arm_in(c, EPOLLOUT, true);
}

/* False: it goes on at the next event. An end of the handshake that is none is met by the
 * session, which was aborted. */
static bool shake_hands(struct conn *c, bool *readable)
{
	enum flow result = secure_handshake(c, readable);

	if (conn_secured(c))
		move_deadline(c, clock_ms() + c->worker->conf->login_timeout_ms);
	if (result == FLOW_FAILED)
		popart_session_abort(c->pop3, "handshake-failed");
	if (result != FLOW_BLOCKED)
		return true;
	arm(c, c->out.ptr ? EPOLLOUT : EPOLLIN);
	return false;
}

void conn_ready(struct thread *t, struct conn *c, uint32_t events)
{
	bool readable = (events & ~(uint32_t)EPOLLOUT) != 0;
	enum flow flushed;
	uint32_t killed;

	(void)atomic_load_explicit(&c->handed_over, memory_order_acquire);
	c->thread = t;
	c->drain = (events & ~(uint32_t)(EPOLLIN | EPOLLOUT)) != 0;
	killed = atomic_load(&c->killed);
	if (killed)
		popart_session_abort(c->pop3, kill_reasons[killed]);
	flushed = killed ? FLOW_DONE : flow_flush_parked(c);
	if (flushed == FLOW_BLOCKED && !(events & (EPOLLERR | EPOLLHUP))) {
		moved(c);
		arm_in(c, EPOLLOUT, true);
		return;
	}
	if (flushed == FLOW_DONE && c->ending && !killed) {
		conn_end(c);
		return;
	}
	if (flushed != FLOW_DONE)
		popart_session_abort(c->pop3, "send-failed");
	else if (!killed && !conn_secured(c) && !shake_hands(c, &readable))
		return;
	conn_serve(c, readable);
}

void conn_told(struct thread *t, uint64_t tag, uint32_t events)
{
	struct worker *w = t->worker;
	struct conn *c;

	if (!claim_take(w->claims, tag))
		return;
	c = w->table.conns[claim_slot(tag)];
	t->more_turns = TURNS_IN_A_ROW - 1;
	do {
		t->again = NULL;
		conn_ready(t, c, events);
		events = EPOLLIN | EPOLLRDHUP; /* which it was, nobody has noted */
	} while (t->again);
	t->more_turns = 0;
}

/* What we sent lies with the kernel, and has become less since the last look. Megabytes fit
 * there: to read them may take longer than a client may be silent. */
static bool is_reading(struct conn *c)
{
	int left;

	if (ioctl(c->fd, SIOCOUTQ, &left) != 0 || left == 0)
		return false;
	return atomic_exchange_explicit(&c->unread_by_peer, left, memory_order_relaxed) != left;
}

void conn_expired(struct wheel_entry *e)
{
	struct conn *c = CONTAINER_OF(e, struct conn, timer);
	bool logged_in = conn_logged_in(c);

	if (logged_in && is_reading(c)) {
		atomic_store_explicit(&e->deadline_ms,
			clock_ms() + c->worker->conf->idle_timeout_ms, memory_order_relaxed);
		return;
	}
	atomic_store(&c->killed,
		logged_in                 ? KILL_IDLE
			: conn_secured(c) ? KILL_LOGIN
					  : KILL_HANDSHAKE);
	(void)shutdown(c->fd, SHUT_RDWR);
}

void conn_begin(struct conn *c)
{
	if (conn_secured(c))
		conn_serve(c, false);
	else
		arm(c, EPOLLIN); /* the client speaks first */
}

uint32_t conn_drain(struct worker *w)
{
	bool patient = atomic_load(&w->phase) < WORKER_DRAINING;
	uint32_t left = 0;

	pthread_mutex_lock(&w->table.mutex);
	for (uint32_t i = 0; i < w->table.used; i++) {
		struct conn *c = w->table.conns[i];

		if (!c)
			continue;
		left++;
		if (patient || conn_logged_in(c))
			continue;
		atomic_store(&c->killed, KILL_STOP);
		(void)shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&w->table.mutex);
	return left;
}

bool conn_kick(struct worker *w, uint64_t session)
{
	bool found = false;

	pthread_mutex_lock(&w->table.mutex);
	for (uint32_t i = 0; i < w->table.used && !found; i++) {
		struct conn *c = w->table.conns[i];

		if (!c || c->id != session)
			continue;
		found = true;
		atomic_store(&c->killed, KILL_KICK);
		(void)shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&w->table.mutex);
	return found;
}

/* It was queued and will not be run: only what gives something back must be. */
static void drop_pooled(struct conn *c)
{
	struct pooled *todo = c->pooled;

	c->pooled = NULL;
	if (todo && gives_back(todo->want))
		meet(c, todo->want, &todo->step);
	free(todo);
}

void conn_stop_all(struct thread *t)
{
	struct worker *w = t->worker;

	for (uint32_t i = 0; i < w->table.used; i++) {
		struct conn *c = w->table.conns[i];

		if (!c)
			continue;
		c->thread = t;
		drop_pooled(c);
		popart_session_abort(c->pop3, kill_reasons[KILL_STOP]);
		conn_serve(c, false);
	}
}
