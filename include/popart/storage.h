/* SPDX-License-Identifier: MIT */
#ifndef POPART_STORAGE_H
#define POPART_STORAGE_H
/*
 * One user's maildrop: open and lock, list, read, commit deletions, close.
 * The host calls, per session and never overlapping:
 *
 *   [maildrop_id] -> open -> list -> ( message -> read* -> release )*
 *	-> [commit] -> close
 *
 * with renew in between where it is due. close comes after every open that said
 * POPART_OK, whatever failed later, and commit at most once, only after QUIT, only when
 * something is to be removed. A maildrop may be served by a different thread at each
 * call, so no state of it may live in thread-local storage or depend on a thread-owned
 * lock. Many maildrops are open in one instance at once, in any threads, unless
 * POPART_STORE_SERIAL.
 */
#include "abi.h"
POPART_BEGIN_DECLS

enum {
	POPART_STORE_BLOCKS = 1u << 0,        /* calls may wait on more than a disk, on a
	                                         network: the host runs them in a bounded
	                                         pool of threads apart             */
	POPART_STORE_SERIAL = 1u << 1,        /* one call at a time per instance       */
	POPART_STORE_ATOMIC_COMMIT = 1u << 2, /* commit is all or nothing, crash-safe  */
	POPART_STORE_READ_ONLY = 1u << 3,     /* commit always answers POPART_R_PERM; it
	                                         may be left out                       */
	POPART_STORE_QUICK_READS = 1u << 4    /* with BLOCKS: message, read, release and
	                                         close wait for a disk at most, not for
	                                         a network or a lock                   */
};

struct popart_attr {
	struct popart_str key, value;
};

struct popart_user { /* host-owned, one call */
	uint32_t size;
	uint32_t nattrs;
	struct popart_str name;
	const struct popart_attr *attrs; /* what the auth module said, in order, each
	                                    key once */
};

enum {
	POPART_MSG_SEEN = 1u << 0,
	/* wire_size was read from outside (",W=" of a file name, say) and not counted by
	 * the module. A difference found while sending is then not a breach of the
	 * contract: it comes back in popart_source.wire_sent, for the module to mend. */
	POPART_MSG_SIZE_HINT = 1u << 1
};

struct popart_msg {
	uint64_t ref;          /* module's own handle; the host only hands it back     */
	uint64_t wire_size;    /* EXACT octets a RETR sends: every LF that no CR precedes
	                       counts as CRLF, and a last line without LF (also one that
	                       ends in a lone CR) gets a CRLF; an empty message is 0.
	                       Without dot-stuffing, without the final "."           */
	struct popart_str uid; /* 1..70 octets of 0x21..0x7E, unique in the maildrop,
	                       the same for the same message in every later session */
	int64_t received_s;    /* Unix time of arrival; 0: unknown                    */
	uint32_t flags;        /* POPART_MSG_*                                        */
	uint32_t reserved;     /* zero */
};

/* Takes listed messages in maildrop order; copies before it returns. A module
 * may add one at a time or in blocks. `stride` is sizeof(struct popart_msg) as the
 * module was compiled. Non-zero: stop and return that status (POPART_E_BUG: a uid that
 * may not be; POPART_R_PERM: more messages than the server takes). */
struct popart_msg_sink {
	uint32_t size, reserved;
	int (*add)(
		struct popart_msg_sink *, const struct popart_msg *, size_t n, size_t stride);
};

/* What is known about the bytes of a source. Nothing set: the host scans,
 * turns bare LF into CRLF and stuffs dots. The more is set, the less is copied. */
