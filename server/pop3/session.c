/* SPDX-License-Identifier: MIT */
#include "pop3/capa.h"
#include "pop3/state.h"

#include <endian.h>
#include <stdlib.h>

#define BAD_IN_ROW_MAX 20u
#define COUNTER_MAX    8u                             /* digits of a message number */
#define LISTING_LINE   (20u + 1u + UIDS_LEN_MAX + 2u) /* number or size: 20 digits */
#define READY          "POP3 server ready"
/* TOP seldom needs more than the first piece of a message. */
#define TOP_PIECE 16384u

_Static_assert(sizeof(struct popart_session) <= 264, "an idle session is to stay small");
_Static_assert(POPART_OUT_MIN >= REPLY_MAX, "a line must fit the smallest output");

/* A phase returns this to let the next one run. */
#define GO_ON ((enum popart_want)0)

static const char *const reasons[] = {
	"quit",
	"The client said QUIT.",
	"client-closed",
	"The client closed its side without QUIT; nothing was removed.",
	"too-many-bad-commands",
	"The client sent max_bad_commands bad commands in a row.",
	"internal-error",
	"A module or the server failed; the client read one fixed line.",
	"message-failed",
	"A message could not be read to its end; it was cut.",
	"idle-timeout",
	"The client was silent for too long; it was sent nothing.",
	"login-timeout",
	"The client did not log in in time.",
	"handshake-timeout",
	"TLS was not agreed upon in time.",
	"handshake-failed",
	"TLS could not be agreed upon.",
	"send-failed",
	"The client could not be reached any more.",
	"receive-failed",
	"The connection broke.",
	"lock-lost",
	"The lock on the maildrop was lost.",
	"shutdown",
	"The server is stopping.",
	"kicked",
	"The session was ended from outside.",
	NULL,
};

const char *const *popart_session_reasons(void)
{
	return reasons;
}

void session_event(struct popart_session *s, const struct popart_event *e)
{
	if (s->conf->event)
		s->conf->event(s->user, e);
}

void session_forget_login(struct popart_session *s)
{
	if (s->login)
		explicit_bzero(s->login->text, s->login->len);
	free(s->login);
	s->login = NULL;
}

void session_login_failed(struct popart_session *s, const char *mechanism, int status)
{
	s->stats.login_failures++;
	session_event(s,
		&(struct popart_event){ .kind = POPART_EVENT_LOGIN_FAILED,
			.status = status,
			.text = view_str(mechanism) });
}

void session_end(struct popart_session *s, const char *reason)
{
	if (!s->reason)
		s->reason = reason;
	s->phase = PHASE_END;
}

void session_bad(struct popart_session *s, struct popart_io *io, const char *why)
{
	uint32_t max = s->conf->max_bad_commands ? s->conf->max_bad_commands : BAD_IN_ROW_MAX;
	struct reply r;

	s->stats.bad_commands++;
	s->bad_in_row++;
	session_event(s,
		&(struct popart_event){
			.kind = POPART_EVENT_BAD_COMMAND, .text = view_str(why) });
	if (s->bad_in_row >= max) {
		reply_line(io, "-ERR too many bad commands; good bye");
		session_end(s, "too-many-bad-commands");
		return;
	}
	reply_begin(&r, io, "-ERR ");
	reply_str(&r, why);
	reply_end(&r);
}

static void event_internal(struct popart_session *s, int status)
{
	session_event(
		s, &(struct popart_event){ .kind = POPART_EVENT_INTERNAL, .status = status });
}

void session_internal(struct popart_session *s, struct popart_io *io, int status)
{
	event_internal(s, status);
	reply_status(io, status, false, NULL);
	session_end(s, "internal-error");
}

/* The connection is of no use any more: what the client got so far must not look
 * complete. */
static void cut(struct popart_session *s, const char *reason)
{
	s->cut = true;
	session_end(s, reason);
}

