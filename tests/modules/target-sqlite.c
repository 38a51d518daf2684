/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modules/target.h"
#include "support/scratch.h"

const struct popart_module *popart_module_entry_sqlite(void);

struct world {
	struct mockhost *mover; /* puts messages in, as another process would */
	char dir[64];
};

static struct mockhost *again(
	void *ctx, const struct mock_watch *watch, void *hands, const char **why)
{
	struct world *w = hands;
	char path[128];

	snprintf(path, sizeof(path), "path=%s/%%u.db", w->dir);
	const char *const options[] = { path, ctx, NULL };
	return mockhost_start_watched(
		popart_module_entry_sqlite(), options, SUITE_THREADS, watch, why);
}

static struct mockhost *start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	struct world *w = calloc(1, sizeof(*w));
	char path[128];

	if (!w)
		abort();
	scratch_make(w->dir, sizeof(w->dir), scratch_memory());
	snprintf(path, sizeof(path), "path=%s/%%u.db", w->dir);
	const char *const options[] = { path, NULL };
	w->mover = mockhost_start(popart_module_entry_sqlite(), options, 1, why);
	*hands = w;
	return w->mover ? again(ctx, watch, w, why) : NULL;
}

static void stop(void *ctx, struct mockhost **host, void *hands)
{
	struct world *w = hands;

	(void)ctx;
	mockhost_stop(host);
	mockhost_stop(&w->mover);
	scratch_remove(w->dir);
	free(w);
}

/* A database that is not there yet is an empty one. */
static bool make(void *hands, const char *user)
{
	(void)hands;
	(void)user;
	return true;
}

static bool put(void *hands, const char *user, const char *name, struct popart_str text)
{
	struct world *w = hands;
	const struct popart_storage_ops *ops = mockhost_storage(w->mover);
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

static int has(void *hands, const char *user, const char *name)
{
	return outside(hands, user, "SELECT id FROM message WHERE uid = ?1", name) == 1;
}

static bool vanish(void *hands, const char *user, const char *name)
{
	bool had = has(hands, user, name);

	outside(hands, user,
		"DELETE FROM chunk WHERE id >> 20 = (SELECT id FROM message WHERE uid = ?1)",
		name);
	outside(hands, user, "DELETE FROM message WHERE uid = ?1", name);
	return had;
}

static bool cut(void *hands, const char *user, const char *name)
{
	bool had = has(hands, user, name);

	outside(hands, user,
		"DELETE FROM chunk WHERE id = (SELECT max(id) FROM chunk WHERE id >> 20 = "
		"(SELECT id FROM message WHERE uid = ?1))",
		name);
	return had;
}

/* Messages are kept as a RETR sends them. */
static char *shown(void *hands, struct popart_str text, size_t *n)
{
	char *copy = malloc(text.len + 1);

	(void)hands;
	if (!copy)
		abort();
	memcpy(copy, text.ptr, text.len);
	*n = text.len;
	return copy;
}

unsigned target_ways(struct target ways[TARGET_WAYS], const char **why)
{
	static const char *const connections[] = { "connections=3", "connections=0" };
	static const char *const names[] = { "sqlite, connections=3", "sqlite, connections=0" };

	(void)why;
	for (unsigned i = 0; i < 2; i++) {
		ways[i].module = (struct suite_module){ .name = names[i],
			.module = popart_module_entry_sqlite(),
			.ctx = (void *)(uintptr_t)connections[i],
			.start = start,
			.again = again,
			.stop = stop };
		ways[i].hands = (struct suite_hands){ .make = make,
			.put = put,
			.vanish = vanish,
			.has = has,
			.cut = cut,
			.shown = shown };
	}
	/* As somebody's module is checked: with nothing but itself. */
	ways[2].module = ways[0].module;
	ways[2].module.name = "sqlite, no hands";
	return 3;
}
