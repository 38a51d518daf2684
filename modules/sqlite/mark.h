/* SPDX-License-Identifier: MIT */
#ifndef SQLITE_MARK_H
#define SQLITE_MARK_H
/*
 * Whether a database is what it was, told without a system call. With a WAL every commit,
 * whoever's it is, changes the header of the index of the WAL, which all connections have in
 * memory (https://sqlite.org/walformat.html, 2.1): 48 octets, twice. What they say does not
 * matter here, only whether they are the same; one that is being written differs.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define MARK_WORDS 24u

struct mark {
	uint32_t words[MARK_WORDS];
};

/* The header as a connection has it that has a WAL and has read something; it stays there
 * until that is closed. NULL: it cannot be had. */
const _Atomic uint32_t *mark_find(sqlite3 *);

/* To be taken before the transaction that reads: if mark_holds later, nothing was committed
 * in between, and what was read is what there is. From any thread. */
void mark_take(const _Atomic uint32_t *header, struct mark *);
bool mark_holds(const _Atomic uint32_t *header, const struct mark *);

#endif
