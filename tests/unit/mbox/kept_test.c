/* SPDX-License-Identifier: MIT */
/* The file of the index: what is read of it when, and one of an older layout. */
#include "unit/mbox/tests.h"

#include <dirent.h>
#include <limits.h>
#include "hash.h"
#include "kept.h"

enum { COUNT = 8 }; /* more than two pieces */

#define BROUGHT "From uidl=brought%d Thu Jan  1 00:00:00 2026\n"

static const char *shown(char room[100], int number)
{
	snprintf(room, 100, "Message-ID: <%d>\n\nbody of %d\n", number, number * number);
	return room;
}

/* Some bring a unique-id, and the last two are equal. */
static size_t stored(char *to, int number)
{
	char from[60], text[100];

	snprintf(from, sizeof(from), number % 3 == 1 ? BROUGHT : FROM, number);
	return (size_t)sprintf(
		to, "%s%s\n", from, shown(text, number == COUNT - 1 ? number - 1 : number));
}

static void furnish(struct box *b)
{
	char text[COUNT * 200];
	size_t n = 0;

	for (int i = 0; i < COUNT; i++)
		n += stored(text + n, i);
	box_make(b, NULL);
	box_put(b, text, n);
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b->host, "read-nothing"), 1);
}

static int get(struct box *b, int number)
{
	char text[100];

	shown(text, number == COUNT - 1 ? number - 1 : number);
	return box_get(b, (size_t)number, text, strlen(text));
}

/* Descriptors that are the index, also when it has no name any more. */
static int descriptors(const struct box *b)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	scratch_must(dir != NULL, "/proc/self/fd");
	while ((e = readdir(dir))) {
		char path[300], target[PATH_MAX];
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = 0;
		n += strncmp(target, b->index, strlen(b->index)) == 0;
	}
	closedir(dir);
	return n;
}

/* Where the parts of the file begin: a head and three sums are before them. */
enum { LISTED = 120 + 3 * 8, MESSAGES = LISTED + COUNT * sizeof(struct listed) };

static void spoil(struct box *b, size_t at)
{
	size_t n;
	char *text = file_text(b->index, &n);
	FILE *f = fopen(b->index, "r+b");

	CU_ASSERT_FATAL(text && f && n > MESSAGES + COUNT * sizeof(struct message));
	text[at] ^= 4;
	fwrite(text, 1, n, f);
	fclose(f);
	free(text);
}

/* In the part that a login does not read. */
static void spoil_messages(struct box *b)
{
	spoil(b, MESSAGES + 3 * sizeof(struct message) + 9);
}

static void open_until_needed(void)
{
	struct box b;
	size_t removed;

	furnish(&b);
	CU_ASSERT_EQUAL(descriptors(&b), 1);
	CU_ASSERT_EQUAL(get(&b, 5), POPART_OK);
	CU_ASSERT_EQUAL(descriptors(&b), 0);
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(descriptors(&b), 1);
	box_logout(&b);
	CU_ASSERT_EQUAL(descriptors(&b), 0);

	/* Without one that was asked for. */
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 1, 2 }, 3, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 3);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, COUNT - 3);
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "brought4");
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "read-all"), 1);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), 0);
	box_free(&b);
}

/* Nobody changes the file that a session has open: others come in its place. */
static void replaced(void)
{
	char text[200];
	struct box b;

	furnish(&b);
	unlink(b.index);
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	box_append(&b, text, stored(text, 20));
	CU_ASSERT_EQUAL(get(&b, 3), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), 0);
	box_free(&b);
}

static void spoilt(void)
{
	char text[200];
	struct box b;
	size_t removed;

	furnish(&b);
	spoil_messages(&b);
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "read-nothing"), 2);

	/* More has come: it is not this session's. */
	CU_ASSERT_EQUAL(truncate(b.index, 0), 0);
	box_append(&b, text, stored(text, 20));
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), 2);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, COUNT + 1);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "read-nothing"), 3);

	spoil_messages(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 4 }, 1, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 1);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b.list.n, COUNT);
	CU_ASSERT_STRING_EQUAL(b.list.v[1].uid, "brought1");
	box_free(&b);
}

