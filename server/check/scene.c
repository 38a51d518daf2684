/* SPDX-License-Identifier: MIT */
#include "check/scene.h"

#include <stdlib.h>
#include <string.h>
#include "check/delivery.h"
#include "check/hidden.h"
#include "check/meter.h"
#include "check/session.h"

#if defined(__has_feature)
#define HAS_FEATURE(f) __has_feature(f)
#else
#define HAS_FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { CALLS = 64 }; /* of each thread */

static const struct suite_hands no_hands;

const char *status_name(int status, char text[32])
{
	static const char *const reportable[] = { "POPART_OK", "R_DENIED", "R_IN_USE",
		"R_LOGIN_DELAY", "R_TEMP", "R_PERM", "R_GONE", "R_OVER_QUOTA", "R_UNSUPPORTED",
		"R_NEXT", "R_PARTIAL" };
	static const char *const internal[] = { "", "E_IO", "E_NOMEM", "E_CORRUPT", "E_UNAVAIL",
		"E_DEADLINE", "E_CANCELLED", "E_BUG" };

	if (status >= 0 && status <= POPART_R_PARTIAL)
		return reportable[status];
	if (status < 0 && status >= POPART_E_BUG)
		return internal[-status];
	snprintf(text, 32, "%d", status);
	return text;
}

/* ---- one test ---- */

bool scene_can_deliver(const struct scene *s)
{
	return POPART_HAS(s->ops, deliver_abandon) && s->ops->deliver_begin;
}

static bool can_commit(const struct scene *s)
{
	return !(s->ops->caps & POPART_STORE_READ_ONLY);
}

static bool can_make(const struct scene *s)
{
	return s->hands->make || (scene_can_deliver(s) && can_commit(s));
}

