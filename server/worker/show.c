/* SPDX-License-Identifier: MIT */
#include "worker/show.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "base/clock.h"

/* What the client has not chosen comes first. */
static void log_who(struct log_line *l, const struct conn *c)
{
	log_view(l, "rip", conn_peer(c));
	log_view(l, "lip", conn_local(c));
	log_hex(l, "session", c->id);
}

/* How the login came, and over what. */
static void log_way(struct log_line *l, const struct conn *c, bool login)
{
	if (login)
		log_str(l, "mechanism", figures_name(&figures_mechanisms, c->mechanism));
	if (!c->tls || !conn_secured(c))
		return;
	log_str(l, "tls", tls_version(c->tls));
	log_str(l, "cipher", tls_cipher(c->tls));
	if (tls_resumed(c->tls))
		log_str(l, "resumed", "true");
}

static void log_user(struct log_line *l, const struct conn *c, struct popart_str name)
{
	log_quoted(l, "user", c->who ? c->who->user : name);
}

void show_progress(struct conn *c)
{
	struct board_slot *s = board_slot_write(c->worker->board, c->worker->index, c->slot);
	struct popart_session_stats stats = { .size = sizeof(stats) };

	popart_session_stats(c->pop3, &stats);
	s->state = (uint8_t)stats.state;
	s->last_ms = c->moved_ms;
	s->octets_in = c->octets_in;
	s->octets_out = c->octets_out;
	if (s->lock != c->lock)
		s->locked_ms = c->moved_ms;
	s->lock = c->lock;
	s->messages = (uint32_t)stats.messages;
	s->retrieved = (uint32_t)stats.retrieved;
	s->deleted = (uint32_t)stats.deleted;
	if (c->who && s->user_len == 0) {
		board_slot_set_user(s, c->who->user);
		s->mechanism = c->mechanism;
		s->instance = (uint8_t)(host_instance_index(c->who->store) + 1);
	}
	board_slot_done(s);
}

void show_begin(struct conn *c)
{
	struct board_slot *s = board_slot_write(c->worker->board, c->worker->index, c->slot);
	struct log_line l;

	s->state = POPART_STATE_AUTHORIZATION;
	s->session = c->id;
	s->since_ms = s->last_ms = c->since_ms;
	s->port = c->port;
	board_slot_set_peer(s, conn_peer(c));
	board_slot_done(s);
	log_begin(c->worker->log, &l, LOG_EV_CONNECT);
	log_who(&l, c);
	log_u64(&l, "port", c->port);
	log_end(&l);
}

void show_secured(struct conn *c)
{
	struct worker *w = c->worker;
	uint8_t version = figures_word(&figures_versions, tls_version(c->tls));
	uint8_t cipher = figures_word(&figures_ciphers, tls_cipher(c->tls));
	struct board_slot *s = board_slot_write(w->board, w->index, c->slot);

	s->tls = version;
	s->cipher = cipher;
	board_slot_done(s);
	figures_handshake(
		w->board, w->index, c->thread->index, version, cipher, tls_resumed(c->tls));
}

void show_nothing(struct conn *c)
{
	struct board_slot *s = board_slot_write(c->worker->board, c->worker->index, c->slot);
	size_t head = offsetof(struct board_slot, state);

	memset((char *)s + head, 0, sizeof(*s) - head);
	board_slot_done(s);
}

void show_tls_failed(struct conn *c, const char *why)
{
	struct log_line l;

	if (c->tls)
		figures_handshake_failed(c->worker->board, c->worker->index, c->thread->index);
	log_begin(c->worker->log, &l, LOG_EV_TLS_FAILED);
	log_who(&l, c);
	log_str(&l, "why", why);
	log_end(&l);
}

void show_end(struct conn *c)
{
	struct popart_session_stats stats = { .size = sizeof(stats) };
	struct log_line l;

	popart_session_stats(c->pop3, &stats);
	log_begin(c->worker->log, &l, LOG_EV_SESSION_END);
	log_who(&l, c);
	log_str(&l, "reason", c->reason ? c->reason : "internal-error");
	log_i64(&l, "ms", clock_ms() - c->since_ms);
	log_u64(&l, "in", c->octets_in);
	log_u64(&l, "out", c->octets_out);
	log_u64(&l, "messages", stats.messages);
	log_u64(&l, "retrieved", stats.retrieved);
	log_u64(&l, "top", stats.topped);
	log_u64(&l, "deleted", stats.deleted);
	log_u64(&l, "failures", c->failures);
	log_way(&l, c, c->who != NULL);
	if (c->who)
		log_user(&l, c, VIEW_NONE);
	log_end(&l);
}