/* What a login has told of already is not told again, whichever piece does not hold. */
static void spoilt_at_login(void)
{
	static const size_t places[] = { 0, LISTED - 1, LISTED + 5,
		LISTED + 3 * sizeof(struct listed), MESSAGES - 1,
		MESSAGES + COUNT * sizeof(struct message) + 2 };

	for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
		char uids[COUNT][80];
		struct box b;

		furnish(&b);
		for (size_t i = 0; i < COUNT; i++)
			snprintf(uids[i], sizeof(uids[i]), "%s", b.list.v[i].uid);
		spoil(&b, places[k]);
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, COUNT);
		CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), k > 0);
		for (int i = 0; i < COUNT; i++) {
			CU_ASSERT_STRING_EQUAL(b.list.v[i].uid, uids[i]);
			CU_ASSERT_EQUAL(b.list.v[i].ref, i);
			CU_ASSERT_EQUAL(get(&b, i), POPART_OK);
		}
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(mockhost_stat(b.host, "found-again"), k > 0);
		CU_ASSERT_EQUAL(b.list.n, COUNT);
		box_free(&b);
	}
}

/* Which message is which nobody knows then, and so none is sent, and none removed. */
static void spoilt_and_changed(void)
{
	char text[COUNT * 200];
	size_t n = 0, removed = 9;
	struct box b;

	furnish(&b);
	for (int i = 1; i < COUNT + 2; i++)
		n += stored(text + n, i);
	box_put(&b, text, n);
	spoil_messages(&b);
	CU_ASSERT_EQUAL(get(&b, 2), POPART_R_TEMP);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "cannot be found again"));
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 2, 3 }, 2, &removed), POPART_R_TEMP);
	CU_ASSERT_EQUAL(removed, 0);
	CU_ASSERT_TRUE(box_holds(&b, text, n));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(b.list.n, COUNT + 1);
	box_free(&b);
}

/* ---- the layout of version 2 ---- */

struct old_head {
	char magic[8];
	uint32_t order, version;
	uint64_t sum;
	uint64_t count, covered, head, tail;
	uint32_t format, names;
	struct stamp stamp;
};
struct old_record {
	uint64_t offset, length, wire, hash;
	int64_t received_s;
	unsigned char uid[16];
	uint32_t twin, name;
	uint16_t from;
	uint8_t tail, flags;
	uint32_t reserved;
};

static void write_old(const char *path, const struct index *x)
{
	struct old_head h = { .magic = "popartM",
		.order = 0x01020304,
		.version = 2,
		.count = x->n,
		.covered = x->covered,
		.head = x->head,
		.tail = x->tail,
		.format = x->format,
		.names = (uint32_t)x->names_len,
		.stamp = x->stamp };
	struct old_record v[COUNT];
	FILE *f = fopen(path, "wb");
	struct hash sum;

	_Static_assert(sizeof(h) == 96 && sizeof(v[0]) == 72, "as it was");
	CU_ASSERT_FATAL(f && x->n == COUNT);
	h.magic[7] = 'B';
	for (size_t i = 0; i < COUNT; i++) {
		const struct record *r = &x->v[i];

		v[i] = (struct old_record){ r->offset, r->length, r->wire, r->hash,
			r->received_s, { 0 }, r->twin, r->name, r->from, r->tail, r->flags, 0 };
		memcpy(v[i].uid, r->uid, sizeof(r->uid));
	}
	hash_begin(&sum);
	hash_add(&sum, &h.count, sizeof(h) - offsetof(struct old_head, count));
	hash_add(&sum, v, sizeof(v));
	hash_add(&sum, x->names, x->names_len);
	h.sum = hash_end(&sum);
	fwrite(&h, sizeof(h), 1, f);
	fwrite(v, sizeof(v), 1, f);
	fwrite(x->names, x->names_len, 1, f);
	fclose(f);
}

static void older(void)
{
	char uids[COUNT][80];
	struct index x;
	struct box b;

	furnish(&b);
	for (size_t i = 0; i < COUNT; i++)
		snprintf(uids[i], sizeof(uids[i]), "%s", b.list.v[i].uid);
	box_logout(&b);
	CU_ASSERT_TRUE_FATAL(kept_read(&x, b.index));
	CU_ASSERT_TRUE(x.names_len > 0);
	write_old(b.index, &x);
	index_free(&x);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL_FATAL(b.list.n, COUNT);
		for (size_t i = 0; i < COUNT; i++)
			CU_ASSERT_STRING_EQUAL(b.list.v[i].uid, uids[i]);
	}
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "read-all"), 2);
	CU_ASSERT_EQUAL(mockhost_stat(b.host, "read-nothing"), 2);
	box_free(&b);
}

CU_TestInfo kept_tests[] = { { "open until a message is asked for", open_until_needed },
	{ "another index in its place", replaced }, { "spoilt in a session", spoilt },
	{ "spoilt before a login", spoilt_at_login },
	{ "spoilt, and the mailbox is another", spoilt_and_changed },
	{ "an older layout", older }, CU_TEST_INFO_NULL };
