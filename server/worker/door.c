/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/hash.h"
#include "worker/claim.h"
#include "worker/flow.h"
#include "worker/lease.h"
#include "worker/loop.h"
#include "worker/meet.h"
#include "worker/show.h"

#define TURN         8  /* connections, then it is another worker's turn */
#define LINGER_READS 64 /* rooms of input read away before a socket is closed */

static bool table_take(struct conn_table *t, uint32_t *slot)
{
	bool taken;

	pthread_mutex_lock(&t->mutex);
	taken = t->nfree > 0 || t->used < t->size;
	if (taken)
		*slot = t->nfree > 0 ? t->free_slots[--t->nfree] : t->used++;
	pthread_mutex_unlock(&t->mutex);
	return taken;
}

static void table_set(struct conn_table *t, uint32_t slot, struct conn *c)
{
	pthread_mutex_lock(&t->mutex);
	t->conns[slot] = c;
	if (!c)
		t->free_slots[t->nfree++] = slot;
	pthread_mutex_unlock(&t->mutex);
}

#define ANSWER_FULL "-ERR [SYS/TEMP] too many connections, try again later\r\n"
#define ANSWER_ADDRESS \
	"-ERR [SYS/TEMP] too many connections from your address, try again later\r\n"

static const struct {
	const char *answer, *why;
	enum board_counter counter;
} refusals[REFUSALS] = {
	[REFUSAL_FULL] = { ANSWER_FULL, "max_connections reached", BOARD_REFUSED_FULL },
	[REFUSAL_ADDRESS] = { ANSWER_ADDRESS, "max_connections_per_address reached",
		BOARD_REFUSED_ADDRESS },
	[REFUSAL_FDS] = { ANSWER_FULL,
		"no file descriptors left; raise the limit (LimitNOFILE, ulimit -n)",
		BOARD_REFUSED_FDS },
	[REFUSAL_MEMORY] = { ANSWER_FULL, "out of memory", BOARD_REFUSED_MEMORY },
};

/* A socket that was accepted, and where from. */
struct caller {
	const struct worker_listener *listener;
	int fd;
	struct sockaddr_storage peer;
};

/* Once a minute is enough for the log. */
static void log_refusal(struct worker *w, const struct caller *who, enum refusal why)
{
	struct refusals *r = &w->refused[why];
	uint64_t count = atomic_fetch_add(&r->count, 1) + 1;
	int64_t now = clock_ms(), due = atomic_load(&r->due_ms);
	char room[ADDR_TEXT_MAX];
	struct log_line line;

	if (now < due || !atomic_compare_exchange_strong(&r->due_ms, &due, now + 60000))
		return;
	atomic_fetch_sub(&r->count, count);
	log_begin(w->log, &line, LOG_EV_CONNECT_REFUSED);
	log_view(&line, "rip", addr_text(&who->peer, room, NULL));
	log_view(&line, "lip", who->listener->address);
	log_u64(&line, "refused", count);
	log_str(&line, "why", refusals[why].why);
	log_end(&line);
}

