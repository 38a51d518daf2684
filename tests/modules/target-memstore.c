/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modules/target.h"
#include "support/memstore.h"

const char target_name[] = "memstore";
const unsigned target_variants = 3; /* kinds of sources */
const bool target_exact = true;

const struct popart_module *popart_module_entry_memstore(void);

#define NAMES_MAX 8192

struct world {
	struct mockhost *host;
	char *names[NAMES_MAX]; /* by ref */
};

struct world *world_new(unsigned variant, const char **why)
{
	static const char *const sources[] = { "source=mem", "source=read", "source=fd" };
	const char *const options[] = { "messages=0", "chunk=1000", sources[variant], NULL };
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->host = mockhost_start(popart_module_entry_memstore(), options, WORLD_THREADS, why);
	if (!w->host) {
		free(w);
		return NULL;
	}
	return w;
}

void world_free(struct world **wp)
{
	struct world *w = *wp;

	if (!w)
		return;
	mockhost_stop(&w->host);
	for (size_t i = 0; i < NAMES_MAX; i++)
		free(w->names[i]);
	free(w);
	*wp = NULL;
}

struct mockhost *world_host(struct world *w)
{
	return w->host;
}

bool world_make(struct world *w, const char *user)
{
	(void)w;
	(void)user;
	return true;
}

bool world_put(struct world *w, const char *user, const char *name, struct popart_str text)
{
	struct popart_str owner = { .ptr = user, .len = strlen(user) };
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

bool world_vanish(struct world *w, const char *user, const char *name)
{
	uint64_t ref = find(w, user, name);

	if (ref)
		memstore_vanish(mockhost_state(w->host), ref);
	return ref != 0;
}

bool world_has(struct world *w, const char *user, const char *name)
{
	uint64_t ref = find(w, user, name);

	return ref && memstore_has(mockhost_state(w->host), ref);
}

bool world_fail(struct world *w, const char *op, unsigned nth, int status)
{
	static const char *const ops[MEMSTORE_OPS] = { "open", "list", "message", "read",
		"commit" };

	for (int i = 0; i < MEMSTORE_OPS; i++) {
		if (strcmp(ops[i], op) == 0) {
			memstore_fail(
				mockhost_state(w->host), (enum memstore_op)i, nth, status);
			return true;
		}
	}
	return false;
}

char *target_shown(struct world *w, struct popart_str text, size_t *n)
{
	(void)w;
	(void)text;
	(void)n;
	abort();
}
