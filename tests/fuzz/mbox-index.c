/* SPDX-License-Identifier: MIT */
/* Any octets as an index file: as they are, and once more with the head and the checksums
 * that they ought to have, so that what is behind is looked at. */
#include "hash.h"
#include "kept.h"

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

static bool walk_rows(const struct kept *k, const struct index *x)
{
	struct kept_walk w;
	size_t n = 1;
	bool ok = kept_walk_begin(&w, k, x);

	while (ok && n)
		ok = kept_walk_next(&w, &n);
	if (!ok && w.next == k->n && k->n > 0)
		abort();
	kept_walk_end(&w);
	return ok;
}

/* What a login reads, and what a session reads later, of a file that holds. */
static void read_parts(const struct kept *k, const struct index *x)
{
	struct message *v = malloc(k->n * sizeof(*v) + 1);

	if (!v || !walk_rows(k, x) || !kept_messages(k, v) || !kept_alike(k, x))
		abort();
	for (size_t i = 0; i < k->n; i++) {
		struct message m = message_of(&x->v[i], true);

		if (memcmp(&m, &v[i], sizeof(m)) != 0)
			abort();
	}
	free(v);
}

/* The octets as a file. Those of an index that is known are written behind a right head. */
static void read_back(const uint8_t *data, size_t size, const struct index *known)
{
	int fd = memfd_create("index", MFD_CLOEXEC);
	struct kept k;
	struct index x;

	if (fd < 0 ||
		(known ? kept_write(known, fd) != 0 : write(fd, data, size) != (ssize_t)size))
		abort();
	if (kept_open_fd(&k, &x, fd)) {
		struct message *v = malloc(k.n * sizeof(*v) + 1);

		(void)walk_rows(&k, &x);
		(void)kept_messages(&k, v);
		free(v);
		if (kept_load(&k, &x)) {
			read_parts(&k, &x);
			walk(&x);
		}
	}
	index_free(&x);
	kept_close(&k);
}

/* In the order of their records, or none. */
static void name_in_order(struct index *x)
{
	uint32_t at = 0;

	for (size_t i = 0; i < x->n; i++) {
		bool named = x->v[i].name % 2 && at < x->names_len;

		x->v[i].name = named ? kept_name(x, &at) : 0;
	}
	x->names_len = at;
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
		x.names = malloc(size + 1);
		memcpy(x.names, data, size);
		x.names[size] = 0;
		x.names_len = size;
		name_in_order(&x);
		x.covered = x.v[records - 1].offset + x.v[records - 1].length;
		read_back(NULL, 0, &x);
		index_free(&x);
	}
	read_back(NULL, 0, &none);
	return 0;
}
