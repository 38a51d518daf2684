/* SPDX-License-Identifier: MIT */
/* Any octets as a file of users in which an account is added, changed and removed: all other
 * users stay as they are, and this one is what it was made. */
#include <stdlib.h>
#include <string.h>
#include "edit.h"
#include "users.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct popart_str name = LITERAL_INIT("anna");
static const struct popart_attr attrs[] = { { LITERAL_INIT("home"), LITERAL_INIT("/a") },
	{ LITERAL_INIT("tone"), { NULL, 0 } }, { LITERAL_INIT("k"), LITERAL_INIT("v") } };

static void ignore(void *ctx, size_t line, const char *why)
{
	(void)ctx;
	(void)line;
	(void)why;
}

static struct users *read_users(const char *text, size_t len)
{
	struct users_report report = { .broken = ignore };
	char *copy = malloc(len ? len : 1);
	struct users *users;

	if (!copy)
		abort();
	if (len)
		memcpy(copy, text, len);
	users = users_new(copy, len, &report);
	if (!users)
		abort();
	return users;
}

/* Every user of one is in the other, with the same secret and words; but for anna. */
static void check_others(const struct users *of, const struct users *in)
{
	for (uint32_t i = 0; i < users_count(of); i++) {
		struct line a, b;
		uint32_t found;

		users_line(of, i, &a);
		if (octets_equal(a.user, name))
			continue;
		if (!users_find(in, a.user, &found))
			abort();
		users_line(in, found, &b);
		if (!octets_equal(a.secret, b.secret) || !octets_equal(a.extra, b.extra) ||
			!octets_equal(a.home, b.home))
			abort();
	}
}

static void check(enum edit_what what, uint32_t enabled, const char *text, size_t len)
{
	struct popart_account_change change = { .size = sizeof(change),
		.what = POPART_ACCOUNT_ENABLED | POPART_ACCOUNT_ATTRS,
		.enabled = enabled,
		.nattrs = sizeof(attrs) / sizeof(attrs[0]),
		.attrs = attrs };
	struct edit e = { .what = what, .user = name, .change = &change };
	char *out = NULL;
	size_t out_len = 0;
	uint32_t found;
	int status;

	if (what == EDIT_ADD)
		e.hash = LITERAL("{PLAIN}x");
	status = edit_text(&e, (struct popart_str){ text, len }, &out, &out_len);
	if (status == POPART_R_PERM && !e.why)
		abort();
	if (status != POPART_OK)
		return;
	struct users *before = read_users(text, len), *after = read_users(out, out_len);
	check_others(before, after);
	check_others(after, before);
	if (users_find(after, name, &found) != (what != EDIT_REMOVE))
		abort();
	users_free(&before);
	users_free(&after);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check(EDIT_ADD, 1, text, size);
	check(EDIT_CHANGE, 0, text, size);
	check(EDIT_CHANGE, 1, text, size);
	check(EDIT_REMOVE, 0, text, size);
	return 0;
}