struct popart_session *popart_session_new(const struct popart_session_conf *conf,
	uint32_t flags, struct popart_str stamp, void *user)
{
	struct popart_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->conf = conf;
	s->user = user;
	s->flags = conf->flags | flags;
	s->state = POPART_STATE_AUTHORIZATION;
	if (stamp.len > 0) {
		s->stamp = malloc(stamp.len + 1);
		if (!s->stamp) {
			free(s);
			return NULL;
		}
		memcpy(s->stamp, stamp.ptr, stamp.len);
		s->stamp[stamp.len] = '\0';
	}
	return s;
}

void popart_session_free(struct popart_session **sp)
{
	struct popart_session *s = *sp;

	if (!s)
		return;
	session_forget_login(s);
	line_done(&s->line);
	drop_free(&s->drop);
	free(s->message);
	free(s->refs);
	free(s->note);
	free(s->stamp);
	free(s);
	*sp = NULL;
}

/* RFC 2449 section 3: only a time stamp may have a "<". The stamp goes before the host: cut,
 * it would be of no use. */
static bool may_name(const char *host, const struct popart_session *s)
{
	size_t others = strlen("+OK  " READY " \r\n") + (s->stamp ? strlen(s->stamp) : 0);

	return host && !view_has(view_str(host), '<') && strlen(host) + others <= REPLY_MAX;
}

static enum popart_want do_greeting(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	char *host = reply_clean(s->conf->hostname);
	struct reply r;

	(void)step;
	reply_begin(&r, io, "+OK ");
	if (may_name(host, s)) {
		reply_str(&r, host);
		reply_str(&r, " ");
	}
	reply_str(&r, READY);
	if (s->stamp) {
		reply_str(&r, " ");
		reply_str(&r, s->stamp);
	}
	reply_end(&r);
	free(host);
	s->phase = PHASE_COMMAND;
	return GO_ON;
}

static enum popart_want do_line(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	bool sasl = s->phase == PHASE_SASL;
	struct popart_str line = VIEW_NONE;

	(void)step;
	switch (line_next(&s->line, io, sasl, &line)) {
	case LINE_READY:
		if (sasl)
			command_sasl(s, io, line);
		else
			command_run(s, io, line);
		line_done(&s->line);
		return GO_ON;
	case LINE_TOO_LONG:
		s->phase = PHASE_COMMAND;
		session_bad(s, io, "the line is too long");
		return GO_ON;
	case LINE_NOMEM:
		session_internal(s, io, POPART_E_NOMEM);
		return GO_ON;
	case LINE_MORE:
	default:
		break;
	}
	if (!io->in_eof)
		return POPART_WANT_INPUT;
	session_end(s, "client-closed");
	return GO_ON;
}

/* Waits for an answer, which is then in s->status and s->note. */
static bool answered(struct popart_session *s)
{
	bool yes = s->answered;

	s->answered = false;
	return yes;
}

/* The -ERR for an answer; an internal one ends the session. */
static void refuse(struct popart_session *s, struct popart_io *io, bool login)
{
	if (s->status < 0) {
		session_internal(s, io, s->status);
	} else {
		reply_status(io, s->status, login, s->note);
		s->phase = PHASE_COMMAND;
	}
	free(s->note);
	s->note = NULL;
}

static void login_refused(struct popart_session *s, struct popart_io *io)
{
	session_login_failed(s, s->login->mechanism, s->status);
	session_forget_login(s);
	refuse(s, io, true);
}

static enum popart_want do_auth(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	const struct login *l = s->login;

	if (!answered(s)) {
		step->mechanism = view_str(l->mechanism);
		step->user = l->user;
		step->act_as = l->act_as;
		step->secret = l->password;
		step->stamp = s->stamp ? view_str(s->stamp) : VIEW_NONE;
		return POPART_WANT_AUTH;
	}
	if (s->status != POPART_OK) {
		login_refused(s, io);
		return GO_ON;
	}
	drop_init(&s->drop, s->conf->max_messages);
	s->phase = PHASE_OPEN;
	return GO_ON;
}

