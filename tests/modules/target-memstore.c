/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modules/target.h"
#include "support/memstore.h"

const struct popart_module *popart_module_entry_memstore(void);

enum { NAMES_MAX = 8192, KINDS = 3 };

static const char *const sources[KINDS] = { "source=mem", "source=read", "source=fd" };

struct world {
	struct mockhost *host;
	char *names[NAMES_MAX]; /* by ref */
};

static struct mockhost *start(
	void *ctx, const struct mock_watch *watch, void **hands, const char **why)
{
	const char *const options[] = { "messages=0", "chunk=1000", ctx, NULL };
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->host = mockhost_start_watched(
		popart_module_entry_memstore(), options, SUITE_THREADS, watch, why);
	*hands = w;
	return w->host;
}

static void stop(void *ctx, struct mockhost **host, void *hands)
{
	struct world *w = hands;

	(void)ctx;
	mockhost_stop(host);
	for (size_t i = 0; i < NAMES_MAX; i++)
		free(w->names[i]);
	free(w);
}

static bool make(void *hands, const char *user)
{
	(void)hands;
	(void)user;
	return true;
}

static bool put(void *hands, const char *user, const char *name, struct popart_str text)
{
	struct popart_str owner = { .ptr = user, .len = strlen(user) };
	struct world *w = hands;
	uint64_t ref = memstore_add_for(mockhost_state(w->host), owner, name, text);

	if (ref == 0 || ref >= NAMES_MAX)
		return false;
	return asprintf(&w->names[ref], "%s/%s", user, name) >= 0;
}

static uint64_t find(const struct world *w, const char *user, const char *name)
{
	size_t len = strlen(user);

	for (uint64_t i = 0; i < NAMES_MAX; i++) {
		if (w->names[i] && strncmp(w->names[i], user, len) == 0 &&
			w->names[i][len] == '/' && strcmp(w->names[i] + len + 1, name) == 0)
			return i;
	}
	return 0;
}

static bool vanish(void *hands, const char *user, const char *name)
{
	struct world *w = hands;
	uint64_t ref = find(w, user, name);

	if (ref)
		memstore_vanish(mockhost_state(w->host), ref);
	return ref != 0;
}

static int has(void *hands, const char *user, const char *name)
{
	struct world *w = hands;
	uint64_t ref = find(w, user, name);

	return ref && memstore_has(mockhost_state(w->host), ref);
}

/* Only a descriptor shows that it is shorter than it should be. */
static bool cut(void *hands, const char *user, const char *name)
{
	struct world *w = hands;
	uint64_t ref = find(w, user, name);

	if (ref)
		memstore_cut(mockhost_state(w->host), ref, 10);
	return ref != 0;
}

static bool fail(void *hands, const char *op, unsigned nth, int status)
{
	static const char *const ops[MEMSTORE_OPS] = { "open", "list", "message", "read",
		"commit" };
	struct world *w = hands;

	for (int i = 0; i < MEMSTORE_OPS; i++) {
		if (strcmp(ops[i], op) == 0) {
			memstore_fail(
				mockhost_state(w->host), (enum memstore_op)i, nth, status);
			return true;
		}
	}
	return false;
}

unsigned target_ways(struct target ways[TARGET_WAYS], const char **why)
{
	static char names[KINDS][32];

	(void)why;
	for (unsigned i = 0; i < KINDS; i++) {
		snprintf(names[i], sizeof(names[i]), "memstore, %s", sources[i]);
		ways[i].module = (struct suite_module){ .name = names[i],
			.module = popart_module_entry_memstore(),
			.ctx = (void *)(uintptr_t)sources[i],
			.start = start,
			.stop = stop };
		ways[i].hands = (struct suite_hands){ .make = make,
			.put = put,
			.vanish = vanish,
			.has = has,
			.cut = i == 2 ? cut : NULL,
			.fail = fail };
	}
	return KINDS;
}
