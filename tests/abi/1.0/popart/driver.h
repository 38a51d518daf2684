/* SPDX-License-Identifier: MIT */
#ifndef POPART_DRIVER_H
#define POPART_DRIVER_H
/*
 * POP3 from somebody else's event loop: hand over a storage table and an auth
 * table (the ones modules have), bytes that arrived, and a place for bytes to
 * send. Everything happens inside the call, on the caller's thread.
 */
#include "auth.h"
#include "session.h"
POPART_BEGIN_DECLS

/* Shared by many drivers, constant, outlives them. */
struct popart_driver_conf {
	uint32_t size, reserved;
	const struct popart_session_conf *session;
	const struct popart_storage_ops *storage;
	void *storage_state;
	const struct popart_auth_ops *auth; /* NULL: any user and password is accepted */
	void *auth_state;
	/* Optional: prepare a name (secret == 0) or password for comparison, RFC 8265;
	 * up to *len octets into out. Non-zero: refuse it. NULL: compared as sent. */
	int (*prepare)(struct popart_str raw, int secret, char *out, size_t *len);
	/* Optional: what APOP needs. NULL: APOP is refused. */
	void (*md5)(const void *, size_t, uint8_t digest[16]);
	/* Optional: the exclusive-access lock of RFC 1939, freed as soon as a commit's outcome
	 * is certain; id is the store's maildrop_id or
	 * the user. 0, or POPART_R_IN_USE. NULL: the embedder has one session at a time. */
	int (*lock)(void *user, const void *id, size_t len);
	void (*unlock)(void *user, const void *id, size_t len);
};

struct popart_driver;

/* peer, local: numeric addresses, copied. user: for conf->session->event, lock, unlock. */
struct popart_driver *popart_driver_new(const struct popart_driver_conf *, uint32_t flags,
	struct popart_str peer, struct popart_str local, struct popart_str stamp, void *user);
/* Closes what is open, without update. */
void popart_driver_free(struct popart_driver **);

/*
 * Runs the session as far as io allows. Returns POPART_WANT_INPUT, POPART_WANT_OUTPUT or
 * POPART_WANT_DONE, which the caller meets as session.h says. io.body is the driver's; after
 * a failure that must cut the connection, io.out is empty at DONE.
 *
 * Clients read the fixed text of a status: modules' own texts come through a host table,
 * which a driver has not. No call has a deadline, and popart_storage_ops.renew is not called.
 */
enum popart_want popart_driver_run(struct popart_driver *, struct popart_io *);
/*
 * The same with a socket, for a loop around poll(): sends what waits for it, or receives what
 * the session wants, and runs that. Returns what to poll the socket for before the next turn,
 * POLLIN or POLLOUT; 0: the session is over. Never waits; the socket, which may be a blocking
 * one, stays the caller's. A driver is given to this function alone, or to run.
 */
int popart_driver_turn(struct popart_driver *, int socket);
/* The client is gone: nothing more is executed. */
void popart_driver_abort(struct popart_driver *, const char *reason);

/* For a store that has a file for each message: what popart_msg.wire_size is to be. Reads all
 * of it, and leaves its offset alone. POPART_OK or POPART_E_IO. */
int popart_driver_wire_size(int fd, uint64_t *size);

POPART_END_DECLS
#endif