static enum popart_want do_open(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	(void)step;
	if (!answered(s))
		return POPART_WANT_OPEN;
	if (s->status == POPART_OK)
		s->status = s->drop.status;
	if (s->status != POPART_OK) {
		drop_free(&s->drop);
		login_refused(s, io);
		/* Open all the same: a store that hides its sink's refusal is not to be
		 * trusted with another try. */
		if (s->opened)
			session_end(s, "internal-error");
		return GO_ON;
	}
	drop_shrink(&s->drop);
	session_forget_login(s);
	free(s->stamp);
	s->stamp = NULL;
	s->state = POPART_STATE_TRANSACTION;
	s->stats.messages = s->drop.count;
	s->stats.octets = s->drop.octets;
	session_event(s,
		&(struct popart_event){ .kind = POPART_EVENT_LOGIN,
			.count = s->drop.count,
			.octets = s->drop.octets });
	command_totals(s, io);
	s->phase = PHASE_COMMAND;
	return GO_ON;
}

/* A message number in digits, counted up in them: cheaper than to divide for each. The last one
 * is the least significant octet. */
struct counter {
	uint64_t digits;
	unsigned bits; /* that they have */
};

_Static_assert(DROP_MESSAGES_MAX < 100000000, "COUNTER_MAX digits");

static void counter_set(struct counter *c, uint32_t number)
{
	c->digits = 0;
	for (c->bits = 0; number > 0 || c->bits == 0; c->bits += 8, number /= 10)
		c->digits |= (uint64_t)('0' + number % 10) << c->bits;
}

static inline void counter_next(struct counter *c)
{
	unsigned at = 0;

	for (c->digits++; (c->digits >> at & 0xff) > '9'; at += 8) {
		if (at + 8 == c->bits) {
			c->digits |= (uint64_t)'0' << c->bits;
			c->bits += 8;
		}
		c->digits += (uint64_t)(0x100 - 10) << at;
	}
}

static inline size_t counter_put(const struct counter *c, char out[COUNTER_MAX])
{
	uint64_t first = htobe64(c->digits << (8 * COUNTER_MAX - c->bits));

	memcpy(out, &first, sizeof(first));
	return c->bits / 8;
}

/* The lines of LIST or UIDL that fit; false: there are more. What is copied is longer than
 * what is needed where the length is thereby known; the next copy begins where it should. */
static bool list_messages(struct popart_session *s, struct popart_io *io)
{
	const struct drop *d = &s->drop;
	char *const end = io->out + io->out_cap;
	char *p = io->out + io->out_len;
	struct uids_walk walk;
	struct counter number;

	counter_set(&number, s->cursor);
	if (s->listing == LISTING_UIDL)
		uids_seek(&d->uids, s->cursor, &walk);
	while (s->cursor < d->count && end - p >= (ptrdiff_t)LISTING_LINE) {
		struct popart_str uid = VIEW_NONE;

		s->cursor++;
		counter_next(&number);
		if (s->listing == LISTING_UIDL)
			uid = uids_next(&walk);
		if (d->deleted > 0 && drop_message(d, s->cursor).deleted)
			continue;
		p += counter_put(&number, p);
		*p++ = ' ';
		if (s->listing == LISTING_LIST) {
			p += format_u64(p, drop_message(d, s->cursor).size);
		} else {
			memcpy(p, uid.ptr, UIDS_LEN_MAX);
			p += uid.len;
		}
		*p++ = '\r';
		*p++ = '\n';
	}
	io->out_len = (size_t)(p - io->out);
	return s->cursor == d->count;
}

static bool list_others(struct popart_session *s, struct popart_io *io)
{
	switch (s->listing) {
	case LISTING_CAPA:
		while (out_room(io) >= REPLY_MAX)
			if (!capa_line(io, s->cursor++, s->conf, s->flags))
				return true;
		return false;
	case LISTING_LANG:
		reply_line(io, "en English");
		return true;
	case LISTING_MECHANISMS:
	default:
		if (s->flags & POPART_SESSION_PASSWORDS)
			reply_line(io, "PLAIN");
		return true;
	}
}

