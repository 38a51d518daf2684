/* SPDX-License-Identifier: MIT */
#ifndef POP3_STATE_H
#define POP3_STATE_H
/* The inside of a session, shared by session.c (what happens when) and command.c (what
 * the client may say). */
#include "pop3/drop.h"
#include "pop3/line.h"
#include "pop3/reply.h"
#include "pop3/wire.h"

/* Where a session stands; each has a function in session.c. */
enum phase {
	PHASE_GREETING,
	PHASE_COMMAND,
	PHASE_SASL, /* the client's response to a challenge is awaited */
	PHASE_AUTH,
	PHASE_OPEN,
	PHASE_LISTING, /* an answer of many lines is under way */
	PHASE_MESSAGE,
	PHASE_BODY,
	PHASE_RELEASE,
	PHASE_COMMIT,
	PHASE_QUIT,  /* nothing to commit: close, then answer */
	PHASE_FLUSH, /* the answer to QUIT must be out before the maildrop is closed */
	PHASE_END
};

enum listing { LISTING_LIST, LISTING_UIDL, LISTING_CAPA, LISTING_LANG, LISTING_MECHANISMS };

/* The login that is under way, in one piece. A session that has none keeps no memory for it. */
struct login {
	const char *mechanism;
	struct popart_str user, act_as, password; /* in text */
	size_t len;
	char text[]; /* wiped */
};

/* The message that is under way, in a piece of its own, too. */
struct message {
	struct wire wire;
	uint64_t length, taken; /* stored octets; length UINT64_MAX: not known */
	uint64_t lines;         /* TOP: of the body; WIRE_ALL: RETR           */
	uint32_t number;        /* in the drop                                 */
	bool held;              /* to be released                              */
	bool direct;            /* the octets may go out unseen                */
	bool uncounted;         /* stuffed octets did, so `sent` is a guess    */
	bool ended, complete;
};

struct popart_session {
	const struct popart_session_conf *conf;
	void *user;
	uint32_t flags;
	uint8_t phase; /* enum phase */
	uint8_t state; /* enum popart_state */
	uint8_t listing;
	bool answered; /* the want of this phase has got its answer: status, note */
	bool opened;   /* the maildrop is to be closed */
	bool cut, ended;
	int32_t status;
	uint32_t cursor; /* next line of the listing */
	uint32_t bad_in_row;
	char *note;         /* client text that came with the answer, cleaned */
	const char *reason; /* why the session ends */
	char *stamp;        /* until login; NULL: no APOP */
	struct line line;
	struct login *login; /* NULL: none */
	struct drop drop;
	struct message *message; /* NULL: none */
	uint64_t *refs;          /* of the deleted messages, while they are removed */
	struct popart_session_stats stats;
};

/* command.c: does what the line says. io.out has room for a line. */
void command_run(struct popart_session *, struct popart_io *, struct popart_str line);
/* The response to a SASL challenge. */
void command_sasl(struct popart_session *, struct popart_io *, struct popart_str line);
/* "+OK n messages (m octets)": what is not deleted. */
void command_totals(struct popart_session *, struct popart_io *);

/* session.c */
void session_event(struct popart_session *, const struct popart_event *);
/* Answers a command that was not understood: "-ERR" and why; too many of them end it. */
void session_bad(struct popart_session *, struct popart_io *, const char *why);
/* The session is to be over, for this reason: releases and closes what is open first. */
void session_end(struct popart_session *, const char *reason);
/* The fixed line for an internal failure; then the session ends. */
void session_internal(struct popart_session *, struct popart_io *, int status);
/* Wipes and forgets the login under way. */
void session_forget_login(struct popart_session *);
/* A login by this mechanism failed with this status; not an answer to the client. */
void session_login_failed(struct popart_session *, const char *mechanism, int status);

#endif
