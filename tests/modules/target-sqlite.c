/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modules/target.h"
#include "support/scratch.h"

const char target_name[] = "sqlite";
const unsigned target_variants = 2; /* connections kept, or none */
const bool target_exact = false;    /* messages are kept as a RETR sends them */

const struct popart_module *popart_module_entry_sqlite(void);

struct world {
	struct mockhost *host;
	struct mockhost *mover; /* puts messages in, as another process would */
	char dir[64];
};

struct world *world_new(unsigned variant, const char **why)
{
	static const char *const connections[] = { "connections=3", "connections=0" };
	struct world *w = calloc(1, sizeof(*w));
	char path[128];

	if (!w)
		abort();
	scratch_make(w->dir, sizeof(w->dir), "/tmp");
	snprintf(path, sizeof(path), "path=%s/%%u.db", w->dir);
	const char *const options[] = { path, connections[variant], NULL };
	w->host = mockhost_start(popart_module_entry_sqlite(), options, WORLD_THREADS, why);
	w->mover = mockhost_start(
		popart_module_entry_sqlite(), (const char *[]){ path, NULL }, 1, why);
	if (!w->host || !w->mover) {
		fprintf(stderr, "%s\n", *why);
		abort();
	}
	return w;
}

void world_free(struct world **wp)
{
	struct world *w = *wp;

	if (!w)
		return;
	mockhost_stop(&w->host);
	mockhost_stop(&w->mover);
	scratch_remove(w->dir);
	free(w);
	*wp = NULL;
}

struct mockhost *world_host(struct world *w)
{
	return w->host;
}

/* A database that is not there yet is an empty one. */
bool world_make(struct world *w, const char *user)
{
	(void)w;
	(void)user;
	return true;
}

bool world_put(struct world *w, const char *user, const char *name, struct popart_str text)
{
	const struct popart_storage_ops *ops = mockhost_storage(w->host);
	struct popart_user who = { .size = sizeof(who), .name = { user, strlen(user) } };
	struct popart_delivery about = {
		.size = sizeof(about), .received_s = 1700000000, .uid = { name, strlen(name) }
	};
	struct mock_call call;
	void *dlv;

	mock_call_begin(&call, w->mover, 0, 0);
	int status =
		ops->deliver_begin(mockhost_state(w->mover), &call.pub, &who, &about, &dlv);
	if (!status) {
		status = ops->deliver_write(dlv, &call.pub, text.ptr, text.len);
		if (status)
			ops->deliver_abandon(dlv, &call.pub);
		else
			status = ops->deliver_finish(dlv, &call.pub);
	}
	mock_call_end(&call);
	return status == POPART_OK;
}

/* As another program would, with a connection of its own. The number of rows. */
static int outside(struct world *w, const char *user, const char *sql, const char *name)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	char path[256];
	int rows = 0, rc;

	snprintf(path, sizeof(path), "%s/%s.db", w->dir, user);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
		sqlite3_busy_timeout(db, 10000) != SQLITE_OK ||
		sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		rows++;
	if (rc != SQLITE_DONE)
		abort();
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return rows;
}

bool world_has(struct world *w, const char *user, const char *name)
{
	return outside(w, user, "SELECT id FROM message WHERE uid = ?1", name) == 1;
}

bool world_vanish(struct world *w, const char *user, const char *name)
{
	bool had = world_has(w, user, name);

	outside(w, user,
		"DELETE FROM chunk WHERE id >> 20 = (SELECT id FROM message WHERE uid = ?1)",
		name);
	outside(w, user, "DELETE FROM message WHERE uid = ?1", name);
	return had;
}

bool world_fail(struct world *w, const char *op, unsigned nth, int status)
{
	(void)w;
	(void)op;
	(void)nth;
	(void)status;
	return false;
}

char *target_shown(struct world *w, struct popart_str text, size_t *n)
{
	char *copy = malloc(text.len + 1);

	(void)w;
	if (!copy)
		abort();
	memcpy(copy, text.ptr, text.len);
	*n = text.len;
	return copy;
}