static enum popart_want do_listing(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	bool all = s->listing <= LISTING_UIDL ? list_messages(s, io) : list_others(s, io);

	(void)step;
	if (!all || out_room(io) < 3)
		return POPART_WANT_OUTPUT;
	reply_line(io, ".");
	s->phase = PHASE_COMMAND;
	return GO_ON;
}

static struct drop_message entry_of(const struct popart_session *s)
{
	return drop_message(&s->drop, s->message->number);
}

static void forget_message(struct popart_session *s)
{
	free(s->message);
	s->message = NULL;
}

static enum popart_want do_message(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	struct reply r;

	if (!answered(s)) {
		step->ref = entry_of(s).ref;
		return POPART_WANT_MESSAGE;
	}
	if (s->status != POPART_OK) {
		if (!s->message->held) /* else it is released in the end */
			forget_message(s);
		refuse(s, io, false);
		return GO_ON;
	}
	reply_begin(&r, io, "+OK ");
	if (s->message->lines == WIRE_ALL) {
		reply_u64(&r, entry_of(s).size);
		reply_str(&r, " octets");
	} else {
		reply_str(&r, "top of message follows");
	}
	reply_end(&r);
	s->phase = PHASE_BODY;
	return GO_ON;
}

static void body_used(struct popart_io *io, struct popart_str rest)
{
	io->body = rest.ptr;
	io->body_len = rest.len;
}

/* Takes what io.body has of the message. */
static void convert(struct message *m, struct popart_io *io)
{
	uint64_t left = m->length == UINT64_MAX ? UINT64_MAX : m->length - m->taken;
	size_t n = io->body_len < left ? io->body_len : (size_t)left;
	struct popart_str in = view_of(io->body, n);

	io->out_len += wire_convert(&m->wire, &in, io->out + io->out_len, out_room(io));
	n -= in.len;
	m->taken += n;
	body_used(io, view_of(io->body + n, io->body_len - n));
}

/* A RETR must send what LIST promised. */
static void check_size(struct popart_session *s)
{
	const struct message *m = s->message;
	const struct drop_message entry = entry_of(s);
	bool hint = entry.size_hint;

	if (m->wire.sent == entry.size)
		return;
	s->stats.size_mismatches++;
	session_event(s,
		&(struct popart_event){ .kind = POPART_EVENT_SIZE_MISMATCH,
			.status = hint ? POPART_OK : POPART_E_BUG,
			.ref = entry.ref,
			.count = entry.size,
			.octets = m->wire.sent });
	if ((s->flags & POPART_SESSION_STRICT) && !hint)
		abort();
}

static void message_sent(struct popart_session *s, struct popart_io *io)
{
	struct message *m = s->message;
	bool retr = m->lines == WIRE_ALL;

	io->out_len += wire_finish(&m->wire, io->out + io->out_len);
	reply_line(io, ".");
	body_used(io, VIEW_NONE); /* TOP leaves the rest of the message */
	m->complete = retr;
	if (m->uncounted)
		m->wire.sent = entry_of(s).size;
	s->stats.octets_sent += m->wire.sent;
	session_event(s,
		&(struct popart_event){ .kind = POPART_EVENT_SENT,
			.ref = entry_of(s).ref,
			.count = retr,
			.octets = m->wire.sent });
	if (retr) {
		s->stats.retrieved++;
		check_size(s);
	} else {
		s->stats.topped++;
	}
	s->phase = PHASE_RELEASE;
}

static enum popart_want do_body(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	struct message *m = s->message;

	if (s->status < 0) {
		event_internal(s, s->status);
		cut(s, "message-failed");
		return GO_ON;
	}
	if (io->body_len > 0 && !m->wire.over && m->taken < m->length)
		convert(m, io);
	if (m->wire.over || m->taken == m->length || m->ended) {
		if (out_room(io) < 5) /* CRLF.CRLF */
			return POPART_WANT_OUTPUT;
		message_sent(s, io);
		return GO_ON;
	}
	if (io->body_len > 0)
		return POPART_WANT_OUTPUT;
	step->offset = m->taken;
	step->length = m->length == UINT64_MAX ? UINT64_MAX : m->length - m->taken;
	if (m->direct)
		step->flags |= POPART_STEP_DIRECT;
	else if (m->lines != WIRE_ALL && step->length > TOP_PIECE)
		step->length = TOP_PIECE;
	return POPART_WANT_BODY;
}

