/* SPDX-License-Identifier: MIT */
#ifndef POPART_SESSION_H
#define POPART_SESSION_H
/*
 * libpopart: the server's side of one POP3 conversation as a step machine.
 *
 * The machine is pure and silent. It opens, reads, waits for and logs nothing:
 * the embedder hands it bytes and asks what it wants next.
 *
 *	for (;;) switch (popart_session_step(s, &io, &step)) {
 *	case POPART_WANT_INPUT:   flush io.out; put received octets into io.in
 *	case POPART_WANT_OUTPUT:  flush io.out
 *	case POPART_WANT_AUTH:    check who it is   -> popart_session_auth_done
 *	case POPART_WANT_OPEN:    open the maildrop, list into popart_session_sink()
 *	                                            -> popart_session_open_done
 *	                          (not OK: whatever was opened is closed already)
 *	case POPART_WANT_MESSAGE: open one message  -> popart_session_message_done
 *	case POPART_WANT_BODY:    put its octets into io.body, or send them yourself
 *	                          and say so        -> popart_session_body_sent
 *	case POPART_WANT_RELEASE: the message is not needed any more
 *	case POPART_WANT_COMMIT:  remove step.refs  -> popart_session_commit_done
 *	case POPART_WANT_CLOSE:   close the maildrop
 *	case POPART_WANT_DONE:    flush io.out (unless step.flags has CUT); close
 *	}
 *
 * At INPUT all of io.in has been taken; at any other want what is left of it must be kept.
 * io.out is never sent behind what DIRECT octets follow it: flush it before them. RELEASE
 * and CLOSE are said once and have no answer.
 *
 * Each want may be met at once or later, on any thread, as long as one session
 * is never in two threads at once. Until a want with a *_done call has got its
 * answer, stepping again repeats the want.
 *
 * A driver that meets every want by calling a storage and an auth table is in
 * <popart/driver.h>.
 */
#include "abi.h"
#include "storage.h"
POPART_BEGIN_DECLS

enum popart_want {
	POPART_WANT_INPUT = 1,
	POPART_WANT_OUTPUT,
	POPART_WANT_AUTH,
	POPART_WANT_OPEN,
	POPART_WANT_MESSAGE,
	POPART_WANT_BODY,
	POPART_WANT_RELEASE,
	POPART_WANT_COMMIT,
	POPART_WANT_CLOSE,
	POPART_WANT_DONE
};

/* RFC 1939's states, as a status display names them. */
enum popart_state {
	POPART_STATE_AUTHORIZATION = 1,
	POPART_STATE_TRANSACTION,
	POPART_STATE_UPDATE,
	POPART_STATE_ENDED
};

/*
 * The bytes between embedder and session. The embedder owns all three runs; the
 * session advances in and body past what it has taken, and adds to out. What is
 * left of in must be offered again at the next step. What is left of body may be
 * dropped instead (body_len = 0) when the source is positional: the session then
 * asks again from the right offset.
 */
struct popart_io {
	uint32_t size;
	uint32_t in_eof; /* non-zero: the client will send nothing after in */
	const char *in;
	size_t in_len;
	const char *body;
	size_t body_len;
	char *out;
	size_t out_len, out_cap; /* out_cap at least POPART_OUT_MIN */
};
#define POPART_OUT_MIN 1024u

enum {
	POPART_STEP_DIRECT = 1u << 0, /* BODY: these octets may go to the client unseen      */
	POPART_STEP_CUT = 1u << 1     /* DONE: close without sending what is left in io.out */
};

/* What the want is about; the session fills all of it. Pointers are the session's, good
 * until the answer. */
struct popart_step {
	uint32_t size, flags;

	/* AUTH. user is never empty and valid UTF-8; secret is raw and may hold any
	 * octet. mechanism "USER", "PLAIN": secret is the password. "APOP": secret is
	 * the 32 hex digits, stamp what the greeting showed. mechanism is static, and a
	 * NUL stands behind it. */
	struct popart_str mechanism, user, act_as, secret, stamp;

	uint64_t ref; /* MESSAGE, RELEASE: as the storage module listed it */

	/* BODY: stored octets wanted next. offset counts from the message's first. */
	uint64_t offset, length;

	/* RELEASE: what popart_source.wire_sent is to say. */
	uint64_t wire_sent;

	const uint64_t *refs; /* COMMIT */
	size_t nrefs;
};

