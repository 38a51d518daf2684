/* SPDX-License-Identifier: MIT */
#include "pop3/wire.h"

#include <stdlib.h>

#include "support/wire_model.h"
#include "unit/pop3/suites.h"

#define TEXT(s)                                  \
	{                                        \
		.ptr = (s), .len = sizeof(s) - 1 \
	}
static const struct popart_str texts[] = {
	TEXT(""),
	TEXT("\n"),
	TEXT("\r"),
	TEXT("\r\n"),
	TEXT("."),
	TEXT(".\n"),
	TEXT("..\r\n.\r\n"),
	TEXT("a"),
	TEXT("a\r"),
	TEXT("a\nb\r\nc"),
	TEXT("\n.\n\n.x\n"),
	TEXT("\r\r\n.\r\r\n\n"),
	TEXT("a\n\r.\nb\n\r"),
	TEXT("A: 1\nB: 2\n\nx\n.y\nz\n"),
	TEXT("A: 1\r\nB: 2\r\n\r\nx\r\n.y\r\nz"),
	TEXT("A\n\r\r\n\nx\n"),
	TEXT("\0\n\xff\n.\0\n\x80.\r"),
};
static const uint64_t tops[] = { WIRE_ALL, 0, 1, 2, 3, 100 };

/* Converts with input cut before `in_cut` and output before `out_cut`, in memory of just
 * that size. */
static void convert_cut(
	struct wire *w, struct popart_str text, size_t in_cut, size_t out_cut, struct buf *got)
{
	size_t pieces[2] = { in_cut, text.len - in_cut }, at = 0, room = out_cut;
	char end[2];

	for (size_t i = 0; i < 2; i++) {
		char *copy = malloc(pieces[i] + 1);
		struct popart_str in = { copy, pieces[i] };

		memcpy(copy, text.ptr + at, pieces[i]);
		at += pieces[i];
		while (in.len > 0 && !w->over) {
			char *out = malloc(room + 1);
			size_t n = wire_convert(w, &in, out, room);

			CU_ASSERT_FATAL(n <= room);
			buf_add(got, view_of(out, n));
			free(out);
			/* The first piece of output is used up; then there is plenty. */
			room = room - n < WIRE_OUT_MIN || in.len > 0 ? 4096 : room - n;
		}
		free(copy);
	}
	buf_add(got, view_of(end, wire_finish(w, end)));
}

static void check(struct popart_str text, uint64_t lines, size_t in_cut, size_t out_cut)
{
	struct buf got, want;
	struct wire w;
	uint64_t size;

	buf_init(&got, 1u << 20);
	buf_init(&want, 1u << 20);
	size = wire_model(&want, text, lines);
	wire_init(&w, 0, lines);
	convert_cut(&w, text, in_cut, out_cut, &got);
	CU_ASSERT(view_eq(buf_view(&got), buf_view(&want)));
	CU_ASSERT(w.sent == size);
	buf_free(&got);
	buf_free(&want);
}

static void test_every_cut(void)
{
	for (size_t t = 0; t < ARRAY_LEN(texts); t++)
		for (size_t l = 0; l < ARRAY_LEN(tops); l++)
			for (size_t in = 0; in <= texts[t].len; in++)
				for (size_t out = 0; out <= 2 * texts[t].len + 2; out++)
					check(texts[t], tops[l], in, out);
}

/* Every text of up to six octets over the four that matter. */
static void test_every_short_text(void)
{
	static const char octets[] = "x.\r\n";
	char text[6];

	for (size_t len = 0; len <= sizeof(text); len++)
		for (size_t code = 0; code < (size_t)1 << (2 * len); code++) {
			for (size_t i = 0; i < len; i++)
				text[i] = octets[code >> (2 * i) & 3];
			for (size_t l = 0; l < 3; l++)
				check(view_of(text, len), tops[l], len / 2, len);
		}
}

/* Long ones, for what is done to many octets at once: every length of lines, and all that
 * matters at every place of a block. */
static void test_long_texts(void)
{
	static const char rare[] = "x.\r\n";
	char text[400];
	uint32_t random = 1;

	for (unsigned n = 0; n < 4000; n++) {
		unsigned often = 1 + n % 50;

		for (size_t i = 0; i < sizeof(text); i++) {
			random = random * 1664525 + 1013904223;
			text[i] = random >> 24 < 256 / often ? rare[random >> 20 & 3] : 'y';
			if (i > 0 && text[i - 1] == '\n' && random >> 18 & 1)
				text[i] = '.';
		}
		check(view_of(text, sizeof(text) - n % 3), WIRE_ALL, n % 391,
			(size_t)(random >> 12) % (2 * sizeof(text)));
	}
}

