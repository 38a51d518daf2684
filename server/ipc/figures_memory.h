/* SPDX-License-Identifier: MIT */
#ifndef IPC_FIGURES_MEMORY_H
#define IPC_FIGURES_MEMORY_H
/* Where figures.c has its words in the scoreboard's memory; for board.c. */
#include "ipc/figures.h"

struct figures_row {
	_Alignas(64) _Atomic uint64_t counts[FIGURES_BOUNDS + 1];
	_Atomic uint64_t ns, failures;
};

/* Of a thread; rows of all operations of each instance follow. */
struct figures_thread {
	/* A bit for each instance whose rows were ever written: reading others would make
	 * the kernel give them pages. */
	_Alignas(64) _Atomic uint64_t touched;
	_Atomic uint64_t logins[FIGURES_RESULTS][FIGURES_MECHANISMS];
	_Atomic uint64_t handshakes[FIGURES_VERSIONS][FIGURES_CIPHERS][2];
	_Atomic uint64_t handshakes_failed;
};

/* What is written seldom, and read whole. seq is odd while it changes, 0: never written. */
#define FIGURES_NOTE(type)            \
	struct {                      \
		_Atomic uint64_t seq; \
		struct type note;     \
	}

/* Of a worker; that of its threads follows. */
struct figures_worker {
	FIGURES_NOTE(figures_instance) instances[BOARD_INSTANCES_MAX];
	FIGURES_NOTE(figures_certificate) certificates[BOARD_CERTIFICATES_MAX];
	_Atomic int64_t stats[BOARD_INSTANCES_MAX][FIGURES_STATS];
	/* Of processes that had this place before: counters only. */
	_Atomic int64_t earlier[BOARD_INSTANCES_MAX][FIGURES_STATS];
	/* By one thread; any_late: whether there is something to read. */
	_Atomic uint64_t late[BOARD_INSTANCES_MAX][FIGURES_OPS];
	_Atomic uint32_t any_late, reserved;
	/* How many of each there are to look at. */
	_Atomic uint32_t ninstances, ncertificates;
};

/* Of all; the master's alone to write. */
struct figures_head {
	struct figures_thread past; /* of generations that have ended */
	_Atomic uint64_t deaths, restarts, ncrashes;
	_Atomic uint64_t passes; /* odd while another board's counters are added */
	_Atomic uint32_t passed; /* ours are in another board's */
	_Atomic uint64_t crashes_in[BOARD_INSTANCES_MAX][FIGURES_OPS];
	_Atomic uint64_t late[BOARD_INSTANCES_MAX][FIGURES_OPS]; /* of past generations */
	FIGURES_NOTE(figures_crash) crashes[FIGURES_CRASHES];
	_Atomic int64_t stats[BOARD_INSTANCES_MAX][FIGURES_STATS]; /* of past generations */
	struct figures_row rows[BOARD_INSTANCES_MAX][FIGURES_OPS];
};

static inline uint64_t figures_thread_size(const struct board_shape *shape)
{
	return sizeof(struct figures_thread) +
		(uint64_t)shape->instances * FIGURES_OPS * sizeof(struct figures_row);
}

/* Around all that board_pass_counters adds. */
void figures_pass_begin(const struct board *from, struct board *to);
void figures_pass(const struct board *from, struct board *to);
void figures_pass_end(struct board *to);

/* A worker has ended: what its modules counted stays. */
void figures_repair(struct board *, uint32_t worker);

/* board.c knows where. */
struct figures_head *board_figures(const struct board *);
struct figures_worker *board_figures_worker(const struct board *, uint32_t worker);
struct figures_thread *board_figures_thread(
	const struct board *, uint32_t worker, uint32_t thread);

#endif
