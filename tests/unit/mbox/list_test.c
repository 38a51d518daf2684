/* SPDX-License-Identifier: MIT */
/* What is listed of a mailbox, and what is sent of it. */
#include "unit/mbox/tests.h"

static void shows(const char *format, const char *mailbox, const char *const *shown)
{
	char option[32];
	const char *const options[] = { option, NULL };
	struct box b;

	snprintf(option, sizeof(option), "format=%s", format);
	box_make(&b, options);
	box_put(&b, mailbox, strlen(mailbox));
	for (int round = 0; round < 2; round++) /* without and with the index */
		box_expect(&b, shown);
	CU_ASSERT_TRUE(box_holds(&b, mailbox, strlen(mailbox)));
	box_free(&b);
}
#define SHOWS(format, mailbox, ...) \
	shows(format, mailbox, (const char *const[]){ __VA_ARGS__, NULL })

static void nothing(void)
{
	struct box b;

	shows("mboxrd", "", (const char *const[]){ NULL });
	shows("mboxrd", "\n\r\n\n", (const char *const[]){ NULL });
	box_make(&b, NULL); /* missing */
	box_expect(&b, (const char *const[]){ NULL });
	CU_ASSERT_FALSE(has_file(b.path));
	box_free(&b);
}

static void no_directory(void)
{
	struct box b;
	char path[300];

	box_make(&b, NULL);
	snprintf(path, sizeof(path), "%s/mail", b.dir);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	box_free(&b);
}

