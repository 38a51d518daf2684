/* SPDX-License-Identifier: MIT */
/* Base64 and PLAIN. Holds: what decodes is the only text that decodes to this, and the
 * parts of PLAIN put together again are the message. */
#include "pop3/sasl.h"

#include <stdint.h>
#include <stdlib.h>

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const char *in, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < len ? (unsigned char)in[i + k] : 0u);
		for (size_t k = 0; k < 4; k++)
			*out++ = i + k <= len ? digits[bits >> (18 - 6 * k) & 63] : '=';
	}
}

static void check_plain(struct popart_str message)
{
	struct sasl_plain p;

	if (!sasl_plain_parse(message, &p))
		return;
	REQUIRE(p.act_as.len + p.user.len + p.password.len + 2 == message.len);
	REQUIRE(p.act_as.ptr == message.ptr);
	REQUIRE(p.user.ptr == message.ptr + p.act_as.len + 1);
	REQUIRE(p.password.ptr == p.user.ptr + p.user.len + 1);
	REQUIRE(!view_has(p.user, '\0') && !view_has(p.act_as, '\0'));
	REQUIRE(!view_has(p.password, '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct popart_str text = view_of(data, size);
	char *out = malloc(size / 4 * 3 + 1), *again = malloc(size + 4);
	size_t len;

	REQUIRE(out && again);
	if (base64_decode(text, out, &len)) {
		REQUIRE(len <= size / 4 * 3);
		encode(out, len, again);
		REQUIRE(size == 0 || memcmp(again, data, size) == 0);
		check_plain(view_of(out, len));
	}
	check_plain(text);
	free(out);
	free(again);
	return 0;
}
