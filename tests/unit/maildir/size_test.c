/* SPDX-License-Identifier: MIT */
#include "unit/maildir/tests.h"
#include "size.h"

#include <stdlib.h>

/* As plainly as it can be said. */
static void naive(const unsigned char *p, size_t n, struct size *s)
{
	size_t wire_n, start = 0;

	free(mock_wire(p, n, &wire_n));
	memset(s, 0, sizeof(*s));
	s->stored = n;
	s->wire = wire_n;
	s->form = POPART_FORM_CRLF | POPART_FORM_NO_DOTS | POPART_FORM_ENDS_LINE;
	if (n && p[n - 1] != '\n')
		s->form &= ~(uint32_t)POPART_FORM_ENDS_LINE;
	for (size_t i = 0; i < n; i++) {
		if (i == start && p[i] == '.')
			s->form &= ~(uint32_t)POPART_FORM_NO_DOTS;
		if (p[i] != '\n')
			continue;
		if (i == 0 || p[i - 1] != '\r')
			s->form &= ~(uint32_t)POPART_FORM_CRLF;
		if (!s->body && (i == start || (i == start + 1 && p[start] == '\r')))
			s->body = i + 1;
		start = i + 1;
	}
}

static bool same(const struct size *a, const struct size *b)
{
	return a->stored == b->stored && a->wire == b->wire && a->body == b->body &&
		a->form == b->form;
}

static bool right_at_every_split(const unsigned char *p, size_t n)
{
	struct size want, got;

	naive(p, n, &want);
	for (size_t i = 0; i <= n; i++) {
		size_begin(&got);
		size_add(&got, p, i);
		size_add(&got, p + i, n - i);
		size_end(&got);
		if (!same(&want, &got))
			return false;
	}
	size_begin(&got);
	for (size_t i = 0; i < n; i++)
		size_add(&got, p + i, 1);
	size_end(&got);
	return same(&want, &got);
}

static void every_short_message(void)
{
	static const char letters[] = "\r\n.a";
	unsigned char text[7];

	for (size_t n = 0; n <= sizeof(text); n++)
		for (unsigned code = 0; code < 1u << 2 * n; code++) {
			for (size_t i = 0; i < n; i++)
				text[i] = (unsigned char)letters[code >> 2 * i & 3];
			if (!right_at_every_split(text, n)) {
				CU_FAIL("differs from the plain model");
				return;
			}
		}
	CU_PASS("all the same");
}

static void any_octets(void)
{
	unsigned char text[300];
	unsigned random = 12345;

	for (unsigned round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			random = random * 1103515245u + 12345u;
			text[i] = (unsigned char)(random >> 16);
			if (text[i] % 5 == 0)
				text[i] = (unsigned char)"\r\n.\0"[text[i] / 5 % 4];
		}
		CU_ASSERT_TRUE(right_at_every_split(text, sizeof(text)));
	}
}

CU_TestInfo size_tests[] = { { "every message of up to 7 octets, at every split",
				     every_short_message },
	{ "any octets, at every split", any_octets }, CU_TEST_INFO_NULL };
