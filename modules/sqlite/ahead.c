/* SPDX-License-Identifier: MIT */
#include "ahead.h"
#include <stdlib.h>

static void drop_one(struct ahead *a)
{
	free(a->messages[a->at++].octets);
}

static void empty(struct ahead *a)
{
	while (a->at < a->n)
		drop_one(a);
	a->at = a->n = 0;
	a->octets = 0;
}

void ahead_clear(struct ahead *a)
{
	empty(a);
	a->few = 0;
	a->asked = 0;
}

bool ahead_find(struct ahead *a, const _Atomic uint32_t *header, int64_t making, int64_t id,
	struct ahead_message *m)
{
	if (a->at == a->n || making != a->making || !mark_holds(header, &a->mark))
		return false;
	while (a->at < a->n && a->messages[a->at].id < id)
		drop_one(a);
	if (a->at == a->n || a->messages[a->at].id != id)
		return false;
	*m = a->messages[a->at++];
	a->asked = id;
	return true;
}

unsigned ahead_begin(
	struct ahead *a, const _Atomic uint32_t *header, int64_t making, int64_t id)
{
	bool in_order = a->at == a->n && a->asked > 0 && id > a->asked;

	empty(a);
	a->few = in_order && header ? 2 * a->few + 1 : 0;
	if (a->few > AHEAD_MESSAGES)
		a->few = AHEAD_MESSAGES;
	a->asked = id;
	a->making = making;
	if (a->few)
		mark_take(header, &a->mark);
	return a->few;
}

bool ahead_add(struct ahead *a, const struct ahead_message *m)
{
	a->messages[a->n++] = *m;
	a->octets += m->stored;
	return a->n < AHEAD_MESSAGES && a->octets < AHEAD_OCTETS;
}
