/* SPDX-License-Identifier: MIT */
#include "mark.h"
#include <stdatomic.h>
#include <stddef.h>

#define REGION 32768 /* octets, by which SQLite maps the index */

const _Atomic uint32_t *mark_find(sqlite3 *db)
{
	sqlite3_file *file = NULL;
	void volatile *header = NULL;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
		!file || !file->pMethods || file->pMethods->iVersion < 2 ||
		!file->pMethods->xShmMap)
		return NULL;
	(void)file->pMethods->xShmMap(file, 0, REGION, 0, &header);
	return (const _Atomic uint32_t *)header;
}

void mark_take(const _Atomic uint32_t *header, struct mark *m)
{
	for (unsigned i = 0; i < MARK_WORDS; i++)
		m->words[i] = atomic_load_explicit(&header[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
}

bool mark_holds(const _Atomic uint32_t *header, const struct mark *m)
{
	struct mark now;

	mark_take(header, &now);
	for (unsigned i = 0; i < MARK_WORDS; i++)
		if (now.words[i] != m->words[i])
			return false;
	return true;
}