/* What happens in a session, for logs and counters. */
enum popart_event_kind {
	POPART_EVENT_LOGIN = 1,     /* in TRANSACTION: count = messages, octets = their sizes */
	POPART_EVENT_LOGIN_FAILED,  /* status says why; text: mechanism                    */
	POPART_EVENT_SENT,          /* whole message sent by RETR (count 1) or TOP (0)     */
	POPART_EVENT_SIZE_MISMATCH, /* a RETR sent `octets`, the listing had said `count`;
	                               status POPART_E_BUG: and that was no mere hint      */
	POPART_EVENT_COMMIT,        /* status; count = messages removed                    */
	POPART_EVENT_BAD_COMMAND,   /* text: why, never what the client said               */
	POPART_EVENT_INTERNAL,      /* a want failed with an internal status               */
	POPART_EVENT_END            /* text: reason, one of popart_session_reasons()       */
};
struct popart_event {
	uint32_t kind;
	int32_t status; /* enum popart_status */
	uint64_t ref, count, octets;
	struct popart_str text;
};

enum {
	POPART_SESSION_PASSWORDS = 1u << 0, /* USER, PASS and SASL PLAIN are offered here */
	POPART_SESSION_STRICT = 1u << 1     /* abort() when sizes break the ABI's promise */
};

/* Shared by many sessions, constant, outlives them; strings are the embedder's. */
struct popart_session_conf {
	uint32_t size;
	uint32_t flags;
	struct popart_str hostname;       /* named in the greeting; may be empty            */
	struct popart_str implementation; /* CAPA IMPLEMENTATION; empty: not shown          */
	uint32_t max_bad_commands;        /* this many in a row end the session; 0: 20      */
	int32_t expire_days;              /* CAPA EXPIRE; -1: NEVER; -2: not shown          */
	uint32_t login_delay_s;           /* CAPA LOGIN-DELAY; 0: not shown. The embedder
	                                     enforces it: auth_done(POPART_R_LOGIN_DELAY)   */
	uint32_t max_messages;            /* listing more than this fails; 0: 16,777,216    */
	void (*event)(void *user, const struct popart_event *); /* may be NULL */
};

struct popart_session_stats {
	uint32_t size, state;                /* enum popart_state */
	uint64_t messages, octets;           /* of the maildrop, at login */
	uint64_t retrieved, topped, deleted; /* deleted: removed by a commit */
	uint64_t octets_sent;                /* of messages, as wire_size counts */
	uint64_t size_mismatches;
	uint32_t bad_commands, login_failures;
};

struct popart_session;

/* flags: added to conf->flags for this connection alone (PASSWORDS depends on
 * where the peer is). stamp: "<unique@host>" for APOP, copied; empty: APOP is off
 * and the greeting shows none. user goes to conf->event. NULL: out of memory. */
struct popart_session *popart_session_new(const struct popart_session_conf *conf,
	uint32_t flags, struct popart_str stamp, void *user);
/* Wipes what was secret. Whatever was open must have been released and closed. */
void popart_session_free(struct popart_session **);

enum popart_want popart_session_step(
	struct popart_session *, struct popart_io *, struct popart_step *);

/*
 * Answers. text is what the module's fail() put down for the client: any octets,
 * made one printable line of legal length here; empty: the status's fixed text.
 */
void popart_session_auth_done(struct popart_session *, int status, struct popart_str text);
/* Takes the listing for OPEN; good until open_done. */
struct popart_msg_sink *popart_session_sink(struct popart_session *);
void popart_session_open_done(struct popart_session *, int status, struct popart_str text);
/* src: copied where needed; only looked at with POPART_OK. */
void popart_session_message_done(struct popart_session *, int status, struct popart_str text,
	const struct popart_source *src);
/* n octets went out unseen (POPART_STEP_DIRECT). */
void popart_session_body_sent(struct popart_session *, uint64_t n);
/* The source of unknown length has ended, or (status < 0) failed: the connection
 * will be cut without the final "." */
void popart_session_body_end(struct popart_session *, int status);
void popart_session_commit_done(
	struct popart_session *, int status, struct popart_str text, size_t removed);

/* The client is gone or must go (a send failed, time is up, lock lost): nothing
 * more is executed or sent; what is open is still released and closed by the steps that
 * follow. A want that is unanswered counts as not met, unless its answer comes before the
 * next step. reason: one of popart_session_reasons(), static. */
void popart_session_abort(struct popart_session *, const char *reason);

void popart_session_stats(const struct popart_session *, struct popart_session_stats *);
/* Every reason that POPART_EVENT_END may carry, NULL-ended: "quit", "client-closed",
 * "idle-timeout", ... and what each means, in turns. For documentation and tests. */
const char *const *popart_session_reasons(void);

POPART_END_DECLS
#endif