enum {
	POPART_FORM_CRLF = 1u << 0,      /* every line end is CRLF already              */
	POPART_FORM_NO_DOTS = 1u << 1,   /* no line begins with "."                     */
	POPART_FORM_ENDS_LINE = 1u << 2, /* last octet pair is a line end               */
	POPART_FORM_STUFFED = 1u << 3,   /* dots already doubled (".." at line start)  */
	/* Every line end was a bare LF when the message came, and the store has made it
	 * CRLF: who copies the message takes the CR out again. */
	POPART_FORM_WAS_LF = 1u << 4
};
/* True when the bytes may go from file to socket (sendfile, kTLS) unseen. */
#define POPART_FORM_IS_WIRE(f)                                    \
	(((f)&POPART_FORM_CRLF) && ((f)&POPART_FORM_ENDS_LINE) && \
		((f) & (POPART_FORM_NO_DOTS | POPART_FORM_STUFFED)))

enum popart_source_kind { POPART_SRC_FD = 1, POPART_SRC_MEM = 2, POPART_SRC_READ = 3 };

/*
 * A message being sent; there is one at a time in a maildrop. The host zeroes it and
 * sets size; the module fills the rest and keeps everything alive until release, which
 * the host calls exactly once if and only if message() returned POPART_OK. The bytes must
 * not change meanwhile: memory is never a mapping of a file that somebody else may
 * truncate (SIGBUS), and what form says is known about these very bytes, not
 * remembered of a file that has changed since. release may run on another
 * thread and always before close.
 */
struct popart_source {
	uint32_t size;
	uint32_t kind, form;
	int32_t fd;           /* SRC_FD: host uses positional reads or sendfile with an
	                         explicit offset, never moves or closes it            */
	uint64_t offset;      /* SRC_FD: first octet                                 */
	uint64_t length;      /* FD, MEM: stored octets; READ: 0 if unknown          */
	uint64_t body_offset; /* stored octets up to and including the blank line, for
	                         TOP; 0: unknown, host looks for it                   */
	const void *mem;      /* SRC_MEM */
	/* SRC_READ: > 0 octets placed in buf, in the message's order, 0 end, < 0 enum
	 * popart_status. Not called again after 0 or less, nor after the client has left. */
	int64_t (*read)(
		struct popart_source *, const struct popart_call *, void *buf, size_t cap);
	void (*release)(struct popart_source *); /* may be NULL */
	void *ctx;                               /* module's */
	/* Set by the host before release: octets a complete RETR has sent, counted
	 * as wire_size is; 0 when it was not complete, or was a TOP. */
	uint64_t wire_sent;
};

/* What is known about a message being put in. It comes behind all that are there. All of
 * this is listed again in later sessions, or deliver_begin answers POPART_R_UNSUPPORTED. */
struct popart_delivery {
	uint32_t size, flags;  /* POPART_MSG_SEEN or 0                             */
	uint64_t size_hint;    /* octets to come; 0: unknown                       */
	int64_t received_s;    /* Unix time of arrival; 0: now                     */
	struct popart_str uid; /* UIDL the message must keep (moving in from
	                           another store), which no message has yet; empty:
	                           the module chooses                               */
};

/* Where check() tells what it finds, on its own thread; both copy what they keep. */
struct popart_check {
	uint32_t size, reserved;
	/* One problem, as a sentence for people, without a full stop or a newline: what is
	 * wrong, and where. */
	void (*problem)(struct popart_check *, struct popart_str text);
	/* How far it is, in units of its own: done never goes down, total may change. Often
	 * enough that nobody thinks it hangs. */
	void (*progress)(struct popart_check *, uint64_t done, uint64_t total);
};

struct popart_storage_ops {
	uint32_t size, caps;

	/* Optional: what the session lock is taken on, for stores where two users
	 * or two instances may mean one maildrop (a device and inode number, say): 1 to 64
	 * octets, not a text. Before open, without any lock. Without it the lock is on
	 * (instance, user). */
	int (*maildrop_id)(void *inst_state, const struct popart_call *,
		const struct popart_user *, char id[64], size_t *len);