/* Where TLS is expected a line in clear is nothing that a client could read. */
static void refuse(struct thread *t, const struct caller *who, enum refusal why)
{
	struct worker *w = t->worker;
	const char *answer = refusals[why].answer;

	if (!who->listener->conf->tls)
		(void)send(who->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(who->fd);
	board_count(w->board, w->index, t->index, BOARD_REFUSED, 1);
	board_count(w->board, w->index, t->index, refusals[why].counter, 1);
	log_refusal(w, who, why);
}

/* False: errno. */
static bool take_caller(struct caller *who)
{
	socklen_t len = sizeof(who->peer);

	who->fd = accept4(who->listener->fd, (struct sockaddr *)&who->peer, &len,
		SOCK_CLOEXEC | SOCK_NONBLOCK);
	return who->fd >= 0;
}

/* No descriptor is left: the reserve is given up long enough to tell one client. Without
 * that the connection would stay in the backlog and wake us for ever. */
static bool refuse_by_reserve(struct thread *t, struct caller *who)
{
	struct worker *w = t->worker;
	bool taken;
	int reserve;

	pthread_mutex_lock(&w->reserve_mutex);
	/* Gone first, and then there is room: whoever takes that sees that it was the last. */
	reserve = atomic_exchange(&w->reserve_fd, -1);
	if (reserve >= 0)
		(void)close(reserve);
	taken = take_caller(who);
	if (taken)
		refuse(t, who, REFUSAL_FDS);
	else if (errno != EAGAIN)
		atomic_store(&w->left_waiting, 1);
	atomic_store(&w->reserve_fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	pthread_mutex_unlock(&w->reserve_mutex);
	return taken;
}

/* Another thread had a descriptor in hand when the reserve was to come back, if only to find
 * that nobody waits. If there is still no other, that of this client becomes the reserve, or
 * nobody could be told any more. False: it was refused. */
static bool has_reserve(struct thread *t, const struct caller *who)
{
	struct worker *w = t->worker;
	bool kept;

	if (atomic_load(&w->reserve_fd) >= 0)
		return true;
	pthread_mutex_lock(&w->reserve_mutex);
	if (atomic_load(&w->reserve_fd) < 0)
		atomic_store(&w->reserve_fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	kept = atomic_load(&w->reserve_fd) >= 0;
	if (!kept) {
		refuse(t, who, REFUSAL_FDS);
		atomic_store(&w->reserve_fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	}
	pthread_mutex_unlock(&w->reserve_mutex);
	return kept;
}

/* RFC 1939 section 7: different for each greeting. */
static struct popart_str make_stamp(const struct worker *w, char *room, size_t size)
{
	uint64_t random[2];
	int n;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return VIEW_NONE;
	n = snprintf(room, size, "<%016jx%016jx@%s>", (uintmax_t)random[0],
		(uintmax_t)random[1], w->conf->hostname);
	return n > 0 && (size_t)n < size ? view_of(room, (size_t)n) : VIEW_NONE;
}

/* NULL: out of memory. */
static struct conn *conn_new(struct thread *t, const struct caller *who)
{
	const struct worker_listener *l = who->listener;
	struct worker *w = t->worker;
	uint16_t port;
	char peer_room[ADDR_TEXT_MAX];
	struct popart_str peer = addr_text(&who->peer, peer_room, &port);
	struct conn *c = calloc(1, sizeof(*c) + peer.len);
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	bool passwords = host_auth_has_password(w->host) &&
		(l->conf->tls || l->conf->plaintext_auth || addr_is_loopback(&who->peer));
	bool apop = w->conf->apop && host_auth_has_secret(w->host);
	char room[400];

	if (!c)
		return NULL;
	c->pop3 = popart_session_new(&w->pop3, passwords ? POPART_SESSION_PASSWORDS : 0,
		apop ? make_stamp(w, room, sizeof(room)) : VIEW_NONE, c);
	c->tls = l->conf->tls ? tls_new(w->tls) : NULL;
	if (!c->pop3 || (l->conf->tls && !c->tls)) {
		popart_session_free(&c->pop3);
		tls_free(&c->tls);
		free(c);
		return NULL;
	}
	atomic_store(&c->secured, !l->conf->tls);
	c->worker = w;
	c->thread = t;
	c->listener = l;
	c->fd = who->fd;
	c->burst = FLOW_BURST_MIN;
	c->since_ms = c->moved_ms = clock_ms();
	c->port = port;
	c->peer_len = (uint8_t)peer.len;
	memcpy(c->peer, peer.ptr, peer.len);
	c->id = hash_mix(atomic_fetch_add(&w->next_session, 1));
	if (l->is_any && getsockname(who->fd, (struct sockaddr *)&local, &len) == 0) {
		(void)addr_text(&local, room, NULL);
		c->local = strdup(room);
	}
	atomic_store(&c->timer.deadline_ms,
		c->since_ms +
			(l->conf->tls ? w->conf->handshake_timeout_ms
				      : w->conf->login_timeout_ms));
	return c;
}

/* False: the client was told why not. The table has room for all, but who knows what
 * another worker wrote into the scoreboard. */
static bool admit(struct thread *t, const struct caller *who, uint64_t site, uint32_t *slot)
{
	struct worker *w = t->worker;
	const struct board_limits limits = {
		.all = w->conf->max_connections,
		.per_site = w->conf->max_connections_per_address,
	};
	enum board_admission answer = board_admit(w->board, w->index, site, limits);

	if (answer == BOARD_ADMITTED && table_take(&w->table, slot))
		return true;
	if (answer == BOARD_ADMITTED)
		board_leave(w->board, w->index, site);
	refuse(t, who, answer == BOARD_SITE_FULL ? REFUSAL_ADDRESS : REFUSAL_FULL);
	return false;
}

static void welcome(struct thread *t, const struct caller *who)
{
	struct worker *w = t->worker;
	struct popart_str from = addr_site(&who->peer);
	uint64_t site = from.len ? hash_bytes(from, 0) : 0;
	struct conn *c;
	uint32_t slot;

	if (!admit(t, who, site, &slot))
		return;
	c = conn_new(t, who);
	if (!c) {
		table_set(&w->table, slot, NULL);
		board_leave(w->board, w->index, site);
		refuse(t, who, REFUSAL_MEMORY);
		return;
	}
	c->site = site;
	c->slot = slot;
	claim_begin(w->claims, slot);
	conn_count(c, BOARD_CONNECTIONS, 1);
	show_begin(c);
	table_set(&w->table, c->slot, c);
	wheel_add(w->wheel, &c->timer);
	conn_begin(c);
}

bool conn_accept(struct thread *t, struct worker_listener *l)
{
	struct caller who = { .listener = l, .peer = { .ss_family = AF_UNSPEC } };

	if (take_caller(&who)) {
		if (!has_reserve(t, &who))
			return true;
		/* First, since a client that is greeted may bring the next. */
		if (t->worker->conf->workers > 1 &&
			atomic_fetch_add(&l->taken, 1) % TURN == TURN - 1)
			loop_step_back(t->worker, l);
		welcome(t, &who);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE)
		return refuse_by_reserve(t, &who);
	if (errno == ECONNABORTED || errno == EINTR)
		return true; /* a client that has gone again */
	if (errno != EAGAIN)
		atomic_store(&t->worker->left_waiting, 1);
	return false;
}

/* Octets that nobody will read would make close() reset the connection, and the client
 * might lose our last answer. */
static void linger(struct conn *c)
{
	ssize_t n = 1;

	if (shutdown(c->fd, SHUT_WR) != 0)
		return;
	for (int i = 0; i < LINGER_READS && n > 0; i++)
		n = recv(c->fd, c->thread->in, THREAD_IN_ROOM, 0);
}

static void count_timeout(struct conn *c)
{
	static const enum board_counter counters[] = {
		[KILL_IDLE] = BOARD_IDLE_TIMEOUTS,
		[KILL_LOGIN] = BOARD_LOGIN_TIMEOUTS,
		[KILL_HANDSHAKE] = BOARD_HANDSHAKE_TIMEOUTS,
	};
	uint32_t killed = atomic_load(&c->killed);

	if (killed == KILL_NONE || killed >= ARRAY_LEN(counters)) /* not for time */
		return;
	conn_count(c, BOARD_TIMEOUTS, 1);
	conn_count(c, counters[killed], 1);
}

void conn_end(struct conn *c)
{
	struct worker *w = c->worker;

	conn_count(c, BOARD_SESSIONS_ENDED, 1);
	count_timeout(c);
	lease_end(c);
	wheel_remove(w->wheel, &c->timer);
	show_end(c);
	if (c->unread)
		linger(c);
	show_nothing(c);
	meet_unlock(c);
	popart_session_free(&c->pop3);
	tls_free(&c->tls);
	host_identity_free(&c->who);
	flow_parked_wipe(&c->in);
	flow_parked_free(&c->out);
	flow_parked_free(&c->body);
	c->thread->sealed_used = 0;
	free(c->local);
	claim_end(w->claims, c->slot);
	/* Out of the table first: the drain must not shut down a descriptor that is reused. */
	table_set(&w->table, c->slot, NULL);
	(void)close(c->fd);
	board_leave(w->board, w->index, c->site);
	free(c);
}
