/* SPDX-License-Identifier: MIT */
/* What happens to octets on their way from store to store. */
#include <popart/storage.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"
#include "move/came.h"
#include "move/fields.h"
#include "net/digest.h"
#include "support/tap.h"

/* --- the form of a store ----------------------------------------------------------------- */

static void came(uint32_t form, const char *stored, const char *text)
{
	size_t len = strlen(stored);

	for (size_t piece = 1; piece <= len + 1; piece++) {
		struct came c;
		struct buf out;

		buf_init(&out, 1024);
		came_init(&c, form);
		for (size_t at = 0; at < len; at += piece) {
			size_t n = len - at < piece ? len - at : piece;
			char room[256];

			memcpy(room + 1, stored + at, n);
			buf_add(&out, came_convert(&c, room + 1, n));
		}
		buf_add(&out, came_end(&c));
		CU_ASSERT_STRING_EQUAL(buf_cstr(&out), text);
		buf_free(&out);
	}
}

static void forms(void)
{
	const uint32_t crlf = POPART_FORM_CRLF | POPART_FORM_ENDS_LINE;

	came(0, "a\n..\r\n.\n", "a\n..\r\n.\n");
	came(crlf, "a\r\n.\r\n", "a\r\n.\r\n");
	came(crlf | POPART_FORM_STUFFED, "..\r\n...\r\na.b\r\n..x", ".\r\n..\r\na.b\r\n.x");
	came(crlf | POPART_FORM_WAS_LF, "a\r\n\r\nb\rc\r\n\r", "a\n\nb\rc\n\r");
	came(crlf | POPART_FORM_STUFFED | POPART_FORM_WAS_LF, "..\r\n\r.\r\n...\r\n",
		".\n\r.\n..\n");
	came(POPART_FORM_WAS_LF, "", "");
}

/* --- fields that are left out ------------------------------------------------------------ */

static void stays(const char *text, const char *expected)
{
	static const char *const hidden[] = { "Status", "X-UID", NULL };
	size_t len = strlen(text);

	for (size_t piece = 1; piece <= len + 1; piece++) {
		struct fields f;
		struct buf out;

		buf_init(&out, 4096);
		fields_init(&f, hidden);
		for (size_t at = 0; at < len; at += piece) {
			struct popart_str in =
				view_of(text + at, len - at < piece ? len - at : piece);

			while (in.len)
				buf_add(&out, fields_next(&f, &in));
		}
		buf_add(&out, fields_end(&f));
		CU_ASSERT_STRING_EQUAL(buf_cstr(&out), expected);
		buf_free(&out);
	}
}

static void fields(void)
{
	char text[640], long_one[400];

	stays("", "");
	stays("Status", "Status");
	stays("Status: RO", "");
	stays("A: b\nStatus: RO\nC: d\n\nStatus: x\n", "A: b\nC: d\n\nStatus: x\n");
	stays("STATUS: RO\r\n more\r\n\tand more\r\nC: d\r\n e\r\n\r\nX-UID: 1\r\n",
		"C: d\r\n e\r\n\r\nX-UID: 1\r\n");
	stays("X-UID: 1\nStatus: 2\n\nbody", "\nbody");
	stays("Status : no\nStatusx: no\nX-Status: no\n status: no\n",
		"Status : no\nStatusx: no\nX-Status: no\n status: no\n");
	stays("\r\nStatus: body\n", "\r\nStatus: body\n");
	stays("no field\nStatus: RO\n\r\r\nX-UID: 7\n\n", "no field\n\r\r\n\n");
	snprintf(long_one, sizeof(long_one), "%0200d: x\nC: d\n", 0);
	stays(long_one, long_one);
	snprintf(text, sizeof(text), "Status: %0200d\n%s", 0, long_one);
	stays(text, long_one);
}

/* --- the digest -------------------------------------------------------------------------- */

/* FIPS 180-2, appendix B.2: 448 bits. */
static void sha256(void)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static const uint8_t begins[] = { 0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38, 0xb8 };
	struct digest *d = digest_sha256();
	uint8_t sum[DIGEST_SHA256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (size_t i = 0; i < sizeof(text) - 1; i += 7)
		digest_add(d, view_of(text + i, 7));
	CU_ASSERT_TRUE(digest_end(&d, sum));
	CU_ASSERT_PTR_NULL(d);
	CU_ASSERT_EQUAL(memcmp(sum, begins, sizeof(begins)), 0);
	CU_ASSERT_FALSE(digest_end(&d, sum));
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{ "a message comes out as it came in", forms },
		{ "fields are left out, however the message is cut", fields },
		{ "SHA-256", sha256 },
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = { { "octets", NULL, NULL, NULL, NULL, tests },
		CU_SUITE_INFO_NULL };

	return tap_main(argc, argv, "move", suites);
}
