/* SPDX-License-Identifier: MIT */
/* The cache file: what it saves, when it holds, and that no damage to it matters. */
#include "unit/maildir/tests.h"
#include "cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <unistd.h>

static void fill(struct box *b, int n)
{
	for (int i = 0; i < n; i++) {
		char name[64], text[64];
		int len =
			snprintf(text, sizeof(text), "Subject: %d\n\n.\n%*s\n", i, i % 7, "x");

		snprintf(name, sizeof(name), i % 2 ? "new/%d.m" : "cur/%d.m:2,S",
			1700000000 + i);
		box_put(b, name, text, (size_t)len);
	}
}

/* Every message as fill() made it. */
static bool all_there(struct box *b, int n)
{
	if (b->list.n != (size_t)n)
		return false;
	for (int i = 0; i < n; i++) {
		char text[64];
		int len =
			snprintf(text, sizeof(text), "Subject: %d\n\n.\n%*s\n", i, i % 7, "x");

		if (box_get(b, &b->list.v[i], text, (size_t)len) != POPART_OK)
			return false;
	}
	return true;
}

static void scanned_once(void)
{
	struct box b;

	box_make(&b, NULL);
	fill(&b, 40);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b, 40));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 40);
	box_age(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK); /* writes a listing that will stand */
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "listings-cached"), 0);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "listings-cached"), 1);
	CU_ASSERT_TRUE(all_there(&b, 40));
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "1700000001.m");
	CU_ASSERT_EQUAL(b.list.v[0].flags, POPART_MSG_SEEN);
	CU_ASSERT_EQUAL(b.list.v[1].flags, 0);
	box_put(&b, "new/1700000040.m", TEXT("Subject: 40\n\n.\n    x\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b, 41));
	box_remove(&b, "new/1700000040.m");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b, 40));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 41);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "listings-cached"), 1);
	box_free(&b);
}

/* A listing made while the directory was still fresh is not to be trusted. */
static void fresh_listing_is_not_kept(void)
{
	struct box b;

	box_make(&b, NULL);
	fill(&b, 40);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "listings-cached"), 0);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 40);
	box_free(&b);
}

/* However small: once the directories have come to rest, one login notes their listing,
 * and later ones read none. */
static void small_ones_rest(void)
{
	for (int n = 0; n <= 5; n += 5) {
		struct box b;

		box_make(&b, NULL);
		fill(&b, n);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		box_age(&b);
		for (unsigned i = 0; i < 4; i++) {
			CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
			CU_ASSERT_TRUE(all_there(&b, n));
		}
		CU_ASSERT_EQUAL(mockhost_stat(b.host, "listings-read"), 2);
		CU_ASSERT_EQUAL(mockhost_stat(b.host, "listings-cached"), 3);
		CU_ASSERT_EQUAL(mockhost_stat(b.host, "cache-writes"), n ? 2 : 1);
		box_free(&b);
	}
}

static unsigned char *slurp(struct box *b, size_t *n)
{
	char path[512];
	struct stat st;
	unsigned char *data;
	int fd;

	box_path(b, "popart.cache", path);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		return NULL;
	*n = (size_t)st.st_size;
	data = malloc(*n);
	if (!data || read(fd, data, *n) != (ssize_t)*n)
		abort();
	close(fd);
	return data;
}

static bool accepted(const unsigned char *data, size_t n)
{
	struct image im;
	int fd = memfd_create("cache", MFD_CLOEXEC);
	bool ok;

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	ok = cache_read(&im, fd, NULL);
	close(fd);
	image_free(&im);
	return ok;
}