static void not_an_mbox(void)
{
	struct box b;
	char path[300];

	box_make(&b, NULL);
	box_put(&b, TEXT("Subject: no mailbox\n\n" FROM "\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "is no mbox"));
	snprintf(path, sizeof(path), "%s", b.path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	box_free(&b);
}

static void ends_and_lines(void)
{
	SHOWS("mboxrd", FROM "A: b\n\nbody\n\n" FROM "C: d\n\nmore\n\n", "A: b\n\nbody\n",
		"C: d\n\nmore\n");
	SHOWS("mboxrd", FROM "A: b\n\nno end", "A: b\n\nno end");
	SHOWS("mboxrd", FROM "A: b\n\nno empty line\n" FROM "C: d\n\n\n",
		"A: b\n\nno empty line\n", "C: d\n\n");
	SHOWS("mboxrd", FROM "A: b\n\nthree\n\n\n\n" FROM, "A: b\n\nthree\n\n\n", "");
	SHOWS("mboxrd", FROM "\n" FROM "\n\n" FROM "x\n\n", "", "\n", "x\n");
	SHOWS("mboxrd", "\n\n" FROM "A: b\n\n", "A: b\n");
	SHOWS("mboxrd", "From somebody\nA: b\n\nFrom nobody\n\n", "A: b\n\nFrom nobody\n");
	SHOWS("mboxrd",
		"From a Thu Jan  1 00:00:00 2026\r\nA: b\r\n\r\nbody\r\n\r\nFrom a Thu Jan  1 "
		"00:00:00 2026\r\nC: d\r\n\r\n.\r\n\r\n",
		"A: b\r\n\r\nbody\r\n", "C: d\r\n\r\n.\r\n");
	SHOWS("mboxrd", FROM "A: b\n\nlone\r", "A: b\n\nlone\r");
}

static void hidden_lines(void)
{
	SHOWS("mboxrd",
		FROM
		"Status: RO\nA: b\nX-STATUS: A\n\tgoes on\n and on\nC: d\nContent-Length: 4\n"
		"x-keywords: x\nX-UID: 1\nX-IMAP: 1 2\nX-IMAPbase: 1 2\nStatusx: stays\n"
		"Status : stays\n\nStatus: body\n\n",
		"A: b\nC: d\nStatusx: stays\nStatus : stays\n\nStatus: body\n");
	SHOWS("mboxrd", FROM "Status: RO\n\n" FROM "Status: RO\n\nb\n\n", "", "\nb\n");
	SHOWS("mboxrd", FROM "Status: RO", "");
}

static void quoted_lines(void)
{
	static const char box[] =
		FROM "A: b\n\n>From x\n>>From y\n>>>\n>Fr\n> From\n>From \n\n";

	SHOWS("mboxrd", box, "A: b\n\nFrom x\n>From y\n>>>\n>Fr\n> From\nFrom \n");
	SHOWS("mboxo", box, "A: b\n\n>From x\n>>From y\n>>>\n>Fr\n> From\n>From \n");
	SHOWS("mboxrd", FROM ">From x\n\n>", "From x\n\n>");
	SHOWS("mboxrd", FROM "A: b\n\n>>>From", "A: b\n\n>>>From");
}

static void lengths(void)
{
	static const char box[] = FROM "Content-Length: 49\n\na\n\n" FROM "\n\n\n" FROM
				       "Content-Length: 2\n\nb\n\n";

	SHOWS("mboxcl2", box, "\na\n\n" FROM "\n\n", "\nb\n");
	SHOWS("mboxrd", box, "\na\n", "\n\n", "\nb\n");
	/* Not believed: too long, too short, not a number. */
	SHOWS("mboxcl2", FROM "Content-Length: 5000\n\na\n\n" FROM "\n", "\na\n", "");
	SHOWS("mboxcl2", FROM "Content-Length: 1\n\na b\n\n" FROM "\n", "\na b\n", "");
	SHOWS("mboxcl2", FROM "Content-Length: x\n\na\n\n" FROM "\n", "\na\n", "");
	SHOWS("mboxcl2", FROM "Content-Length: 99999999999999999999999\n\na\n\n" FROM "\n",
		"\na\n", "");
	/* The last one counts; no line end at the end of the body. */
	SHOWS("mboxcl", FROM "Content-Length: 1\nContent-Length: 3\n\na b\n\n" FROM "\n",
		"\na b", "");
	SHOWS("mboxcl", FROM "Content-Length: 0\n\n" FROM "\n", "\n", "");
}

static void pseudo_message(void)
{
	static const char box[] = "From MAILER-DAEMON Thu Jan  1 00:00:00 2026\n"
				  "From: Mail System Internal Data <MAILER-DAEMON@host>\n"
				  "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
				  "X-IMAP: 1131234567 0000000012\nStatus: RO\n\ninternal\n\n";
	struct box b;
	size_t removed;

	box_make(&b, NULL);
	box_put(&b, TEXT(box));
	box_append(&b, TEXT(FROM "A: b\n\n"));
	box_append(&b, TEXT(FROM "C: d\n\n"));
	box_expect(&b, (const char *const[]){ "A: b\n", "C: d\n", NULL });
	CU_ASSERT_EQUAL(
		box_commit(&b, (uint64_t[]){ b.list.v[0].ref, b.list.v[1].ref }, 2, &removed),
		POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(box)));
	box_expect(&b, (const char *const[]){ NULL });
	/* Elsewhere it is a message, as it is without its header. */
	box_put(&b, TEXT(FROM "A: b\n\n"));
	box_append(&b, TEXT(box));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 2);
	box_free(&b);
}

/* Whatever falls on the border of a window: lines of 100 KB, NUL, hidden lines, dots. */
static void long_lines(void)
{
	enum { N = 600 * 1024 };
	char *text = malloc(N + 64), *all = malloc(2 * N);
	struct box b;

	for (size_t shift = 0; shift < 3; shift++) {
		size_t n = 0, all_n;

		memset(text, 0, N);
		memcpy(text, "A: b\n\n", 6);
		for (size_t i = 6 + shift; i < N; i += 100 * 1024 - shift)
			text[i] = '\n';
		for (size_t at = 256 * 1024 - 40; at < 256 * 1024 + 20; at += 3)
			memcpy(text + at, "\n.\n", 3);
		text[N - 1] = '\n';
		all_n = (size_t)sprintf(all, FROM "Status: R\n");
		memcpy(all + all_n, text, N);
		all_n += N;
		all[all_n++] = '\n';
		all_n += (size_t)sprintf(all + all_n, FROM "C: d\n\n");
		n = N;
		box_make(&b, NULL);
		box_put(&b, all, all_n);
		for (int round = 0; round < 2; round++) {
			CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
			CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
			CU_ASSERT_EQUAL(box_get(&b, 0, text, n), POPART_OK);
			CU_ASSERT_EQUAL(box_get(&b, 1, TEXT("C: d\n")), POPART_OK);
		}
		box_free(&b);
	}
	free(all);
	free(text);
}

/* At every place of a message the window may end. */
static void every_border(void)
{
	enum { WINDOW = 256 * 1024 };
	static const char tail[] =
		"\n>From x\n>>From y\n\n" FROM "Status: RO\nReceived: x\nC: d\n\nb\r\n\r\n>";
	static const char first[] = "\nFrom x\n>From y\n",
			  second[] = "Received: x\nC: d\n\nb\r\n\r\n>";
	char *all = malloc(WINDOW + sizeof(tail)), *shown = malloc(WINDOW + sizeof(tail));

	for (size_t back = 0; back <= sizeof(tail); back += 2) {
		size_t n = WINDOW - back, from = strlen(FROM "A: b\n\n");
		struct box b;

		memset(all, 'x', n);
		memcpy(all, FROM "A: b\n\n", from);
		memcpy(all + n, tail, sizeof(tail) - 1);
		memcpy(shown, all + strlen(FROM), n - strlen(FROM));
		memcpy(shown + n - strlen(FROM), first, sizeof(first) - 1);
		box_make(&b, NULL);
		box_put(&b, all, n + sizeof(tail) - 1);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, 2);
		CU_ASSERT_EQUAL(
			box_get(&b, 0, shown, n - strlen(FROM) + sizeof(first) - 1), POPART_OK);
		CU_ASSERT_EQUAL(box_get(&b, 1, TEXT(second)), POPART_OK);
		box_free(&b);
	}
	free(all);
	free(shown);
}

CU_TestInfo list_tests[] = { { "empty and missing", nothing },
	{ "a missing directory", no_directory }, { "other files", not_an_mbox },
	{ "line ends and empty lines", ends_and_lines },
	{ "hidden header lines", hidden_lines }, { "quoted lines", quoted_lines },
	{ "Content-Length", lengths }, { "the message of c-client", pseudo_message },
	{ "lines of 100 KB, and NUL", long_lines }, { "borders of the window", every_border },
	CU_TEST_INFO_NULL };
