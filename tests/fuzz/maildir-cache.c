/* SPDX-License-Identifier: MIT */
/*
 * Any octets as a cache file of the maildir store: as they are, and once more with the
 * head and the checksum that they ought to have, so that what is behind is looked at.
 */
#include "cache.h"
#include "name.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_END (UINT64_C(1) << 40) /* no larger size is listed */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void walk(const struct image *im)
{
	const struct record *r;
	size_t pos = 0, n = 0;

	while ((r = image_next(im, &pos)) != NULL) {
		struct name name;
		char key[NAME_LEN], uid[UID_LEN], out[NAME_LEN + 1];
		size_t key_len, uid_len;

		if (strlen(record_name(r)) != r->name_len ||
			memchr(record_name(r), '/', r->name_len))
			abort();
		name_parse(&name, (struct popart_str){ record_name(r), r->name_len }, n % 2);
		key_len = name_key(&name, key);
		uid_len = name_uid(key, key_len, uid);
		if (uid_len < 1 || uid_len > UID_LEN)
			abort();
		for (size_t i = 0; i < uid_len; i++)
			if (uid[i] < 0x21 || uid[i] > 0x7e)
				abort();
		/* A right size never changes the key. */
		if (n % 2 == 0 && r->wire < WIRE_END && name_with_wire(&name, r->wire, out)) {
			char again[NAME_LEN];

			name_parse(&name, (struct popart_str){ out, strlen(out) }, false);
			if (name.wire != r->wire)
				abort();
			if (name_key(&name, again) != key_len ||
				memcmp(key, again, key_len) != 0)
				abort();
		}
		name_print(record_name(r), out);
		n++;
	}
	if (n != image_head(im)->count)
		abort();
}

static void adopt(const uint8_t *data, size_t size, bool seal)
{
	struct image im;
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	if (seal) {
		struct image whole = { .data = copy, .len = size, .cap = size };

		image_seal(&whole);
	}
	if (image_adopt(&im, copy, size)) {
		walk(&im);
		image_free(&im);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	adopt(data, size, false);
	if (size >= sizeof(struct image_head))
		adopt(data, size, true);
	return 0;
}