static enum popart_want release(struct popart_session *s, struct popart_step *step)
{
	step->ref = entry_of(s).ref;
	step->wire_sent = s->message->complete ? s->message->wire.sent : 0;
	forget_message(s);
	return POPART_WANT_RELEASE;
}

static enum popart_want do_release(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	(void)io;
	s->phase = PHASE_COMMAND;
	return release(s, step);
}

/* RFC 1939 section 6: says how many of the deleted messages stayed. */
static void reply_not_removed(struct popart_session *s, struct popart_io *io)
{
	struct reply r;

	reply_begin(&r, io, "-ERR ");
	reply_str(&r, reply_code(s->status, false));
	reply_u64(&r, s->drop.deleted - s->stats.deleted);
	reply_str(&r, " of ");
	reply_u64(&r, s->drop.deleted);
	reply_str(&r, " deleted messages could not be removed");
	if (s->note) {
		reply_str(&r, ": ");
		reply_str(&r, s->note);
	}
	reply_end(&r);
}

static enum popart_want do_commit(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	if (!answered(s)) {
		if (io->out_len > 0)
			return POPART_WANT_OUTPUT;
		step->refs = s->refs;
		step->nrefs = s->drop.deleted;
		return POPART_WANT_COMMIT;
	}
	session_end(s, s->status < 0 ? "internal-error" : "quit");
	if (s->status < 0)
		event_internal(s, s->status);
	if (s->status == POPART_OK)
		reply_line(io, "+OK good bye; the deleted messages are removed");
	else
		reply_not_removed(s, io);
	s->phase = PHASE_FLUSH;
	return GO_ON;
}

static enum popart_want do_quit(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	(void)step;
	if (s->opened) {
		s->opened = false;
		return POPART_WANT_CLOSE;
	}
	reply_line(io, "+OK good bye");
	session_end(s, "quit");
	return GO_ON;
}

static enum popart_want do_flush(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	(void)step;
	if (io->out_len > 0)
		return POPART_WANT_OUTPUT;
	s->phase = PHASE_END;
	return GO_ON;
}

static enum popart_want do_end(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	(void)io;
	if (s->message && s->message->held)
		return release(s, step);
	if (s->opened) {
		s->opened = false;
		return POPART_WANT_CLOSE;
	}
	if (!s->ended) {
		s->ended = true;
		s->state = POPART_STATE_ENDED;
		session_forget_login(s);
		line_done(&s->line);
		drop_free(&s->drop);
		session_event(s,
			&(struct popart_event){
				.kind = POPART_EVENT_END, .text = view_str(s->reason) });
	}
	if (s->cut)
		step->flags |= POPART_STEP_CUT;
	return POPART_WANT_DONE;
}

static const struct {
	enum popart_want (*run)(
		struct popart_session *, struct popart_io *, struct popart_step *);
	size_t room; /* octets that io.out must have free */
} phases[] = {
	[PHASE_GREETING] = { do_greeting, REPLY_MAX },
	[PHASE_COMMAND] = { do_line, REPLY_MAX },
	[PHASE_SASL] = { do_line, REPLY_MAX },
	[PHASE_AUTH] = { do_auth, REPLY_MAX },
	[PHASE_OPEN] = { do_open, REPLY_MAX },
	[PHASE_LISTING] = { do_listing, LISTING_LINE },
	[PHASE_MESSAGE] = { do_message, REPLY_MAX },
	[PHASE_BODY] = { do_body, 0 },
	[PHASE_RELEASE] = { do_release, 0 },
	[PHASE_COMMIT] = { do_commit, REPLY_MAX },
	[PHASE_QUIT] = { do_quit, REPLY_MAX },
	[PHASE_FLUSH] = { do_flush, 0 },
	[PHASE_END] = { do_end, 0 },
};

