/* SPDX-License-Identifier: MIT */
#include "users.h"
#include <stdio.h>
#include "unit/passwd_file/tests.h"

struct broken {
	char text[1024];
};

static void note(void *ctx, size_t line, const char *why)
{
	struct broken *b = ctx;
	size_t at = strlen(b->text);

	snprintf(b->text + at, sizeof(b->text) - at, "%zu: %s\n", line, why);
}

static struct users *users_of(struct popart_str text, struct broken *b)
{
	struct users_report report = { .ctx = b, .broken = note };
	char *copy = malloc(text.len ? text.len : 1);

	if (!copy)
		abort();
	memcpy(copy, text.ptr, text.len);
	b->text[0] = '\0';
	struct users *u = users_new(copy, text.len, &report);
	if (!u)
		abort();
	return u;
}

static bool secret_is(const struct users *u, const char *name, const char *secret)
{
	struct line l;
	uint32_t i;

	if (!users_find(u, str(name), &i))
		return false;
	users_line(u, i, &l);
	return octets_equal(l.user, str(name)) && octets_equal(l.secret, str(secret));
}

static void mixed(void)
{
	struct broken b;
	struct users *u = users_of(LITERAL("# users\r\n"
					   "\r\n"
					   "anna:{PLAIN}one\r\n"
					   "bert:{PLAIN}two:1:2\n"
					   "  \n"
					   "broken\n"
					   "anna:{PLAIN}three\n"
					   "carl:{NOSUCH}x\n"
					   "nu\0l:{PLAIN}x\n"
					   "last:{PLAIN}end"),
		&b);
	uint32_t i;

	CU_ASSERT_EQUAL(users_count(u), 3);
	CU_ASSERT(secret_is(u, "anna", "{PLAIN}one"));
	CU_ASSERT(secret_is(u, "bert", "{PLAIN}two"));
	CU_ASSERT(secret_is(u, "last", "{PLAIN}end"));
	CU_ASSERT_FALSE(users_find(u, str("carl"), &i));
	CU_ASSERT_FALSE(users_find(u, str("Anna"), &i));
	CU_ASSERT_FALSE(users_find(u, str("ann"), &i));
	CU_ASSERT_FALSE(users_find(u, str(""), &i));
	CU_ASSERT_FALSE(users_find(u, str("# users"), &i));
	CU_ASSERT_STRING_EQUAL(b.text,
		"6: there is no \":\" behind the user's name\n"
		"7: an earlier line has the same user; that one counts\n"
		"8: a scheme that is not known\n"
		"9: there is a NUL in it\n");
	users_free(&u);
}

static void overlong(void)
{
	char *text = malloc(3u << 20);
	struct broken b;
	size_t n = (size_t)sprintf(text, "a:{PLAIN}x\nlong:{PLAIN}");

	memset(text + n, 'y', 2u << 20);
	n += 2u << 20;
	n += (size_t)sprintf(text + n, "\nb:{PLAIN}z\n");
	struct users *u = users_of((struct popart_str){ text, n }, &b);
	CU_ASSERT_EQUAL(users_count(u), 2);
	CU_ASSERT(secret_is(u, "b", "{PLAIN}z"));
	CU_ASSERT_STRING_EQUAL(b.text, "2: longer than 4096 octets\n");
	users_free(&u);
	free(text);
}

static void typical(void)
{
	static const char common[] = "a:$1$IS.at/pt$ie8F34WuZaxEJy3PROqHW/\n"
				     "b:{PLAIN}x\nc:*\nd:!\ne:!\nf:{PLAIN}y\ng:{PLAIN}z\n"
				     "h:$2b$05$1OQg6r/u8SKTdyGhYFAjJuSbn6zAy0z4pA5QAgRaS\n"
				     "i:$2b$05$2OQg6r/u8SKTdyGhYFAjJuSbn6zAy0z4pA5QAgRaS\n"
				     "j:$2b$05$3OQg6r/u8SKTdyGhYFAjJuSbn6zAy0z4pA5QAgRaS\n"
				     "k:$2b$05$4OQg6r/u8SKTdyGhYFAjJuSbn6zAy0z4pA5QAgRaS\n"
				     "l:$2b$12$1OQg6r/u8SKTdyGhYFAjJuSbn6zAy0z4pA5QAgRaS\n";
	struct secret s;
	struct broken b;
	size_t line;
	struct users *u = users_of(str(common), &b);

	CU_ASSERT(users_typical(u, &s));
	CU_ASSERT(octets_equal(secret_cost(&s), str("$2b$05$")));
	CU_ASSERT_EQUAL(users_legacy(u, &line), 1);
	CU_ASSERT_EQUAL(line, 1);
	users_free(&u);
	u = users_of(str("# nobody\nx:*\n"), &b);
	CU_ASSERT_FALSE(users_typical(u, &s));
	users_free(&u);
	u = users_of(str(""), &b);
	CU_ASSERT_EQUAL(users_count(u), 0);
	users_free(&u);
}

static void many(void)
{
	enum { MANY = 100000 };
	char *text = malloc(MANY * 100), name[32];
	struct broken b;
	size_t n = 0;
	unsigned found = 0;
	uint32_t i;

	for (unsigned k = 0; k < MANY; k++)
		n += (size_t)sprintf(text + n,
			"user%u@example.org:$y$j9T$2ZfOnaPwOVZEnzr4yBGIh/$x:5:5::/m/%u\n", k,
			k);
	struct users *u = users_of((struct popart_str){ text, n }, &b);
	CU_ASSERT_EQUAL(users_count(u), MANY);
	CU_ASSERT_STRING_EQUAL(b.text, "");
	for (unsigned k = 0; k < MANY; k++) {
		snprintf(name, sizeof(name), "user%u@example.org", k);
		found += users_find(u, str(name), &i) && i == k;
	}
	CU_ASSERT_EQUAL(found, MANY);
	CU_ASSERT_FALSE(users_find(u, str("user100000@example.org"), &i));
	users_free(&u);
	free(text);
}

CU_TestInfo users_tests[] = {
	{ "good and broken lines, comments, CRLF, the first of two", mixed },
	{ "a line without end harms nobody behind it", overlong },
	{ "the usual kind of secret, and legacy ones", typical },
	{ "100,000 users", many },
	CU_TEST_INFO_NULL,
};