/* Nothing but the file as it was written is taken for one. */
static void damage(void)
{
	struct box b;
	size_t n = 0, wrong = 0;

	box_make(&b, NULL);
	fill(&b, 5);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);

	unsigned char *data = slurp(&b, &n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	CU_ASSERT_TRUE(accepted(data, n));
	for (size_t len = 0; len < n; len++)
		wrong += accepted(data, len);
	for (size_t bit = 0; bit < n * 8; bit++) {
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		wrong += accepted(data, n);
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(data);
	box_free(&b);
}

/* Whatever the file is, people read their mail, and next time there is a good one. */
static void damaged_file_is_replaced(void)
{
	struct box b;
	size_t n = 0;

	box_make(&b, NULL);
	fill(&b, 5);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);

	unsigned char *data = slurp(&b, &n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	for (unsigned round = 0; round < 4; round++) {
		size_t again;

		data[n - 20] ^= 1;
		if (round == 0)
			box_put(&b, "popart.cache", data, n);
		else if (round == 1)
			box_put(&b, "popart.cache", data, n / 2);
		else if (round == 2)
			box_put(&b, "popart.cache", "", 0);
		else
			box_put(&b, "popart.cache.new", TEXT("left behind"));
		if (round == 3)
			box_remove(&b, "popart.cache");
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(all_there(&b, 5));

		unsigned char *fresh = slurp(&b, &again);

		CU_ASSERT_PTR_NOT_NULL_FATAL(fresh);
		CU_ASSERT_TRUE(accepted(fresh, again));
		CU_ASSERT_FALSE(box_has(&b, "popart.cache.new"));
		free(fresh);
	}
	free(data);
	box_free(&b);
}

/* Written as the store writes it, the names as they are. */
static bool written_is_accepted(struct image *im)
{
	struct image again;
	int fd = memfd_create("cache", MFD_CLOEXEC);
	bool ok;

	CU_ASSERT_FATAL(fd >= 0 && cache_write(im, fd, -1));
	ok = cache_read(&again, fd, NULL);
	close(fd);
	image_free(&again);
	return ok;
}

/* The sum is right, but what it says is not: by hand, or by another program. */
static void forged(void)
{
	static const struct {
		struct record r;
		const char *name;
		size_t len;
	} bad[] = {
		{ { .file.stored = 5, .wire = 5 }, "../x", 4 },
		{ { .file.stored = 5, .wire = 5 }, ".x", 2 },
		{ { .file.stored = 5, .wire = 5 }, "a\0b", 3 },
		{ { .file.stored = 5, .wire = 4 }, "a", 1 },
		{ { .file.stored = 5, .wire = 13 }, "a", 1 },
		{ { .file.stored = 5, .wire = 5, .body = 6 }, "a", 1 },
		{ { .file.stored = 5, .wire = 5, .bits = MESSAGE_HERE }, "a", 1 },
		{ { .wire = 5, .bits = MESSAGE_HINT | 1 }, "a", 1 },
		{ { .wire = 5, .body = 1, .bits = MESSAGE_HINT }, "a", 1 },
	};
	struct record good = { .file.stored = 5, .wire = 6 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct image im;

		CU_ASSERT_TRUE_FATAL(image_begin(&im, 2));
		CU_ASSERT_TRUE(image_add(&im, &good, "a", 1));
		CU_ASSERT_TRUE(written_is_accepted(&im));
		CU_ASSERT_TRUE(image_add(&im, &bad[i].r, bad[i].name, bad[i].len));
		CU_ASSERT_FALSE(written_is_accepted(&im));
		image_free(&im);
	}
}

/* More than is read at once, cut where each part of it begins and ends; what is unchanged
 * does without the details, unless they are needed for the list. */
static void large(void)
{
	enum { COUNT = 2000 };
	static const struct stamp now[2] = { { 1, 2, 3 }, { 4, 5, 6 } };
	static char names[COUNT][32];
	struct record r = { .file.stored = 5, .wire = 6 };
	struct image im, again;
	int fd = memfd_create("cache", MFD_CLOEXEC);

	CU_ASSERT_TRUE_FATAL(fd >= 0 && image_begin(&im, COUNT));
	for (size_t i = 0; i < COUNT; i++) {
		size_t len = (size_t)snprintf(names[i], sizeof(names[i]), "%zu.x", i * 7);

		r.file.ino = i;
		CU_ASSERT_TRUE(image_add(&im, &r, names[i], len));
	}
	image_end(&im);
	im.head.flags = IMAGE_LISTING;
	im.head.listed_ns = INT64_C(10) * 1000000000;
	memcpy(im.head.dirs, now, sizeof(now));
	for (unsigned round = 0; round < 2; round++) {
		struct names_walk w;

		CU_ASSERT_FATAL(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
		CU_ASSERT_TRUE(cache_write(&im, fd, -1));
		CU_ASSERT_TRUE_FATAL(cache_read(&again, fd, now));
		CU_ASSERT_EQUAL(again.details != NULL, round == 1);
		CU_ASSERT_EQUAL(memcmp(again.v, im.v, COUNT * sizeof(*im.v)), 0);
		names_walk(&w, &again.names);
		for (size_t i = 0; names_next(&w); i++)
			CU_ASSERT_STRING_EQUAL(w.name, names[i]);
		image_free(&again);
		CU_ASSERT_TRUE_FATAL(cache_read(&again, fd, NULL));
		CU_ASSERT_EQUAL(image_record(&again, COUNT - 1).file.ino, COUNT - 1);
		image_free(&again);
		im.head.flags |= IMAGE_DETAILED;
	}
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
	CU_ASSERT_FALSE(cache_read(&again, fd, NULL));
	for (size_t len = 0; len < 90000; len += 977) {
		CU_ASSERT_FATAL(cache_write(&im, fd, -1) && ftruncate(fd, (off_t)len) == 0);
		CU_ASSERT_FALSE(cache_read(&again, fd, now));
		CU_ASSERT_EQUAL_FATAL(lseek(fd, 0, SEEK_SET), 0);
	}
	close(fd);
	image_free(&im);
}

/* Of a version before this one, or of another machine: built anew. */
static void of_another_make(void)
{
	struct box b;
	size_t n = 0,
	       at[] = { 0, offsetof(struct image_head, order),
		       offsetof(struct image_head, version) };

	box_make(&b, NULL);
	fill(&b, 5);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		unsigned char *data;

		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		data = slurp(&b, &n);
		CU_ASSERT_PTR_NOT_NULL_FATAL(data);
		data[at[i]]--;
		box_put(&b, "popart.cache", data, n);
		CU_ASSERT_FALSE(accepted(data, n));
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(all_there(&b, 5));
		free(data);
	}
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 20);
	CU_ASSERT_EQUAL(mockhost_log_lines(b.host), 0);
	box_free(&b);
}