	/* Freeze the message set: what is delivered afterwards belongs to the next session.
	 * The host already holds the session lock, until a commit or close, against every
	 * other session and tool of this server; what the module adds is protection against
	 * others: delivery agents, other programs, other machines. POPART_R_IN_USE when one
	 * of those holds it past the deadline. Locks must shut out threads as well as
	 * processes: classic fcntl record locks are blind to threads and vanish when any
	 * descriptor of the file is closed; OFD locks or flock will do. A user without a
	 * maildrop has an empty one. POPART_OK: *drop is the module's handle, not NULL. On
	 * any failure nothing is held and *drop is left alone. */
	int (*open)(void *inst_state, const struct popart_call *, const struct popart_user *,
		void **drop);

	/* Every message. Once per session, right after open. Numbers 1..n follow the order
	 * of add. */
	int (*list)(void *drop, const struct popart_call *, struct popart_msg_sink *);

	/* For a RETR or TOP of a listed message, as often as clients ask. Called before
	 * "+OK" goes out, so a failure can still be told. After that a failing read makes
	 * the host cut the connection without the final ".": a short message must never
	 * look complete. POPART_R_GONE is not fatal. */
	int (*message)(
		void *drop, const struct popart_call *, uint64_t ref, struct popart_source *);

	/* Remove exactly these, durably, before returning POPART_OK. At most once,
	 * only after QUIT; never cancelled, and no deadline applies. With
	 * POPART_STORE_ATOMIC_COMMIT any other return means that none is gone, also
	 * after a crash in the middle. Without it a half-done job is POPART_R_PARTIAL,
	 * *removed says how many, and the client is told that some were not removed.
	 * Only what is named is ever removed. refs that vanished meanwhile count as
	 * removed. Each ref is one that was listed, n is at least 1. */
	int (*commit)(void *drop, const struct popart_call *, const uint64_t *refs, size_t n,
		size_t *removed);

	/* Drop the lock and free. Cannot fail: log what went wrong. Without a
	 * commit before it, the maildrop is as it was. After a commit the host's
	 * session lock is free already and the next session may be open: a lock of
	 * the module's own goes with the commit, not here. */
	void (*close)(void *drop, const struct popart_call *);

	/* Optional: lease-style locks. Called about every renew_ms (no more often than four
	 * times a second) from open to commit or close, also while the client is silent or
	 * slow to read, but never during another call for the maildrop: a list that may
	 * outlast the lease renews by itself. Any failure means that the lock is lost: the
	 * session ends, close is called, commit is not. popart-deliver and popartctl do not
	 * call it. */
	int (*renew)(void *drop, const struct popart_call *);
	uint32_t renew_ms;
	uint32_t reserved;

	/* Optional, all four or none: put a message in, which may be listed only once it is
	 * whole. Not under the session lock; a session that is open does not see it. The
	 * octets come as the sender had them, with LF or CRLF. begin/write/finish never overlap
	 * for one delivery, *dlv is not NULL, and finish or abandon ends it, exactly one of
	 * them, also after a write that failed. POPART_R_OVER_QUOTA: it would be too much. */
	int (*deliver_begin)(void *inst_state, const struct popart_call *,
		const struct popart_user *, const struct popart_delivery *, void **dlv);
	int (*deliver_write)(void *dlv, const struct popart_call *, const void *, size_t);
	int (*deliver_finish)(void *dlv,
		const struct popart_call *); /* durable on POPART_OK; frees dlv always */
	void (*deliver_abandon)(void *dlv, const struct popart_call *);

	/* Optional: look over all that is kept of a user's mail, and tell what is not as it
	 * should be. Changes nothing, repairs nothing, and asks stop_asked often.
	 * Sessions and deliveries may go on meanwhile; what they do is no problem to tell.
	 * POPART_OK: it was looked over, whatever was told. Another status: it could not be. */
	int (*check)(void *inst_state, const struct popart_call *, const struct popart_user *,
		struct popart_check *);
	/* Optional: header fields that the store keeps notes of its own in, and neither
	 * lists nor sends, whoever wrote them ("Status"); without their colon,
	 * NULL-ended. A copy into it goes without them. */
	const char *const *hidden_fields;
};

POPART_END_DECLS
#endif