/* Why the test cannot be made; NULL: it can. */
static const char *is_missing(const struct scene *s, unsigned needs)
{
	const struct {
		unsigned need;
		bool there;
		const char *why;
	} rows[] = {
		{ NEEDS_MESSAGES, s->hands->put || scene_can_deliver(s),
			"there is no way to put a message in: the store takes no deliveries" },
		{ NEEDS_COMMIT, can_commit(s), "the store is read-only" },
		{ NEEDS_DELIVER, scene_can_deliver(s), "the store takes no deliveries" },
		{ NEEDS_EMPTY, can_make(s), "there is no way to an empty maildrop" },
		{ NEEDS_AGAIN, s->module->again != NULL,
			"there is no second instance over the same data" },
		{ NEEDS_VANISH, s->hands->vanish != NULL && s->hands->put != NULL,
			"there is no hand to remove a message behind the store's back" },
		{ NEEDS_CUT, s->hands->cut != NULL && s->hands->put != NULL,
			"there is no hand to cut a message short" },
		{ NEEDS_FAIL, s->hands->fail != NULL, "the store cannot be told to fail" },
		{ NEEDS_CHECK, POPART_HAS(s->ops, check) && s->ops->check,
			"the store has no check()" },
		{ NEEDS_TRACE, !SANITIZED, "not with a sanitizer" },
		{ NEEDS_MALLOC, !SANITIZED, "a sanitizer has its own memory" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((needs & rows[i].need) && !rows[i].there)
			return rows[i].why;
	return NULL;
}

struct mock_call *scene_call(struct scene *s, unsigned thread)
{
	return &s->calls[thread * CALLS + s->next_call[thread]++ % CALLS];
}

bool scene_begin(struct scene *s, struct tally *t, const struct suite_module *m,
	const struct suite_hands *hands)
{
	const char *why = NULL;

	memset(s, 0, sizeof(*s));
	s->tally = t;
	s->module = m;
	s->hands = hands ? hands : &no_hands;
	pthread_mutex_init(&s->serial, NULL);
	s->ops = m->module->storage;
	s->calls = calloc(SUITE_THREADS * CALLS, sizeof(*s->calls));
	if (!s->calls)
		abort();
	s->host = m->start(m->ctx, tally_watch(t), &s->world, &why);
	if (tally_holds(t, s->host != NULL, "module.h: popart_module.start",
		    "no instance came up: %s", why ? why : "no reason"))
		return true;
	pthread_mutex_destroy(&s->serial);
	free(s->calls);
	return false;
}

void scene_end(struct scene *s)
{
	s->module->stop(s->module->ctx, &s->host, s->world);
	pthread_mutex_destroy(&s->serial);
	free(s->calls);
}

void scene_run(struct tally *t, const struct suite_module *m, const struct suite_hands *hands,
	const struct store_test *test)
{
	unsigned before = meter_descriptors(), after;
	struct scene s;

	if (!scene_begin(&s, t, m, hands))
		return;
	const char *missing = is_missing(&s, test->needs);

	if (missing)
		tally_inapt(t, "%s", missing);
	else
		test->run(&s);
	scene_end(&s);
	after = meter_descriptors();
	tally_holds(t, after == before, "module.h: popart_module.stop",
		"%u descriptors were open before the module's start, and %u after its stop",
		before, after);
}

bool scene_restart(struct scene *s)
{
	const char *why = NULL;

	mockhost_stop(&s->host);
	s->host = s->module->again(s->module->ctx, tally_watch(s->tally), s->world, &why);
	return tally_holds(s->tally, s->host != NULL, "module.h: popart_module.start",
		"no second instance came up: %s", why ? why : "no reason");
}

void scene_enter(struct scene *s)
{
	if (s->ops->caps & POPART_STORE_SERIAL)
		pthread_mutex_lock(&s->serial);
}

void scene_leave(struct scene *s)
{
	if (s->ops->caps & POPART_STORE_SERIAL)
		pthread_mutex_unlock(&s->serial);
}

int scene_returned(struct scene *s, struct mock_call *call, const char *op, int status,
	char *why, size_t room)
{
	char returned[32], said[32];

	tally_holds(s->tally, status >= POPART_E_BUG && status <= POPART_R_PARTIAL,
		"abi.h: enum popart_status", "%s returned %d, which is no status", op, status);
	tally_holds(s->tally, status != POPART_R_NEXT, "abi.h: POPART_R_NEXT: auth only",
		"%s returned R_NEXT", op);
	tally_holds(s->tally,
		status == POPART_OK || call->status == 0 || call->status == status,
		"host.h: popart_host.fail: Record why an operation is about to fail, and "
		"return status",
		"%s gave fail() %s and returned %s", op, status_name(call->status, said),
		status_name(status, returned));
	if (status)
		snprintf(why, room, "%s%s%s", status_name(status, returned),
			call->detail[0] ? ": " : "", call->detail);
	mock_call_end(call);
	scene_leave(s);
	return status;
}

/* ---- users ---- */

/* Appends, with "%u" replaced; where the copy is. */
static struct popart_str expand(char **at, struct popart_str text, const char *name)
{
	struct popart_str out = { *at, 0 };

	for (size_t i = 0; i < text.len; i++) {
		if (name && text.ptr[i] == '%' && i + 1 < text.len && text.ptr[i + 1] == 'u') {
			memcpy(*at, name, strlen(name));
			*at += strlen(name);
			i++;
		} else {
			*(*at)++ = text.ptr[i];
		}
	}
	out.len = (size_t)(*at - out.ptr);
	return out;
}

void guest_come(struct guest *g, const struct scene *s, const char *name)
{
	const struct suite_module *m = s->module;
	struct popart_attr *attrs;
	size_t len = strlen(name);
	char *at;

	g->size = m->nattrs * sizeof(*attrs) + len;
	for (size_t i = 0; i < m->nattrs; i++)
		g->size += m->attrs[i].key.len + m->attrs[i].value.len * (len + 1);
	g->memory = malloc(g->size);
	if (!g->memory)
		abort();
	attrs = (struct popart_attr *)(void *)g->memory;
	at = g->memory + m->nattrs * sizeof(*attrs);
	for (size_t i = 0; i < m->nattrs; i++) {
		attrs[i].key = expand(&at, m->attrs[i].key, NULL);
		attrs[i].value = expand(&at, m->attrs[i].value, name);
	}
	g->pub = (struct popart_user){ .size = sizeof(g->pub),
		.nattrs = (uint32_t)m->nattrs,
		.name = expand(&at, (struct popart_str){ name, len }, NULL),
		.attrs = m->nattrs ? attrs : NULL };
}

void guest_go(struct guest *g)
{
	memset(g->memory, 0xdd, g->size);
	free(g->memory);
	memset(&g->pub, 0xdd, sizeof(g->pub));
	g->memory = NULL;
}

/* ---- messages ---- */

static void name_of(char name[32], size_t i)
{
	snprintf(name, 32, "M%06zu", i);
}

/* By delivery and commit, where there is no hand. */
bool scene_make(struct scene *s, const char *user)
{
	struct session x;
	size_t removed;
	bool ok;

	if (s->hands->make)
		return tally_holds(s->tally, s->hands->make(s->world, user), "the hands",
			"no maildrop could be made");
	if (!scene_put(s, user, 0, (struct popart_str){ "x\r\n", 3 }) ||
		!session_begin(&x, s, user))
		return false;
	ok = x.list.n == 1 && session_commit(&x, 0, &x.list.v[0].ref, 1, &removed) == POPART_OK;
	session_close(&x, 0);
	return tally_holds(s->tally, ok, "storage.h: popart_storage_ops.commit",
		"a maildrop with one delivered message could not be emptied");
}

bool scene_put(struct scene *s, const char *user, size_t i, struct popart_str text)
{
	char name[32], number[32];
	int status;

	name_of(name, i);
	if (s->hands->put)
		return tally_holds(s->tally, s->hands->put(s->world, user, name, text),
			"the hands", "message %zu could not be put in", i + 1);
	status = delivery_make(s, user, text, NULL, 0);
	return tally_holds(s->tally, status == POPART_OK,
		"storage.h: popart_storage_ops.deliver_finish",
		"message %zu could not be delivered: %s", i + 1, status_name(status, number));
}

bool scene_vanish(struct scene *s, const char *user, size_t i)
{
	char name[32];

	name_of(name, i);
	return tally_holds(s->tally, s->hands->vanish(s->world, user, name), "the hands",
		"message %zu was not there to be removed", i + 1);
}

bool scene_cut(struct scene *s, const char *user, size_t i)
{
	char name[32];

	name_of(name, i);
	return tally_holds(s->tally, s->hands->cut(s->world, user, name), "the hands",
		"message %zu could not be cut short", i + 1);
}

void scene_expect(struct scene *s, const char *user, size_t i, bool there)
{
	char name[32];
	int has;

	name_of(name, i);
	has = s->hands->has ? s->hands->has(s->world, user, name) : -1;
	tally_holds(s->tally, has < 0 || (has > 0) == there,
		there ? "storage.h: popart_storage_ops.commit: Only what is named is ever "
			"removed"
		      : "storage.h: popart_storage_ops.commit: Remove exactly these",
		"message %zu is %s in the store", i + 1, there ? "no longer" : "still");
}

bool scene_shows(struct scene *s, const unsigned char *got, size_t n, struct popart_str text)
{
	size_t shown_n, wire_n, expected_n;
	char *shown;

	if (!got)
		return false;
	if (s->hands->put && !s->hands->shown)
		return n == text.len && (n == 0 || memcmp(got, text.ptr, n) == 0);
	if (s->hands->shown)
		shown = s->hands->shown(s->world, text, &shown_n);
	else
		shown = hidden_without(s->ops, text, &shown_n);

	unsigned char *expected = mock_wire((unsigned char *)shown, shown_n, &expected_n);
	unsigned char *wire = mock_wire(got, n, &wire_n);
	bool same = wire_n == expected_n && memcmp(wire, expected, wire_n) == 0;

	free(wire);
	free(expected);
	free(shown);
	return same;
}