/* Output of two octets at a time, for what cannot be split. */
static void test_smallest_output(void)
{
	struct popart_str text = texts[13];
	struct buf got, want;
	struct wire w;

	buf_init(&got, 4096);
	buf_init(&want, 4096);
	wire_model(&want, text, WIRE_ALL);
	wire_init(&w, 0, WIRE_ALL);
	while (text.len > 0) {
		char out[WIRE_OUT_MIN];
		size_t n = wire_convert(&w, &text, out, sizeof(out));

		CU_ASSERT_FATAL(n > 0);
		buf_add(&got, view_of(out, n));
	}
	CU_ASSERT(view_eq(buf_view(&got), buf_view(&want)));
	buf_free(&got);
	buf_free(&want);
}

/* A dot that is doubled already is not doubled again, and not counted, in whatever place. */
static void test_long_stuffed(void)
{
	for (size_t dot = 1; dot < 100; dot++) {
		char text[201], want[202], out[400];
		struct popart_str in = { text, 200 };
		struct wire w;

		memset(text, 'x', 200);
		text[dot] = text[dot + 1] = '.';
		text[dot - 1] = text[199] = '\n';
		memcpy(want, text, dot - 1);
		want[dot - 1] = '\r';
		memcpy(want + dot, text + dot - 1, 201 - dot);
		memcpy(want + 200, "\r\n", 2);
		wire_init(&w, POPART_FORM_STUFFED, WIRE_ALL);
		size_t n = wire_convert(&w, &in, out, sizeof(out));
		CU_ASSERT(in.len == 0 && n == 202 && w.sent == 201);
		CU_ASSERT(memcmp(out, want, 202) == 0);
	}
}

static void converts(uint32_t form, const char *text, const char *want, uint64_t sent)
{
	struct popart_str in = view_str(text);
	struct wire w;
	char out[256];
	size_t n;

	wire_init(&w, form, WIRE_ALL);
	n = wire_convert(&w, &in, out, sizeof(out) - 2);
	CU_ASSERT(in.len == 0);
	n += wire_finish(&w, out + n);
	CU_ASSERT(view_eq(view_of(out, n), view_str(want)));
	CU_ASSERT(w.sent == sent);
}

static void test_forms(void)
{
	const uint32_t crlf = POPART_FORM_CRLF, dots = POPART_FORM_NO_DOTS;

	converts(crlf, "a\r\n.b\r\n", "a\r\n..b\r\n", 7);
	converts(dots, "a\nb\n", "a\r\nb\r\n", 6);
	converts(crlf | dots, "a\r\nb\r\n", "a\r\nb\r\n", 6);
	converts(crlf | dots, "a\r\nb", "a\r\nb\r\n", 6);
	converts(POPART_FORM_STUFFED, "..a\n..\nb\n", "..a\r\n..\r\nb\r\n", 10);
	converts(crlf | POPART_FORM_STUFFED, "..a\r\n", "..a\r\n", 4);
	/* A store that is wrong about dots must not end a message early. */
	converts(dots, ".\nrest\n", "..\r\nrest\r\n", 9);
}

static void test_passed(void)
{
	struct wire w;
	char end[2];

	wire_init(&w, POPART_FORM_CRLF | POPART_FORM_NO_DOTS, WIRE_ALL);
	wire_passed(&w, 1u << 30, false);
	wire_passed(&w, (uint64_t)5 << 32, true);
	CU_ASSERT(w.sent == (1u << 30) + ((uint64_t)5 << 32));
	CU_ASSERT(wire_finish(&w, end) == 0);
}

CU_TestInfo wire_tests[] = {
	{ "every text cut everywhere equals the model", test_every_cut },
	{ "every short text equals the model", test_every_short_text },
	{ "long texts, cut anywhere, equal the model", test_long_texts },
	{ "two octets of output are enough to go on", test_smallest_output },
	{ "what a source says about its form", test_forms },
	{ "dots that are doubled already, in long texts", test_long_stuffed },
	{ "octets that went out unseen are counted", test_passed },
	CU_TEST_INFO_NULL,
};
