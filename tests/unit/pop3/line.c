/* SPDX-License-Identifier: MIT */
#include "pop3/line.h"

#include <stdlib.h>

#include "unit/pop3/suites.h"

static enum line_result next(
	struct line *l, struct popart_io *io, struct popart_str in, struct popart_str *out)
{
	io->in = in.ptr;
	io->in_len = in.len;
	return line_next(l, io, false, out);
}

static void test_whole_line_is_not_copied(void)
{
	static const char text[] = "NOOP\r\nQUIT\n";
	struct popart_io io = { .in = text, .in_len = sizeof(text) - 1 };
	struct popart_str out;
	struct line l = { 0 };

	CU_ASSERT(line_next(&l, &io, false, &out) == LINE_READY);
	CU_ASSERT(out.ptr == text && out.len == 4 && !l.ptr);
	line_done(&l);
	CU_ASSERT(line_next(&l, &io, false, &out) == LINE_READY);
	CU_ASSERT(view_eq(out, VIEW_LIT("QUIT")) && io.in_len == 0);
	CU_ASSERT(line_next(&l, &io, false, &out) == LINE_MORE);
	CU_ASSERT(!l.ptr);
}

static void test_partial_line(void)
{
	struct popart_io io = { 0 };
	struct popart_str out = VIEW_NONE;
	struct line l = { 0 };

	CU_ASSERT(next(&l, &io, VIEW_LIT("NO"), &out) == LINE_MORE);
	CU_ASSERT(io.in_len == 0 && l.len == 2 && l.cap <= LINE_COMMAND_MAX);
	CU_ASSERT(next(&l, &io, VIEW_LIT("OP\r"), &out) == LINE_MORE);
	CU_ASSERT(next(&l, &io, VIEW_LIT("\nQ"), &out) == LINE_READY);
	CU_ASSERT(view_eq(out, VIEW_LIT("NOOP")) && io.in_len == 1);
	line_done(&l);
	CU_ASSERT(!l.ptr);
}

/* The limit is the same wherever the line is cut. */
static void test_limit(void)
{
	char text[LINE_COMMAND_MAX + 2];

	for (size_t cut = 0; cut <= LINE_COMMAND_MAX; cut++)
		for (size_t extra = 0; extra <= 1; extra++) {
			struct popart_io io = { 0 };
			struct popart_str out;
			struct line l = { 0 };
			size_t len = LINE_COMMAND_MAX + extra;
			enum line_result result = LINE_MORE;

			memset(text, 'x', len);
			text[len - 1] = '\n';
			if (cut > 0)
				result = next(&l, &io, view_of(text, cut), &out);
			if (result == LINE_MORE)
				result = next(&l, &io, view_of(text + cut, len - cut), &out);
			CU_ASSERT(result == (extra ? LINE_TOO_LONG : LINE_READY));
			CU_ASSERT(l.cap <= LINE_COMMAND_MAX);
			line_done(&l);
		}
}

static void test_swallows(void)
{
	char *text = malloc(1u << 20);
	struct popart_io io = { 0 };
	struct popart_str out;
	struct line l = { 0 };

	memset(text, 'x', 1u << 20);
	CU_ASSERT(next(&l, &io, view_of(text, 1u << 20), &out) == LINE_TOO_LONG);
	for (int i = 0; i < 10; i++) {
		CU_ASSERT(next(&l, &io, view_of(text, 1u << 20), &out) == LINE_MORE);
		CU_ASSERT(!l.ptr && io.in_len == 0);
	}
	CU_ASSERT(next(&l, &io, VIEW_LIT("x\nNOOP\n"), &out) == LINE_READY);
	CU_ASSERT(view_eq(out, VIEW_LIT("NOOP")));
	free(text);
}

/* Only AUTH, and a SASL response, may be longer. */
static void test_long_auth(void)
{
	static const char *const heads[] = { "AUTH PLAIN ", "auth plain ", "AUTHX", "PASS " };
	char text[LINE_SASL_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		for (size_t cut = 0; cut < 7; cut++) {
			struct popart_io io = { 0 };
			struct popart_str out;
			struct line l = { 0 };
			enum line_result result;

			memset(text, 'A', sizeof(text));
			memcpy(text, heads[i], strlen(heads[i]));
			text[sizeof(text) - 1] = '\n';
			(void)next(&l, &io, view_of(text, cut), &out);
			result = next(&l, &io, view_of(text + cut, sizeof(text) - cut), &out);
			CU_ASSERT(result == (i < 2 ? LINE_READY : LINE_TOO_LONG));
			CU_ASSERT(l.cap <= LINE_AUTH_MAX);
			line_done(&l);
		}
}

CU_TestInfo line_tests[] = {
	{ "a whole line is handed out where it lies", test_whole_line_is_not_copied },
	{ "a partial line is kept until it is done", test_partial_line },
	{ "the limit does not depend on the pieces", test_limit },
	{ "what is too long is swallowed without memory", test_swallows },
	{ "AUTH may be as long as its response", test_long_auth },
	CU_TEST_INFO_NULL,
};
