/* SPDX-License-Identifier: MIT */
#ifndef IPC_FIGURES_H
#define IPC_FIGURES_H
/*
 * What the scoreboard has for measuring and showing: how long operations of modules take,
 * what logins and TLS handshakes came to, which modules and certificates there are, and
 * which workers died in what. Fixed in size. Threads add with plain stores into rows that
 * are theirs alone and wait for nobody; readers sum.
 */
#include "ipc/board.h"

/* --- what is counted --- */

enum figures_op {
#define MODULE_OP(id, name) FIGURES_OP_##id,
#include "base/module_ops.h"
#undef MODULE_OP
	FIGURES_OPS
};
#define FIGURES_FIRST_STORAGE_OP FIGURES_OP_MAILDROP_ID
extern const char *const figures_op_names[FIGURES_OPS];

/* Bounds double, from 16 us to 16.8 s; what took longer is behind the last. */
#define FIGURES_FIRST_US 16u
#define FIGURES_BOUNDS   21u
struct figures_histogram {
	uint64_t counts[FIGURES_BOUNDS + 1]; /* not cumulative */
	uint64_t ns, failures;               /* in all; internal ones */
	uint64_t crashes;                    /* workers that died while a thread was in it */
	uint64_t late;                       /* calls that went on past their deadline     */
};

enum figures_result {
	FIGURES_OK,
	FIGURES_DENIED,
	FIGURES_BUSY,
	FIGURES_ERROR,
	FIGURES_RESULTS
};
extern const char *const figures_result_names[FIGURES_RESULTS];

/* Words for what has few values. 0: none; the last is for all that have no name here. */
struct figures_words {
	const char *const *names;
	uint8_t n;
};
#define FIGURES_MECHANISMS 5u
#define FIGURES_VERSIONS   4u
#define FIGURES_CIPHERS    7u
extern const struct figures_words figures_mechanisms, figures_versions, figures_ciphers;
/* NULL: 0. */
uint8_t figures_word(const struct figures_words *, const char *name);
/* NULL: none, or not one of them. */
const char *figures_name(const struct figures_words *, uint8_t word);

/* --- a worker's part: each thread its own --- */

void figures_observe(struct board *, uint32_t worker, uint32_t thread, uint32_t instance,
	enum figures_op, uint64_t ns, bool failed);
/* A call is past its deadline; what: "instance.operation". One thread of the worker. */
void figures_late(struct board *, uint32_t worker, struct popart_str what);
void figures_login(struct board *, uint32_t worker, uint32_t thread, enum figures_result,
	uint8_t mechanism);
void figures_handshake(struct board *, uint32_t worker, uint32_t thread, uint8_t version,
	uint8_t cipher, bool resumed);
void figures_handshake_failed(struct board *, uint32_t worker, uint32_t thread);

/* --- what a worker is made of: once, before it is ready; one thread --- */

#define FIGURES_STATS 16u
struct figures_instance {
	uint32_t caps, nstats;
	uint32_t storage;                                     /* 0: auth */
	char name[64], module[64], version[32], summary[128]; /* NUL-terminated, cut to fit */
	struct {
		char name[32], help[96];
		uint32_t gauge;
	} stats[FIGURES_STATS];
	char options[1536]; /* lines "key = value;", secrets hidden; whole lines that fit */
};
struct figures_certificate {
	int64_t not_before, not_after; /* Unix time */
	uint32_t ocsp, nnames;
	char file[256], subject[160], issuer[160];
	char names[256]; /* with blanks between; whole names that fit */
	char serial[48], key[32], fingerprint[72]; /* SHA-256, hexadecimal */
};
void figures_describe_instance(
	struct board *, uint32_t worker, uint32_t instance, const struct figures_instance *);
void figures_describe_certificate(
	struct board *, uint32_t worker, uint32_t index, const struct figures_certificate *);
/* What a module counts itself, as it is now. */
void figures_stat(
	struct board *, uint32_t worker, uint32_t instance, uint32_t stat, int64_t value);
/* Cuts to fit, with a NUL. */
void figures_text(char *room, size_t size, struct popart_str);

/* --- the master's --- */

#define FIGURES_CRASHES 16u
struct figures_crash {
	int64_t at_ms; /* clock_ms; 0: none */
	uint32_t generation, worker, sessions;
	char reason[64], doing[256], address[128], user[256], where[BOARD_WHERE];
};
/* A worker has died. Its notes must not have been cleared: operations count their crashes,
 * the one whose thread was hit by the signal, or, if nobody knows, all that were under way. */
void figures_note_crash(struct board *, const struct figures_crash *);
/* The next thread of a dead worker, from *thread on, whose call it may have been; *thread is
 * behind it then. NULL: no more. */
const struct board_thread *figures_suspect(struct board *, uint32_t worker, uint32_t *thread);
/* In place of one that died another is started. */
void figures_note_restart(struct board *);

/* --- readers --- */

/* Whether the counters of this one are in another board's by now: whoever adds up boards
 * leaves it out. And how often that was begun or ended with others' for this one: who finds it
 * odd, or another number afterwards, adds up again. */
bool figures_passed(const struct board *);
uint64_t figures_passes(const struct board *);
/* The same instance in the board of another generation, which may have another order. */
bool figures_find(
	const struct board *, const struct figures_instance *about, uint32_t *instance);
/* Of all workers, and of the generations before that have ended. */
void figures_histogram(const struct board *, uint32_t instance, enum figures_op,
	struct figures_histogram *sum);
/* What it has counted in all. */
uint64_t figures_calls(const struct figures_histogram *);
uint64_t figures_logins(const struct board *, enum figures_result, uint8_t mechanism);
uint64_t figures_handshakes(
	const struct board *, uint8_t version, uint8_t cipher, bool resumed);
uint64_t figures_handshakes_failed(const struct board *);
uint64_t figures_deaths(const struct board *);
uint64_t figures_restarts(const struct board *);
/* As some worker has described it; texts have a NUL whatever it wrote. False: none has, or it
 * is just at it. */
bool figures_instance(const struct board *, uint32_t instance, struct figures_instance *copy);
bool figures_certificate(
	const struct board *, uint32_t index, struct figures_certificate *copy);
/* Over the workers. */
int64_t figures_stat_sum(const struct board *, uint32_t instance, uint32_t stat);
/* index 0 .. FIGURES_CRASHES - 1, in no order. False: there is none. */
bool figures_crash(const struct board *, uint32_t index, struct figures_crash *copy);

#endif
