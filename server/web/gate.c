/* SPDX-License-Identifier: MIT */
#include "web/gate.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static bool draw(char secret[GATE_SECRET + 1])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[GATE_SECRET];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < GATE_SECRET; i++)
		secret[i] = letters[random[i] % 64];
	secret[GATE_SECRET] = '\0';
	explicit_bzero(random, sizeof(random));
	return true;
}

bool gate_init(struct gate *g, uint16_t port)
{
	*g = (struct gate){ .port = port };
	return draw(g->token) && draw(g->cookie) && draw(g->path);
}

void gate_wipe(struct gate *g)
{
	explicit_bzero(g, sizeof(*g));
}

static bool is_secret(struct popart_str given, const char *secret)
{
	return secret[0] && view_eq_secret(given, view_str(secret));
}

/* "127.0.0.1:PORT" or "localhost:PORT", behind prefix. */
static bool names_us(const struct gate *g, const char *prefix, const char *given)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost" };
	char name[64];

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		(void)snprintf(name, sizeof(name), "%s%s:%u", prefix, hosts[i], g->port);
		if (strcasecmp(given, name) == 0)
			return true;
	}
	return false;
}

/* From our own page, or from nowhere: typed, or not a browser. */
static bool sent_by_us(const struct gate *g, const struct gate_request *r)
{
	return (!r->origin || names_us(g, "http://", r->origin)) &&
		(!r->fetch_site || strcmp(r->fetch_site, "same-origin") == 0 ||
			strcmp(r->fetch_site, "none") == 0);
}

/* The link may be followed from anywhere (a mail program, a file), but only followed. */
static bool followed(const struct gate_request *r)
{
	return !r->origin && (!r->fetch_mode || strcmp(r->fetch_mode, "navigate") == 0);
}

static bool has_cookie(const struct gate *g, const char *header)
{
	struct popart_str rest = view_str(header);
	bool found = false;

	while (rest.len > 0) {
		struct popart_str value = view_trim(view_cut(&rest, ';'));
		struct popart_str name = view_cut(&value, '=');
		if (view_eq(name, VIEW_LIT("popart")))
			found |= is_secret(value, g->cookie);
	}
	return found;
}

static bool behind(struct popart_str v, const char *prefix, struct popart_str *rest)
{
	size_t n = strlen(prefix);

	if (!view_starts(v, view_str(prefix)))
		return false;
	*rest = view_of(v.ptr + n, v.len - n);
	return true;
}

enum gate_verdict gate_judge(
	struct gate *g, const struct gate_request *r, struct popart_str *rest)
{
	struct popart_str target = view_str(r->target), token, path;

	if (!r->host || !names_us(g, "", r->host))
		return GATE_HOST;
	if (behind(target, "/open/", &token)) {
		if (!followed(r))
			return GATE_ORIGIN;
		if (!is_secret(token, g->token))
			return GATE_USED;
		explicit_bzero(g->token, sizeof(g->token));
		return GATE_EXCHANGED;
	}
	if (!sent_by_us(g, r))
		return GATE_ORIGIN;
	if (target.len == 0 || target.ptr[0] != '/' || !has_cookie(g, r->cookie))
		return GATE_STRANGER;
	*rest = view_of(target.ptr + 1, target.len - 1);
	if (!view_has(*rest, '/'))
		return GATE_STRANGER;
	path = view_cut(rest, '/');
	return is_secret(path, g->path) ? GATE_IN : GATE_STRANGER;
}
