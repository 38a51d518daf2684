/* SPDX-License-Identifier: MIT */
/*
 * Any octets as a mailbox, in each format: the records cover it, and what the reader shows
 * of each message has the hash and the size that the scanner found in its one pass.
 */
#include "hash.h"
#include "scan.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct shown {
	struct hash hash;
	uint64_t wire;
	unsigned char last;
};

static void add(struct shown *s, const unsigned char *p, size_t n)
{
	hash_add(&s->hash, p, n);
	for (size_t i = 0; i < n; i++) {
		s->wire += p[i] == '\n' && s->last != '\r' ? 2 : 1;
		s->last = p[i];
	}
}

/* The room is odd, so that lines fall apart at other places than in the scanner. */
static void check_message(int fd, enum format format, const struct record *r, size_t room)
{
	struct message m = { .offset = r->offset,
		.hash = r->hash,
		.length_low = (uint32_t)r->length,
		.bits = r->tail,
		.from = r->from };
	unsigned char *buf = malloc(room);
	struct shown s = { .last = 0 };
	struct reader reader;
	struct window w;
	size_t got = 0;

	hash_begin(&s.hash);
	reader_begin(&reader, fd, format, &m);
	do {
		if (reader_next(&reader, buf, room, &got) != 0)
			abort();
		add(&s, buf, got);
	} while (got);
	if (s.wire && s.last != '\n')
		s.wire += 2;
	if (hash_end(&s.hash) != r->hash || s.wire != r->wire || window_begin(&w, fd) != 0 ||
		reader_check(&w, format, &m) != 0)
		abort();
	window_end(&w);
	free(buf);
}

static void check(int fd, enum format format, size_t size)
{
	struct index x = { .format = format, .covered = size };

	if (scan_run(fd, format, 0, size, &x, NULL, NULL) == 0) {
		for (size_t i = 0; i < x.n; i++)
			check_message(fd, format, &x.v[i], READER_LEAST + i % 41);
		/* What the scanner makes the index takes. */
		int file = memfd_create("index", MFD_CLOEXEC);
		struct kept k;

		if (!index_number(&x) || file < 0 || kept_write(&x, file) != 0)
			abort();
		index_free(&x);
		if (!kept_open_fd(&k, &x, file) || !kept_load(&k, &x))
			abort();
		kept_close(&k);
	}
	index_free(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("mailbox", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	for (int format = FORMAT_MBOXRD; format <= FORMAT_MBOXCL2; format++)
		check(fd, (enum format)format, size);
	close(fd);
	return 0;
}
