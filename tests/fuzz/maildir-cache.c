/* SPDX-License-Identifier: MIT */
/*
 * Any octets as a cache file of the maildir store: as they are, and once more with the
 * head and the checksum that they ought to have, so that what is behind is looked at.
 */
#include "cache.h"
#include "hash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void look_at(const struct names_walk *w, uint64_t wire, bool plain)
{
	struct name name;
	char key[NAME_LEN], uid[UID_LEN], out[NAME_LEN + 1];
	size_t key_len, uid_len;

	if (w->len < 1 || w->len > NAME_LEN || strlen(w->name) != w->len ||
		memchr(w->name, '/', w->len))
		abort();
	name_parse(&name, (struct popart_str){ w->name, w->len }, plain);
	key_len = name_key(&name, key);
	uid_len = name_uid(key, key_len, uid);
	if (uid_len < 1 || uid_len > UID_LEN)
		abort();
	for (size_t i = 0; i < uid_len; i++)
		if (uid[i] < 0x21 || uid[i] > 0x7e)
			abort();
	/* A right size never changes the key. */
	if (!plain && name_with_wire(&name, wire, out)) {
		char again[NAME_LEN];

		name_parse(&name, (struct popart_str){ out, strlen(out) }, false);
		if (name.wire != wire)
			abort();
		if (name_key(&name, again) != key_len || memcmp(key, again, key_len) != 0)
			abort();
	}
	name_print(w->name, out);
}

static void walk(const struct image *im)
{
	struct names_walk w;
	char room[NAME_LEN + 1];
	size_t n = 0;

	names_walk(&w, &im->names);
	for (; names_next(&w); n++) {
		const struct record r = image_record(im, n);

		if (r.bits & MESSAGE_HERE || r.wire > WIRE_MAX || im->v[n].renamed)
			abort();
		look_at(&w, r.wire, n % 2);
		if (n % 7 == 0 && strcmp(names_get(&im->names, n, room), w.name) != 0)
			abort();
	}
	if (n != im->head.count)
		abort();
}

/* The head and the sums that the file ought to have, if it is as long as its head says. */
static void seal(uint8_t *data, size_t size)
{
	struct image_head h;
	uint64_t starts, text, details, sum = 2;

	memcpy(&h, data, sizeof(h));
	memcpy(h.magic, "popartMD", 8);
	h.order = 0x01020304;
	h.version = 2;
	h.count %= 64;
	starts = sizeof(h) + h.count * sizeof(struct message);
	text = starts + names_runs((size_t)h.count) * sizeof(uint32_t);
	details = text + h.names_len;
	if (details + h.count * sizeof(struct detail) > size)
		return;
	sum = hash64(data + sizeof(h), (size_t)(starts - sizeof(h)), sum);
	sum = hash64(data + starts, (size_t)(text - starts), sum);
	sum = hash64(data + text, h.names_len, sum);
	h.details_sum =
		hash64(data + details, (size_t)h.count * sizeof(struct detail), h.version);
	h.sum = hash64((char *)&h + offsetof(struct image_head, details_sum),
		sizeof(h) - offsetof(struct image_head, details_sum), sum);
	memcpy(data, &h, sizeof(h));
}

static void read_back(const uint8_t *data, size_t size)
{
	struct image im;
	int fd = memfd_create("cache", MFD_CLOEXEC);

	if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
		abort();
	if (cache_read(&im, fd, NULL))
		walk(&im);
	image_free(&im);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	read_back(data, size);
	if (size < sizeof(struct image_head))
		return 0;
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	seal(copy, size);
	read_back(copy, size);
	free(copy);
	return 0;
}
