/* SPDX-License-Identifier: MIT */
#include "line.h"
#include "unit/passwd_file/tests.h"

static bool is(struct popart_str got, const char *wanted)
{
	return octets_equal(got, str(wanted));
}

static void fields(void)
{
	struct line l;
	const char *why;

	CU_ASSERT(line_parse(
		str("anna:{PLAIN}x:1000:100:Anna A.:/home/anna:/bin/sh:a=b c=d"), &l, &why));
	CU_ASSERT(is(l.user, "anna") && is(l.secret, "{PLAIN}x"));
	CU_ASSERT(is(l.uid, "1000") && is(l.gid, "100") && is(l.home, "/home/anna"));
	CU_ASSERT(is(l.extra, "a=b c=d"));
	CU_ASSERT(line_parse(str("anna@example.org:x"), &l, &why));
	CU_ASSERT(is(l.user, "anna@example.org") && is(l.secret, "x"));
	CU_ASSERT(l.uid.len == 0 && l.home.len == 0 && l.extra.len == 0);
	CU_ASSERT(line_parse(str("anna:x::::/srv"), &l, &why) && is(l.home, "/srv"));
	CU_ASSERT(line_parse(str("a b:x y"), &l, &why) && is(l.user, "a b"));
}

static void extras(void)
{
	struct popart_str key, value;
	struct line l;
	const char *why;

	CU_ASSERT(line_parse(
		str("a:x::::::  storage=fast\tquota=10G  p=a=b:c empty= "), &l, &why));
	CU_ASSERT(line_next_extra(&l.extra, &key, &value));
	CU_ASSERT(is(key, "storage") && is(value, "fast"));
	CU_ASSERT(line_next_extra(&l.extra, &key, &value));
	CU_ASSERT(is(key, "quota") && is(value, "10G"));
	CU_ASSERT(line_next_extra(&l.extra, &key, &value));
	CU_ASSERT(is(key, "p") && is(value, "a=b:c"));
	CU_ASSERT(line_next_extra(&l.extra, &key, &value));
	CU_ASSERT(is(key, "empty") && value.len == 0);
	CU_ASSERT_FALSE(line_next_extra(&l.extra, &key, &value));
}

static void refuse(struct popart_str text, const char *part)
{
	struct line l;
	const char *why;

	CU_ASSERT_FALSE(line_parse(text, &l, &why));
	if (!why || !strstr(why, part))
		CU_FAIL(part);
}

static void refused(void)
{
	refuse(str("anna"), "no \":\"");
	refuse(str(":x"), "name is empty");
	refuse(str("anna:"), "secret is empty");
	refuse(str("anna::1000"), "secret is empty");
	refuse(str("anna:x::::::word"), "key=value");
	refuse(str("anna:x:::::: a=b word"), "key=value");
	refuse(str("anna:x:::::: =b"), "key=value");
	refuse(LITERAL("anna:x\0y"), "NUL");
	refuse(LITERAL("an\0na:x"), "NUL");
	/* What kept people out, or let them in, where the file comes from. */
	refuse(str("anna:x::::::nologin"), "nologin");
	refuse(str("anna:x::::::a=b nologin=y"), "nologin");
	refuse(str("anna:x::::::allow_nets=10.0.0.0/8"), "allow_nets");
	refuse(str("anna:x::::::nopassword=y"), "nopassword");
}

static void limits(void)
{
	char *text = malloc(LINE_MAX_OCTETS + 1);
	struct line l;
	const char *why;
	size_t n;

	if (!text)
		abort();
	memset(text, 'x', LINE_MAX_OCTETS + 1);
	text[1] = ':';
	CU_ASSERT(line_parse((struct popart_str){ text, LINE_MAX_OCTETS }, &l, &why));
	refuse((struct popart_str){ text, LINE_MAX_OCTETS + 1 }, "4096");
	n = (size_t)sprintf(text, "a:x::::::");
	for (unsigned i = 0; i < LINE_MAX_EXTRAS; i++)
		n += (size_t)sprintf(text + n, "k%u=v ", i);
	CU_ASSERT(line_parse((struct popart_str){ text, n }, &l, &why));
	n += (size_t)sprintf(text + n, "more=v");
	refuse((struct popart_str){ text, n }, "32 words");
	free(text);
}

static void empty(void)
{
	CU_ASSERT(line_is_empty(str("")) && line_is_empty(str(" \t ")));
	CU_ASSERT(line_is_empty(str("#")) && line_is_empty(str("# a:b")));
	CU_ASSERT_FALSE(line_is_empty(str(" # a:b")));
	CU_ASSERT_FALSE(line_is_empty(str("a")));
}

CU_TestInfo line_tests[] = {
	{ "the fields of a line", fields },
	{ "words of the last field", extras },
	{ "broken lines, and why", refused },
	{ "the longest line, the most words", limits },
	{ "comments and blank lines", empty },
	CU_TEST_INFO_NULL,
};