/* Edited in place: never sent under the size that was listed, right at the next login. */
static void edited(void)
{
	struct box b;

	box_make(&b, NULL);
	fill(&b, 3);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_put(&b, "new/1700000001.m", TEXT("longer than it was before\n"));
	box_put(&b, "cur/1700000002.m:2,S", TEXT("Subject: 3\n\n.\n x\n")); /* as long */
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], "", 0), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[1], "", 0), POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], TEXT("Subject: 3\n\n.\n x\n")), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-changed"), 3);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 27);
	CU_ASSERT_EQUAL(
		box_get(&b, &b.list.v[1], TEXT("longer than it was before\n")), POPART_OK);
	CU_ASSERT_EQUAL(box_get(&b, &b.list.v[2], TEXT("Subject: 3\n\n.\n x\n")), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-changed"), 3);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 3);
	box_free(&b);
}

/* Another file under a known name: its size is its own. */
static void replaced(void)
{
	static const char *const plain[] = { "layout=plain", NULL };
	struct box b;

	box_make(&b, NULL);
	fill(&b, 3);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_put(&b, "tmp/x", TEXT("longer than it was before\n"));
	box_rename(&b, "tmp/x", "new/1700000001.m");
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, 3);
	CU_ASSERT_EQUAL(b.list.v[1].wire_size, 27);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 4);
	box_restart(&b, plain);
	box_put(&b, "a.eml", TEXT("x\n"));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.v[0].wire_size, 3);
	box_put(&b, "a.eml", TEXT("longer\n")); /* the same file */
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.v[0].wire_size, 8);
	box_free(&b);
}

static void without_a_cache(void)
{
	static const char *const options[] = { "cache=false", NULL };
	struct box b;

	box_make(&b, options);
	fill(&b, 4);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(all_there(&b, 4));
	}
	CU_ASSERT_FALSE(box_has(&b, "popart.cache"));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "messages-scanned"), 8);
	box_free(&b);
}

/* No write access to the Maildir's own directory: reading and deleting go on. */
static void cannot_write(void)
{
	struct box b;
	char path[512];
	size_t removed;

	box_make(&b, NULL);
	fill(&b, 4);
	box_path(&b, "popart.cache.new", path);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0); /* stops even root */
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b, 4));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "cache-failures"), 1);
	CU_ASSERT_EQUAL(mockhost_log_lines(b.host), 1);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 3 }, 2, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 2);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_entries(&b, "new") + box_entries(&b, "cur"), 2);
	box_free(&b);
}

/* As root, with a file system of 256 KiB that is full to the last block. */
static void full_disk(void)
{
	static unsigned char zeros[4096];
	struct box b;
	char path[512];
	size_t removed;
	int fd, status;

	box_make(&b, NULL);
	if (mount("popart-test", b.root, "tmpfs", 0, "size=256k") != 0) {
		printf("# full disk: skipped, mounting needs more privilege\n");
		box_free(&b);
		return;
	}
	static const char *const parts[] = { "new", "cur", "tmp" };

	for (size_t i = 0; i < 3; i++) {
		box_path(&b, parts[i], path);
		CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	}
	fill(&b, 6);
	box_path(&b, "filler", path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(all_there(&b, 6));
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "cache-failures"), 1);
	CU_ASSERT_FALSE(box_has(&b, "popart.cache"));
	CU_ASSERT_FALSE(box_has(&b, "popart.cache.new"));
	status = box_deliver(&b,
		&(struct popart_delivery){ .size = sizeof(struct popart_delivery) },
		TEXT("x\n"), 9);
	CU_ASSERT_EQUAL(status, POPART_R_TEMP);
	CU_ASSERT_EQUAL(box_entries(&b, "tmp"), 0);
	CU_ASSERT_EQUAL(
		box_commit(&b, (uint64_t[]){ 0, 1, 2, 3, 4, 5 }, 6, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 6);
	box_logout(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, 0);
	box_logout(&b);
	umount2(b.root, MNT_DETACH);
	box_free(&b);
}

CU_TestInfo cache_tests[] = { { "each message is read once", scanned_once },
	{ "a fresh listing is not kept", fresh_listing_is_not_kept },
	{ "small Maildirs are left in peace", small_ones_rest },
	{ "truncation and bit flips", damage },
	{ "a damaged file is replaced", damaged_file_is_replaced }, { "a forged file", forged },
	{ "a large one", large }, { "of another version or machine", of_another_make },
	{ "a message edited in place", edited }, { "a message replaced", replaced },
	{ "cache = false", without_a_cache },
	{ "a cache that cannot be written", cannot_write }, { "a full disk", full_disk },
	CU_TEST_INFO_NULL };
