/* SPDX-License-Identifier: MIT */
#ifndef CHECK_SESSION_H
#define CHECK_SESSION_H
/*
 * One user's session with a store, as the server has it. Each call is held to what any call
 * of its kind promises: what it may return, what it fills in and what it leaves alone. Every
 * call is made by the thread of the host that is named: 0 is the test's own, the others are
 * a crew's.
 */
#include "check/scene.h"

/* For calls that would wait for a lock: that far ahead of now is their deadline. */
enum { SOON_MS = 2000 };

struct session {
	struct scene *scene;
	const char *user;
	void *drop; /* NULL: it is not open */
	uint64_t id;
	int64_t deadline_ms; /* of each call; INT64_MAX */
	struct mock_list list;
	char why[1100]; /* what fail() said in the last call that failed */
};

/* Opens nothing yet. */
void session_init(struct session *, struct scene *, const char *user);
int session_open(struct session *, unsigned thread);
int session_list(struct session *, unsigned thread);
int session_message(struct session *, unsigned thread, uint64_t ref, struct popart_source *);
void session_release(struct session *, struct popart_source *);
int session_commit(
	struct session *, unsigned thread, const uint64_t *refs, size_t n, size_t *removed);
int session_renew(struct session *, unsigned thread);
/* Also where nothing is open; forgets the list. */
void session_close(struct session *, unsigned thread);

/* init, open and list on thread 0, which have to succeed; otherwise it is closed and told. */
bool session_begin(struct session *, struct scene *, const char *user);
/* Whether it has as many messages; tells. */
bool session_has(struct session *, size_t n);

/* All octets as they come, malloc'ed; NULL: *status says why. */
unsigned char *session_octets(
	struct session *, unsigned thread, uint64_t ref, size_t *n, int *status);
/* Of a source that is open. */
unsigned char *session_drain(
	struct session *, unsigned thread, struct popart_source *, size_t *n, int *status);
/* The same with dots as they were before some were doubled. */
unsigned char *session_read(
	struct session *, unsigned thread, uint64_t ref, size_t *n, int *status);
/* Message i is text, and its listed size is that of its octets; tells. */
bool session_shows(struct session *, unsigned thread, size_t i, struct popart_str text);
/* The place of a unique-id in the list; list.n: it is not there. */
size_t session_find(const struct session *, const struct mock_msg *);

#endif