enum popart_want popart_session_step(
	struct popart_session *s, struct popart_io *io, struct popart_step *step)
{
	enum popart_want want = GO_ON;

	*step = (struct popart_step){ .size = sizeof(*step) };
	while (want == GO_ON) {
		if (out_room(io) < phases[s->phase].room)
			return POPART_WANT_OUTPUT;
		want = phases[s->phase].run(s, io, step);
	}
	return want;
}

static void answer(struct popart_session *s, int status, struct popart_str text)
{
	s->answered = true;
	s->status = status;
	free(s->note);
	s->note = status > 0 ? reply_clean(text) : NULL;
}

void popart_session_auth_done(struct popart_session *s, int status, struct popart_str text)
{
	if (s->phase == PHASE_AUTH)
		answer(s, status, text);
}

struct popart_msg_sink *popart_session_sink(struct popart_session *s)
{
	return &s->drop.sink;
}

void popart_session_open_done(struct popart_session *s, int status, struct popart_str text)
{
	s->opened = status == POPART_OK;
	if (s->phase == PHASE_OPEN)
		answer(s, status, text);
}

static bool is_known(const struct popart_source *src)
{
	return src->kind >= POPART_SRC_FD && src->kind <= POPART_SRC_READ;
}

static void take_source(struct popart_session *s, const struct popart_source *src)
{
	struct message *m = s->message;
	bool unknown = src->kind == POPART_SRC_READ && src->length == 0;

	m->length = unknown ? UINT64_MAX : src->length;
	m->direct = m->lines == WIRE_ALL && src->kind != POPART_SRC_READ &&
		POPART_FORM_IS_WIRE(src->form);
	wire_init(&m->wire, src->form, m->lines);
}

void popart_session_message_done(struct popart_session *s, int status, struct popart_str text,
	const struct popart_source *src)
{
	if (!s->message)
		return;
	s->message->held = status == POPART_OK;
	if (s->phase != PHASE_MESSAGE)
		return;
	if (status == POPART_OK && !is_known(src))
		status = POPART_E_BUG;
	answer(s, status, text);
	if (status == POPART_OK)
		take_source(s, src);
}

void popart_session_body_sent(struct popart_session *s, uint64_t n)
{
	struct message *m = s->message;

	if (s->phase != PHASE_BODY)
		return;
	if (n > m->length - m->taken)
		n = m->length - m->taken;
	m->taken += n;
	wire_passed(&m->wire, n, m->taken == m->length);
	m->uncounted |= (m->wire.form & POPART_FORM_STUFFED) != 0;
}

void popart_session_body_end(struct popart_session *s, int status)
{
	struct message *m = s->message;

	if (s->phase != PHASE_BODY)
		return;
	m->ended = true;
	/* Less than the source promised is a failure, whatever it calls itself. */
	if (status == POPART_OK && m->length != UINT64_MAX && m->taken < m->length)
		status = POPART_E_IO;
	s->status = status > 0 ? POPART_E_BUG : status;
}

void popart_session_commit_done(
	struct popart_session *s, int status, struct popart_str text, size_t removed)
{
	if (!s->refs || s->ended)
		return;
	free(s->refs);
	s->refs = NULL;
	/* Also after an abort: what is removed is told. */
	s->stats.deleted = removed < s->drop.deleted ? removed : s->drop.deleted;
	session_event(s,
		&(struct popart_event){ .kind = POPART_EVENT_COMMIT,
			.status = status,
			.count = s->stats.deleted });
	if (s->phase == PHASE_COMMIT)
		answer(s, status, text);
}

void popart_session_abort(struct popart_session *s, const char *reason)
{
	if (!s->ended)
		cut(s, reason);
}

void popart_session_stats(const struct popart_session *s, struct popart_session_stats *stats)
{
	*stats = s->stats;
	stats->size = sizeof(*stats);
	stats->state = s->state;
}
