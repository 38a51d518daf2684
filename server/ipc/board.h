/* SPDX-License-Identifier: MIT */
#ifndef IPC_BOARD_H
#define IPC_BOARD_H
/*
 * The scoreboard: what every worker is doing, in one sealed memfd that the master
 * makes for each generation. A worker writes its own part only; readers (master,
 * admin) never hold up a writer: a slot that keeps changing is skipped after a few
 * tries. It displays; nothing decides by it but limits: how many connections there may be,
 * how often somebody may log in.
 */
#include <stdatomic.h>
#include "base/view.h"

#define BOARD_LAYOUT 6u /* bumped with every change of the shared structs */

enum board_counter {
#define BOARD_COUNTER(id, name, help) BOARD_##id,
#include "ipc/board_counters.h"
#undef BOARD_COUNTER
	BOARD_COUNTERS
};
struct board_counter_row {
	const char *name, *help;
};
extern const struct board_counter_row board_counter_rows[BOARD_COUNTERS];

enum board_worker_state {
	BOARD_FREE,
	BOARD_STARTING, /* until it may accept */
	BOARD_SERVING,
	BOARD_DRAINING
};

/* One connection. seq is odd while the owner writes. The owner of a slot may change from
 * thread to thread, as its session does; readers are other processes. */
struct board_slot {
	_Atomic uint32_t seq;
	uint8_t state; /* enum popart_state; 0: nobody here */
	/* Of the login, of TLS: as figures.h has them. */
	uint8_t mechanism, tls, cipher;
	uint64_t session;
	int64_t since_ms, last_ms; /* clock_ms: accepted; when something last moved */
	uint64_t octets_in, octets_out;
	uint64_t lock;      /* hash of the maildrop's id; 0: none */
	int64_t locked_ms;  /* clock_ms, if there is a lock       */
	uint64_t user_hash; /* of the whole name */
	uint32_t messages, retrieved, deleted;
	uint16_t port;
	uint8_t instance; /* of the store, from 1 */
	uint8_t peer_len, user_len;
	char text[79]; /* the peer's address, then the user; no NUL; cut to fit */
};

struct board;

#define BOARD_WORKERS_MAX      1024u
#define BOARD_THREADS_MAX      1024u
#define BOARD_SLOTS_MAX        (1u << 20)
#define BOARD_INSTANCES_MAX    64u /* those behind are not shown */
#define BOARD_CERTIFICATES_MAX 64u

/* A worker has threads beside those that the configuration counts: a pool for calls that
 * may wait, and one that turns the timers. They have places here too, behind the others. */
#define BOARD_POOL_THREADS  8u
#define BOARD_EXTRA_THREADS (BOARD_POOL_THREADS + 1u)

/* "module.so+0x1234 (build-id ...), in libc.so.6+0x5678 (build-id ...)" */
#define BOARD_WHERE 224u

struct board_shape {
	uint32_t workers; /* 1 .. BOARD_WORKERS_MAX         */
	uint32_t threads; /* a worker: 1 .. BOARD_THREADS_MAX */
	/* Connections a worker: 1 .. BOARD_SLOTS_MAX; untouched ones cost nothing. */
	uint32_t slots;
	/* Of modules, auth before storage: 0 .. BOARD_INSTANCES_MAX. */
	uint32_t instances;
};
/* In the master. The descriptor (close-on-exec, the caller's) is sealed against shrinking
 * and growing; NULL: errno. */
struct board *board_create(const struct board_shape *, int *fd_out);
/* In a child; fd stays the caller's and may be closed. NULL: errno; EPROTO: no scoreboard,
 * or made by a binary with another layout. Indexes past the shape abort in developer
 * builds; elsewhere they are the caller's bug. */
struct board *board_map(int fd);
void board_unmap(struct board **);
struct board_shape board_shape(const struct board *);

/* A worker's part. */
void board_worker_state(struct board *, uint32_t worker, enum board_worker_state, int32_t pid);
/* One more sign that the worker turns its timers and listens to the master. */
void board_beat(struct board *, uint32_t worker);
/* Why there is none: every event thread has been in a module for too long. */
void board_stuck(struct board *, uint32_t worker, bool);
/* Any of the worker's threads may add; wait-free. */
void board_count(
	struct board *, uint32_t worker, uint32_t thread, enum board_counter, uint64_t n);
/* Where a thread notes "instance.operation", for whom and from where before it enters a module:
 * all else first, then busy with release order; NUL-terminated unless full. */
