/* SPDX-License-Identifier: MIT */
/* Any octets as a file of users: whatever is taken in is found again, and a check of a
 * password against it would come to an end. */
#include <stdlib.h>
#include <string.h>
#include "users.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void count(void *ctx, size_t line, const char *why)
{
	size_t *last = ctx;

	if (line <= *last || !why[0])
		abort();
	*last = line;
}

static void check_secret(struct popart_str field)
{
	unsigned char out[LINE_MAX_OCTETS];
	struct secret secret;
	struct scram scram;
	const char *why;
	size_t n = 0;

	if (!secret_parse(field, &secret, &why) || why)
		abort();
	struct popart_str cost = secret_cost(&secret);
	if (cost.ptr != secret.text.ptr || cost.len > secret.text.len)
		abort();
	(void)secret_is_legacy(&secret);
	if (secret.scheme == SCHEME_SCRAM && !secret_scram(&secret, &scram))
		abort();
	if (secret_digest_len(secret.scheme) &&
		(!secret_decode(&secret, out, sizeof(out), &n) ||
			n < secret_digest_len(secret.scheme)))
		abort();
}

static void check_user(const struct users *users, uint32_t i)
{
	struct popart_str key, value;
	struct line line;
	uint32_t found;

	users_line(users, i, &line);
	if (!users_find(users, line.user, &found) || found != i)
		abort();
	check_secret(line.secret);
	for (unsigned n = 0; line_next_extra(&line.extra, &key, &value); n++)
		if (!key.len || n == LINE_MAX_EXTRAS)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t last = 0, legacy_line;
	struct users_report report = { .ctx = &last, .broken = count };
	char *text = malloc(size ? size : 1);
	struct secret typical;

	if (!text)
		abort();
	memcpy(text, data, size);
	struct users *users = users_new(text, size, &report);
	if (!users)
		abort();
	for (uint32_t i = 0; i < users_count(users); i++)
		check_user(users, i);
	(void)users_typical(users, &typical);
	if (users_legacy(users, &legacy_line) > users_count(users))
		abort();
	users_free(&users);
	return 0;
}
