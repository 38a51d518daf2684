/* SPDX-License-Identifier: MIT */
/*
 * A journal that is damaged: a real one, interrupted half-way, with the input's octets laid
 * over it. It is replayed, or set aside; a mailbox of another state is never half changed by
 * one that does not hold.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { SIZE = 3000 };

static void fill(int fd)
{
	unsigned char text[SIZE];

	for (unsigned i = 0; i < SIZE; i++)
		text[i] = (unsigned char)('a' + i / 100);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, SIZE, 0) != SIZE)
		abort();
}

/* The journal of the first chunk, which is kept by another name when the work is done. */
struct keeping {
	const char *journal, *kept;
};

static void keep(void *arg)
{
	const struct keeping *k = arg;

	unlink(k->kept);
	if (link(k->journal, k->kept) != 0)
		abort();
}

static void damage(const char *path, const uint8_t *data, size_t size)
{
	size_t at = size > 2 ? (data[0] | (size_t)data[1] << 8) % 4096 : 0;
	int fd = open(path, O_RDWR);

	if (fd < 0)
		abort();
	if (size > 2 && pwrite(fd, data + 2, size - 2, (off_t)at) != (ssize_t)size - 2)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct range gone[] = { { 100, 50 }, { 400, 77 }, { 2000, 300 } };
	char dir[64], box[80], journal[80], kept[80], aside[96];
	struct keeping keeping = { journal, kept };
	struct journal_how how = {
		.path = journal, .mailbox = box, .tick = keep, .arg = &keeping
	};
	bool started;
	struct stat st;
	int fd, error;

	/* Where syncing costs nothing, if there is such a place. */
	snprintf(dir, sizeof(dir), "%s/popart-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(dir))
		abort();
	snprintf(box, sizeof(box), "%s/box", dir);
	snprintf(journal, sizeof(journal), "%s/journal", dir);
	snprintf(kept, sizeof(kept), "%s/kept", dir);
	snprintf(aside, sizeof(aside), "%s.x", journal);
	fd = open(box, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		abort();
	fill(fd);
	if (journal_remove(&how, fd, gone, 3, &started) != 0 || !started)
		abort();
	fill(fd);
	if (rename(kept, journal) != 0)
		abort();
	damage(journal, data, size);
	how.tick = NULL;
	error = journal_replay(&how, fd, "x");
	if (fstat(fd, &st) != 0 || (error && error != ESTALE && error != ENODATA) ||
		(error == ESTALE && st.st_size != SIZE) ||
		(!error && access(journal, F_OK) == 0))
		abort();
	close(fd);
	unlink(box);
	unlink(journal);
	unlink(aside);
	unlink(kept);
	if (rmdir(dir) != 0)
		abort();
	return 0;
}