enum board_busy { BOARD_IDLE, BOARD_CALL, BOARD_COMMIT };
struct board_thread {
	_Atomic uint32_t busy;     /* enum board_busy */
	_Atomic uint32_t signal;   /* the worker died of this one, in this thread; 0: no */
	_Atomic int64_t since_ms;  /* clock_ms: when the call began */
	_Atomic int64_t placed_ms; /* since_ms of the call that `where` is about */
	uint64_t session;          /* 0: none */
	uint64_t key;              /* whom a quarantine would be of; 0: nobody */
	char what[64];
	char user[64];
	char peer[48];
	char where[BOARD_WHERE]; /* the code that it is in, once somebody had to ask */
};
struct board_thread *board_thread(struct board *, uint32_t worker, uint32_t thread);
/* A connection's slot: index from the worker's own free list. Write between these two. */
struct board_slot *board_slot_write(struct board *, uint32_t worker, uint32_t slot);
void board_slot_done(struct board_slot *);
/* Once for each connection, the peer first. */
void board_slot_set_peer(struct board_slot *, struct popart_str);
void board_slot_set_user(struct board_slot *, struct popart_str);
/* As long as the slot, or the copy, stays as it is. */
struct popart_str board_slot_peer(const struct board_slot *);
struct popart_str board_slot_user(const struct board_slot *);
/* Whether it is that user's, also if there was no room for all of the name. */
bool board_slot_is_of(const struct board_slot *, struct popart_str user);

/* Readers. False: nobody there, or the slot changes too fast. */
bool board_slot_read(
	const struct board *, uint32_t worker, uint32_t slot, struct board_slot *copy);
/* The same, telling the two apart. */
enum board_look { BOARD_NOBODY, BOARD_SEEN, BOARD_BUSY };
enum board_look board_slot_look(
	const struct board *, uint32_t worker, uint32_t slot, struct board_slot *copy);
/* Slots from here on have never had anybody. */
uint32_t board_slots_used(const struct board *, uint32_t worker);
uint32_t board_connections(const struct board *, uint32_t worker);
uint64_t board_total(const struct board *, enum board_counter);
uint64_t board_worker_total(const struct board *, uint32_t worker, enum board_counter);
enum board_worker_state board_worker_get(const struct board *, uint32_t worker, int32_t *pid);
/* Its signs of life so far: one that lives has another number a second later. */
uint32_t board_beats(const struct board *, uint32_t worker);
/* Whether it has said that all its event threads are stuck in modules. */
bool board_is_stuck(const struct board *, uint32_t worker);
/* In the master, after a worker died (and after its threads' notes were read): slots and
 * notes cleared, half-written ones too, and its connections given back to the limits;
 * counters stay. Returns how many sessions it had. */
uint32_t board_worker_repair(struct board *, uint32_t worker);

/*
 * How many connections there are, in all and from one site (a hash of where a client comes
 * from). Each worker counts its own, in its own part, and compares the sum of all workers'
 * with the limit: whoever is killed has nothing in anybody else's books. Never too many;
 * of several who ask at once for the last place none may get it. Wait-free but for the
 * tries of others in the same moment. If there is no room to note a site, which happens
 * when very many of them share a bucket, its connection is not counted there.
 */
struct board_limits {
	uint32_t all, per_site; /* per_site 0: no limit */
};
enum board_admission { BOARD_ADMITTED, BOARD_FULL, BOARD_SITE_FULL };
/* site 0: one that is not counted. Whoever is admitted must leave. */
enum board_admission board_admit(
	struct board *, uint32_t worker, uint64_t site, struct board_limits);
void board_leave(struct board *, uint32_t worker, uint64_t site);

/*
 * Which slot has a session lock, found without looking at every slot. A hint: a full bucket
 * forgets somebody.
 */
void board_lock_note(struct board *, uint64_t lock, uint32_t worker, uint32_t slot);
/* Before the lock is given up. */
void board_lock_forget(struct board *, uint64_t lock, uint32_t worker, uint32_t slot);
/* False: nobody in this scoreboard is known to have it. */
bool board_lock_holder(
	const struct board *, uint64_t lock, struct board_slot *copy, uint32_t *worker);

/*
 * When users last logged in, for LOGIN-DELAY: a fixed table in the same memory, by hash
 * of the maildrop's user. Full buckets forget the oldest.
 */
/* Seconds still to wait since the last noted login; 0: go on. */
uint32_t board_login_delay(
	struct board *, uint64_t user_hash, int64_t now_ms, uint32_t delay_s);
void board_login_note(struct board *, uint64_t user_hash, int64_t now_ms);

/* From generation to generation, in the master: the logins that were noted, as often as
 * wanted; and once, when nobody writes `from` any more, what its counters came to. */
void board_pass_logins(const struct board *from, struct board *to);
void board_pass_counters(const struct board *from, struct board *to);

#endif
