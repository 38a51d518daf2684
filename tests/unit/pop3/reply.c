/* SPDX-License-Identifier: MIT */
#include "pop3/reply.h"

#include <stdlib.h>

#include "unit/pop3/suites.h"

static void test_u64(void)
{
	char out[20];

	CU_ASSERT(view_eq(view_of(out, format_u64(out, 0)), VIEW_LIT("0")));
	CU_ASSERT(view_eq(view_of(out, format_u64(out, 10)), VIEW_LIT("10")));
	CU_ASSERT(view_eq(
		view_of(out, format_u64(out, UINT64_MAX)), VIEW_LIT("18446744073709551615")));
}

static void cleans(struct popart_str text, const char *want)
{
	char *clean = reply_clean(text);

	CU_ASSERT(clean ? want && strcmp(clean, want) == 0 : !want);
	free(clean);
}

static void test_clean(void)
{
	cleans(VIEW_NONE, NULL);
	cleans(VIEW_LIT("  \r\n"), NULL);
	cleans(VIEW_LIT("plain text"), "plain text");
	cleans(VIEW_LIT("  a\r\n+OK b\t"), "a  +OK b");
	cleans(VIEW_LIT("[AUTH] x"), "(AUTH] x");
	cleans(VIEW_LIT(" [x]"), "(x]");
	cleans(VIEW_LIT("a\0b\x7f\xc3\xa4"), "a?b???");
}

static void test_length(void)
{
	char out[REPLY_MAX], text[1000];
	struct popart_io io = { .out = out, .out_cap = sizeof(out) };
	struct reply r;
	char *clean;

	memset(text, 'x', sizeof(text));
	reply_begin(&r, &io, "+OK ");
	reply_view(&r, view_of(text, sizeof(text)));
	reply_u64(&r, 1);
	reply_end(&r);
	CU_ASSERT(io.out_len == REPLY_MAX && memcmp(out + REPLY_MAX - 3, "x\r\n", 3) == 0);
	io.out_len = 0;
	clean = reply_clean(view_of(text, sizeof(text)));
	reply_status(&io, POPART_R_LOGIN_DELAY, true, clean);
	CU_ASSERT(io.out_len < REPLY_MAX && strncmp(out, "-ERR [LOGIN-DELAY] xxx", 22) == 0);
	free(clean);
}

static void status_is(int status, bool login, const char *text, const char *want)
{
	char out[REPLY_MAX];
	struct popart_io io = { .out = out, .out_cap = sizeof(out) };

	reply_status(&io, status, login, text);
	CU_ASSERT(view_eq(view_of(out, io.out_len), view_str(want)));
}

static void test_statuses(void)
{
	status_is(POPART_R_DENIED, true, "no", "-ERR [AUTH] no\r\n");
	status_is(POPART_R_DENIED, false, "no", "-ERR no\r\n");
	status_is(POPART_R_IN_USE, false, "no", "-ERR no\r\n");
	status_is(POPART_R_TEMP, false, "no", "-ERR [SYS/TEMP] no\r\n");
	status_is(POPART_R_GONE, false, "no", "-ERR no\r\n");
	/* What failed inside is never told. */
	for (int status = POPART_E_IO; status >= POPART_E_BUG - 1; status--)
		status_is(status, true, "secret path",
			"-ERR [SYS/TEMP] internal error; try again later\r\n");
}

CU_TestInfo reply_tests[] = {
	{ "decimal digits", test_u64 },
	{ "other people's text is made fit for a line", test_clean },
	{ "no line is longer than 512 octets", test_length },
	{ "statuses, codes and texts", test_statuses },
	CU_TEST_INFO_NULL,
};
