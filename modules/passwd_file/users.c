/* SPDX-License-Identifier: MIT */
#include "users.h"
#include <stdlib.h>
#include <string.h>

/* Kinds and costs of secrets that are told apart; a file has a handful. */
#define KINDS_MAX 32u

struct user {
	uint32_t at, len, name_len; /* its line in text */
	uint32_t hash;
};

struct kind {
	struct secret secret; /* the first of it */
	struct popart_str cost;
	size_t n;
};

struct users {
	char *text;
	size_t len;
	struct user *v;
	uint32_t n, cap;
	uint32_t *slots; /* index + 1; 0: free */
	uint32_t mask;
	struct secret typical;
	size_t legacy, legacy_line;
};

/* FNV-1a: names are chosen by whoever writes the file, not by clients. */
static uint32_t hash_name(struct popart_str name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.ptr[i]) * 16777619u;
	return h ^ h >> 15;
}

static bool has_name(const struct users *u, const struct user *user, struct popart_str name)
{
	return user->name_len == name.len &&
		memcmp(u->text + user->at, name.ptr, name.len) == 0;
}

/* The user's slot, or the free one where it belongs. */
static uint32_t *slot_of(const struct users *u, struct popart_str name, uint32_t hash)
{
	uint32_t i = hash & u->mask;

	for (; u->slots[i]; i = (i + 1) & u->mask) {
		const struct user *user = &u->v[u->slots[i] - 1];
		if (user->hash == hash && has_name(u, user, name))
			break;
	}
	return &u->slots[i];
}

/* Twice as many slots as users at least. */
static bool grow(struct users *u)
{
	uint32_t cap = u->cap ? 2 * u->cap : 64;
	struct user *v = realloc(u->v, cap * sizeof(*v));
	uint32_t *slots = calloc(2 * (size_t)cap, sizeof(*slots));

	if (v)
		u->v = v;
	if (!v || !slots) {
		free(slots);
		return false;
	}
	free(u->slots);
	u->slots = slots;
	u->cap = cap;
	u->mask = 2 * cap - 1;
	for (uint32_t n = 0; n < u->n; n++) {
		uint32_t i = v[n].hash & u->mask;
		while (slots[i])
			i = (i + 1) & u->mask;
		slots[i] = n + 1;
	}
	return true;
}

/* *why: already there. */
static bool add(
	struct users *u, struct popart_str text, struct popart_str name, const char **why)
{
	uint32_t hash = hash_name(name), *slot;

	if (u->n == u->cap && !grow(u))
		return false;
	slot = slot_of(u, name, hash);
	if (*slot) {
		*why = "an earlier line has the same user; that one counts";
		return true;
	}
	u->v[u->n] = (struct user){ .at = (uint32_t)(text.ptr - u->text),
		.len = (uint32_t)text.len,
		.name_len = (uint32_t)name.len,
		.hash = hash };
	*slot = ++u->n;
	return true;
}

static void count_kind(struct kind kinds[KINDS_MAX], const struct secret *secret)
{
	struct popart_str cost = secret_cost(secret);
	size_t i = 0;

	if (secret->scheme == SCHEME_LOCKED)
		return;
	while (i < KINDS_MAX && kinds[i].n &&
		(kinds[i].secret.scheme != secret->scheme ||
			!octets_equal(kinds[i].cost, cost)))
		i++;
	if (i == KINDS_MAX)
		return;
	if (kinds[i].n++ == 0) {
		kinds[i].secret = *secret;
		kinds[i].cost = cost;
	}
}

static void choose_typical(struct users *u, const struct kind kinds[KINDS_MAX])
{
	const struct kind *most = &kinds[0];

	for (size_t i = 1; i < KINDS_MAX; i++) {
		if (kinds[i].n > most->n)
			most = &kinds[i];
	}
	u->typical = most->secret;
}

static bool take_line(struct users *u, struct popart_str text, size_t number,
	struct kind kinds[KINDS_MAX], const char **why)
{
	struct secret secret;
	struct line line;

	if (!line_parse(text, &line, why) || !secret_parse(line.secret, &secret, why))
		return true;
	if (!add(u, text, line.user, why))
		return false;
	if (*why)
		return true;
	count_kind(kinds, &secret);
	if (secret_is_legacy(&secret) && u->legacy++ == 0)
		u->legacy_line = number;
	return true;
}

static bool take_lines(struct users *u, const struct users_report *report)
{
	struct kind kinds[KINDS_MAX] = { 0 };
	struct popart_str rest = { .ptr = u->text, .len = u->len };

	for (size_t number = 1; rest.len; number++) {
		struct popart_str text = octets_cut(&rest, '\n');
		const char *why = NULL;

		if (text.len && text.ptr[text.len - 1] == '\r')
			text.len--;
		if (line_is_empty(text))
			continue;
		if (!take_line(u, text, number, kinds, &why))
			return false;
		if (why)
			report->broken(report->ctx, number, why);
	}
	choose_typical(u, kinds);
	return true;
}

struct users *users_new(char *text, size_t len, const struct users_report *report)
{
	struct users *u = calloc(1, sizeof(*u));

	if (!u) {
		explicit_bzero(text, len);
		free(text);
		return NULL;
	}
	u->text = text;
	u->len = len;
	if (!grow(u) || !take_lines(u, report))
		users_free(&u);
	return u;
}

void users_free(struct users **up)
{
	struct users *u = *up;

	if (!u)
		return;
	explicit_bzero(u->text, u->len);
	free(u->text);
	free(u->v);
	free(u->slots);
	free(u);
	*up = NULL;
}

size_t users_count(const struct users *u)
{
	return u->n;
}

bool users_find(const struct users *u, struct popart_str name, uint32_t *index)
{
	uint32_t slot = *slot_of(u, name, hash_name(name));

	*index = slot - 1;
	return slot > 0;
}

void users_line(const struct users *u, uint32_t index, struct line *l)
{
	const struct user *user = &u->v[index];
	const char *why;

	(void)line_parse((struct popart_str){ u->text + user->at, user->len }, l, &why);
}

struct popart_str users_text(const struct users *u)
{
	return (struct popart_str){ .ptr = u->text, .len = u->len };
}

bool users_typical(const struct users *u, struct secret *s)
{
	*s = u->typical;
	return s->text.len > 0;
}

size_t users_legacy(const struct users *u, size_t *line)
{
	*line = u->legacy_line;
	return u->legacy;
}