#ifdef POPART_DEVELOPER
static int64_t ms_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Somebody else wrote into the file since the session began: the module could not know. */
static bool was_touched(const struct conn *c)
{
	enum { FILE_CLOCK_MS = 10 }; /* times of files are those of the last tick */
	struct timespec now;
	struct stat st;

	if (c->source->kind != POPART_SRC_FD || fstat(c->source->fd, &st) != 0 ||
		clock_gettime(CLOCK_REALTIME, &now) != 0)
		return false;
	return ms_of(now) - ms_of(st.st_ctim) <= clock_ms() - c->since_ms + FILE_CLOCK_MS;
}
#endif

static void size_mismatch(struct conn *c, const struct popart_event *e)
{
	struct log_line l;

	conn_count(c, BOARD_SIZE_MISMATCHES, 1);
	log_begin(c->worker->log, &l, LOG_EV_SIZE_MISMATCH);
	log_who(&l, c);
	log_u64(&l, "listed", e->count);
	log_u64(&l, "sent", e->octets);
	log_user(&l, c, VIEW_NONE);
	log_end(&l);
#ifdef POPART_DEVELOPER
	if (e->status == POPART_E_BUG && !was_touched(c))
		abort();
#endif
}

void show_login(struct conn *c, enum figures_result result)
{
	figures_login(
		c->worker->board, c->worker->index, c->thread->index, result, c->mechanism);
}

/* The core tells; popart_session_conf.event. */
void conn_event(void *user, const struct popart_event *e)
{
	struct conn *c = user;
	struct log_line l;

	switch (e->kind) {
	case POPART_EVENT_LOGIN:
		conn_count(c, BOARD_LOGINS, 1);
		show_login(c, FIGURES_OK);
		log_begin(c->worker->log, &l, LOG_EV_LOGIN);
		log_who(&l, c);
		log_way(&l, c, true);
		log_u64(&l, "messages", e->count);
		log_u64(&l, "octets", e->octets);
		log_user(&l, c, VIEW_NONE);
		log_end(&l);
		break;
	case POPART_EVENT_SENT:
		conn_count(c, BOARD_RETRIEVED, e->count);
		break;
	case POPART_EVENT_SIZE_MISMATCH:
		size_mismatch(c, e);
		break;
	case POPART_EVENT_COMMIT:
		conn_count(c, BOARD_DELETED, e->count);
		if (e->count == 0)
			break;
		log_begin(c->worker->log, &l, LOG_EV_COMMIT);
		log_who(&l, c);
		log_u64(&l, "deleted", e->count);
		log_user(&l, c, VIEW_NONE);
		log_end(&l);
		break;
	case POPART_EVENT_BAD_COMMAND:
		conn_count(c, BOARD_BAD_COMMANDS, 1);
		break;
	case POPART_EVENT_END:
		c->reason = e->text.ptr;
		break;
	default:
		break;
	}
}

/* A module call ended badly; `call` knows why. */
void show_failure(struct conn *c, enum log_event event, const struct host_call *call,
	struct popart_str name)
{
	struct log_line l;

	log_begin(c->worker->log, &l, event);
	log_who(&l, c);
	if (event != LOG_EV_COMMIT_FAILED && event != LOG_EV_LEASE_LOST)
		log_way(&l, c, true);
	log_str(&l, "status", host_status_name(call->status));
	if (call->inst)
		log_str(&l, "instance", host_instance_name(call->inst));
	if (call->os_error)
		log_errno(&l, call->os_error);
	if (call->detail.len)
		log_quoted(&l, "why", buf_view(&call->detail));
	log_user(&l, c, name);
	log_end(&l);
}

/* Two devices with one maildrop are nothing to be warned of. */
void show_in_use(struct conn *c, const struct host_call *call, const struct holder *holder)
{
	const struct board_slot *s = &holder->slot;
	struct log_line l;
	char process[32];

	(void)snprintf(process, sizeof(process), "worker-%u.%u", (unsigned)holder->worker + 1,
		(unsigned)c->worker->generation);
	log_begin_level(c->worker->log, &l, LOG_EV_LOGIN_FAILED, POPART_LOG_INFO);
	log_who(&l, c);
	log_way(&l, c, true);
	log_str(&l, "status", host_status_name(call->status));
	if (holder->known) {
		log_hex(&l, "holder", s->session);
		log_view(&l, "holder_rip", board_slot_peer(s));
		log_view(&l, "holder_process", view_str(process));
		log_i64(&l, "held_s", holder->held_s);
		log_i64(&l, "idle_s", holder->idle_s);
	}
	log_user(&l, c, VIEW_NONE);
	log_end(&l);
}
