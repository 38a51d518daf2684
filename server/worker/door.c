/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/hash.h"
#include "worker/flow.h"
#include "worker/meet.h"
#include "worker/show.h"

#define LINGER_READS 64 /* rooms of input read away before a socket is closed */

static bool table_take(struct conn_table *t, uint32_t *slot)
{
	bool taken;

	pthread_mutex_lock(&t->mutex);
	taken = t->nfree > 0;
	if (taken)
		*slot = t->free_slots[--t->nfree];
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

/* Once a minute is enough for the log. */
static void log_refusal(struct worker *w, const struct worker_listener *l, const char *why)
{
	int64_t now = clock_ms(), due = atomic_load(&w->next_refusal_ms);
	struct log_line line;

	if (now < due ||
		!atomic_compare_exchange_strong(&w->next_refusal_ms, &due, now + 60000))
		return;
	log_begin(w->log, &line, LOG_EV_CONNECT_REFUSED);
	log_view(&line, "lip", l->address);
	log_str(&line, "why", why);
	log_end(&line);
}

static void refuse(struct thread *t, const struct worker_listener *l, int fd, const char *why)
{
	static const char answer[] =
		"-ERR [SYS/TEMP] too many connections, try again later\r\n";

	(void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
	board_count(t->worker->board, t->worker->index, t->index, BOARD_REFUSED, 1);
	log_refusal(t->worker, l, why);
}

/* No descriptor is left: the reserve is given up long enough to tell one client. Without
 * that the connection would stay in the backlog and wake us for ever. */
static bool refuse_by_reserve(struct thread *t, const struct worker_listener *l)
{
	struct worker *w = t->worker;
	int fd;

	pthread_mutex_lock(&w->reserve_mutex);
	if (w->reserve_fd >= 0)
		(void)close(w->reserve_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		refuse(t, l, fd,
			"no file descriptors left; raise the limit (LimitNOFILE, ulimit -n)");
	else if (errno != EAGAIN)
		atomic_store(&w->left_waiting, 1);
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_mutex_unlock(&w->reserve_mutex);
	return fd >= 0;
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
static struct conn *conn_new(struct thread *t, const struct worker_listener *l, int fd,
	const struct sockaddr_storage *peer, uint32_t slot)
{
	struct worker *w = t->worker;
	struct conn *c = calloc(1, sizeof(*c));
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	bool passwords = host_auth_has_password(w->host) &&
		(l->conf->tls || l->conf->plaintext_auth || addr_is_loopback(peer));
	bool apop = w->conf->apop && host_auth_has_secret(w->host);
	char room[400];

	if (!c)
		return NULL;
	c->pop3 = popart_session_new(&w->pop3, passwords ? POPART_SESSION_PASSWORDS : 0,
		apop ? make_stamp(w, room, sizeof(room)) : VIEW_NONE, c);
	c->tls = l->conf->tls ? tls_new(w->tls) : NULL;
	if (!c->pop3 || (l->conf->tls && !c->tls)) {
		popart_session_free(&c->pop3);
		free(c);
		return NULL;
	}
	atomic_store(&c->secured, !l->conf->tls);
	c->worker = w;
	c->thread = t;
	c->listener = l;
	c->fd = fd;
	c->slot = slot;
	c->burst = FLOW_BURST_MIN;
	c->since_ms = clock_ms();
	if (addr_text(peer, c->peer, &c->port).ptr == c->peer)
		c->peer_len = (uint8_t)strlen(c->peer);
	c->id = hash_mix(atomic_fetch_add(&w->next_session, 1));
	if (l->is_any && getsockname(fd, (struct sockaddr *)&local, &len) == 0) {
		(void)addr_text(&local, room, NULL);
		c->local = strdup(room);
	}
	atomic_store(&c->timer.deadline_ms,
		c->since_ms +
			(l->conf->tls ? w->conf->handshake_timeout_ms
				      : w->conf->login_timeout_ms));
	return c;
}

bool conn_accept(struct thread *t, const struct worker_listener *l)
{
	struct worker *w = t->worker;
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);
	struct conn *c;
	uint32_t slot;
	int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return refuse_by_reserve(t, l);
	if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
		return true; /* a client that has gone again */
	if (fd < 0) {
		if (errno != EAGAIN)
			atomic_store(&w->left_waiting, 1);
		return false;
	}
	if (!table_take(&w->table, &slot)) {
		refuse(t, l, fd, "max_connections reached");
		return true;
	}
	c = conn_new(t, l, fd, &peer, slot);
	if (!c) {
		table_set(&w->table, slot, NULL);
		refuse(t, l, fd, "out of memory");
		return true;
	}
	conn_count(c, BOARD_CONNECTIONS, 1);
	show_begin(c);
	table_set(&w->table, slot, c);
	wheel_add(w->wheel, &c->timer);
	conn_begin(c);
	return true;
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

void conn_end(struct conn *c)
{
	struct worker *w = c->worker;

	conn_count(c, BOARD_SESSIONS_ENDED, 1);
	if (atomic_load(&c->killed) != KILL_NONE && atomic_load(&c->killed) != KILL_STOP)
		conn_count(c, BOARD_TIMEOUTS, 1);
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
	free(c->local);
	/* Out of the table first: the drain must not shut down a descriptor that is reused. */
	table_set(&w->table, c->slot, NULL);
	(void)close(c->fd);
	free(c);
}
