/* SPDX-License-Identifier: MIT */
#ifndef SECRETS_OCTETS_H
#define SECRETS_OCTETS_H
/* Views, and octets written as text. */
#include <popart/module.h>
#include <stdbool.h>

#define LITERAL_INIT(s)                          \
	{                                        \
		.ptr = (s), .len = sizeof(s) - 1 \
	}
#define LITERAL(s) ((struct popart_str)LITERAL_INIT(s))

enum coding { CODING_NONE, CODING_BASE64, CODING_HEX };

bool octets_equal(struct popart_str, struct popart_str);
bool octets_begin(struct popart_str, struct popart_str with);
/* In ASCII, whatever the case. */
bool octets_equal_nocase(struct popart_str, struct popart_str);
/* In time that depends on the length of what was given alone, never on what is kept. */
bool octets_same_secret(struct popart_str given, struct popart_str kept);
/* Cuts what is before the mark off *rest, and the mark. Without a mark that is all. */
struct popart_str octets_cut(struct popart_str *rest, char mark);
/* Digits alone, at most max. */
bool octets_number(struct popart_str, uint32_t max, uint32_t *);
/* At most cap octets into out. Base64 (RFC 4648) with or without padding. False: it is
 * not of that form, or longer. */
bool octets_decode(enum coding, struct popart_str, unsigned char *out, size_t cap, size_t *n);

#endif
