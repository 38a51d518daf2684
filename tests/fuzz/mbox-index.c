/* SPDX-License-Identifier: MIT */
/* Any octets as an index file: as they are, and once more with the head and the checksum
 * that they ought to have, so that what is behind is looked at. */
#include "hash.h"
#include "index.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void walk(struct index *x)
{
	uint64_t at = x->n ? x->v[0].offset : 0;

	for (size_t i = 0; i < x->n; i++) {
		const struct record *r = &x->v[i];
		char uid[UID_MAX];
		size_t n = index_uid(x, r, uid);

		if (r->offset != at || (uint64_t)r->from + r->tail > r->length ||
			n < (r->flags & RECORD_KEPT ? 1 : 32) || n >= UID_MAX)
			abort();
		for (size_t k = 0; k < n; k++)
			if (uid[k] < 0x21 || uid[k] > 0x7e)
				abort();
		at += r->length;
	}
	if (!index_number(x))
		abort();
}

static void parse(const uint8_t *data, size_t size)
{
	struct index x;

	if (index_parse(&x, data, size))
		walk(&x);
	index_free(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct index none = { 0 };
	size_t head, records = size / sizeof(struct record);
	unsigned char *packed;

	parse(data, size);
	/* The octets as records, and as names, behind a right head. */
	if (records) {
		struct index x = { .n = records, .v = malloc(records * sizeof(struct record)) };

		memcpy(x.v, data, records * sizeof(struct record));
		x.names = malloc(size);
		memcpy(x.names, data, size);
		x.names_len = size;
		x.covered = x.v[records - 1].offset + x.v[records - 1].length;
		packed = index_pack(&x, &head);
		parse(packed, head);
		free(packed);
		index_free(&x);
	}
	packed = index_pack(&none, &head);
	parse(packed, head);
	free(packed);
	return 0;
}
