/* SPDX-License-Identifier: MIT */
#include "entry.h"
#include <string.h>

enum { UID_MAX = 70, NUMBER_OCTETS = 10 };

static char *put_number(char *out, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*out++ = (char)(number | 0x80);
	*out++ = (char)number;
	return out;
}

static bool get_number(struct popart_str *in, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < in->len && i < NUMBER_OCTETS; i++) {
		unsigned char octet = (unsigned char)in->ptr[i];

		*number |= (uint64_t)(octet & 0x7f) << (7 * i);
		if (octet & 0x80)
			continue;
		in->ptr += i + 1;
		in->len -= i + 1;
		return true;
	}
	return false;
}

size_t entry_put(char *out, const struct popart_msg *m, uint64_t before)
{
	char *at = put_number(out, m->ref - before);

	at = put_number(at, m->wire_size);
	at = put_number(at, (uint64_t)m->received_s);
	at = put_number(at, m->flags);
	at = put_number(at, m->uid.len);
	memcpy(at, m->uid.ptr, m->uid.len);
	return (size_t)(at - out) + m->uid.len;
}

bool entry_get(struct popart_str *in, uint64_t before, struct popart_msg *m)
{
	uint64_t step, size, received, flags, uid_len;

	if (!get_number(in, &step) || !get_number(in, &size) || !get_number(in, &received) ||
		!get_number(in, &flags) || !get_number(in, &uid_len))
		return false;
	if (step == 0 || step > (uint64_t)INT64_MAX - before || size > INT64_MAX ||
		flags & ~(uint64_t)POPART_MSG_SEEN || uid_len < 1 || uid_len > UID_MAX ||
		uid_len > in->len)
		return false;
	*m = (struct popart_msg){ .ref = before + step,
		.wire_size = size,
		.uid = { in->ptr, (size_t)uid_len },
		.received_s = (int64_t)received,
		.flags = (uint32_t)flags };
	in->ptr += uid_len;
	in->len -= (size_t)uid_len;
	return true;
}
