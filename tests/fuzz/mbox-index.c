/* SPDX-License-Identifier: MIT */
/* Any octets as an index file: as they are, and once more with the head and the checksum
 * that they ought to have, so that what is behind is looked at. */
#include "hash.h"
#include "index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* The octets as a file. Those of an index that is known are written behind a right head. */
static void read_back(const uint8_t *data, size_t size, const struct index *known)
{
	int fd = memfd_create("index", MFD_CLOEXEC);
	struct index x;

	if (fd < 0 ||
		(known ? index_write(known, fd) != 0 : write(fd, data, size) != (ssize_t)size))
		abort();
	if (index_read(&x, fd))
		walk(&x);
	index_free(&x);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct index none = { 0 };
	size_t records = size / sizeof(struct record);

	read_back(data, size, NULL);
	/* The octets as records, and as names. */
	if (records) {
		struct index x = { .n = records, .v = malloc(records * sizeof(struct record)) };

		memcpy(x.v, data, records * sizeof(struct record));
		x.names = malloc(size);
		memcpy(x.names, data, size);
		x.names_len = size;
		x.covered = x.v[records - 1].offset + x.v[records - 1].length;
		read_back(NULL, 0, &x);
		index_free(&x);
	}
	read_back(NULL, 0, &none);
	return 0;
}
