/* SPDX-License-Identifier: MIT */
#include "unit/mbox/tests.h"

#include <errno.h>

#define M(n) FROM "Message-ID: <" n ">\n\nbody " n "\n\n"

static void furnish(struct box *b)
{
	box_make(b, NULL);
	box_put(b, TEXT(M("1") M("2") M("3") M("4")));
	CU_ASSERT_EQUAL(box_login(b), POPART_OK);
	CU_ASSERT_EQUAL_FATAL(b->list.n, 4);
}

/* Every set of four. */
static void every_set(void)
{
	static const char *const all[4] = { M("1"), M("2"), M("3"), M("4") };

	for (unsigned set = 0; set < 16; set++) {
		uint64_t refs[4];
		char left[1000] = "";
		size_t n = 0, removed = 0;
		struct stat before, after;
		struct box b;

		furnish(&b);
		for (unsigned i = 4; i-- > 0;)
			if (set & 1u << i)
				refs[n++] = b.list.v[i].ref;
		for (unsigned i = 0; i < 4; i++)
			if (!(set & 1u << i))
				strcat(left, all[i]);
		CU_ASSERT_EQUAL(stat(b.path, &before), 0);
		CU_ASSERT_EQUAL(box_commit(&b, refs, n, &removed), POPART_OK);
		CU_ASSERT_EQUAL(removed, n);
		CU_ASSERT_TRUE(box_holds(&b, left, strlen(left)));
		CU_ASSERT_EQUAL(stat(b.path, &after), 0);
		CU_ASSERT_EQUAL(before.st_ino, after.st_ino); /* never another file */
		CU_ASSERT_FALSE(has_file(b.journal));
		box_free(&b);
	}
}

/* No room for a journal: nothing is touched. All of the end can go without one. */
static void full_disk(void)
{
	struct box b;
	size_t removed;
	unsigned n = 0;

	furnish(&b);
	for (bool done = false; !done && n < 100;) {
		int status;

		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		faults = (struct faults){ .full_at = ++n };
		status = box_commit(&b, (uint64_t[]){ 1 }, 1, &removed);
		faults = (struct faults){ 0 };
		done = status == POPART_OK;
		if (done || status == POPART_R_PARTIAL)
			break;
		CU_ASSERT_EQUAL(status, POPART_R_PERM);
		CU_ASSERT_PTR_NOT_NULL(strstr(b.call.client, "nothing was removed"));
		CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("2") M("3") M("4"))));
		CU_ASSERT_FALSE(has_file(b.journal));
	}
	CU_ASSERT_TRUE(n > 3);
	box_free(&b);
	furnish(&b);
	faults = (struct faults){ .full_at = 1 };
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 2, 3 }, 2, &removed), POPART_OK);
	faults = (struct faults){ 0 };
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("2"))));
	box_free(&b);
}

/* A file system that copies on write can be full in the middle. */
static void full_in_the_middle(void)
{
	bool done = false;
	unsigned interrupted = 0;

	for (unsigned n = 1; !done && n < 100; n++) {
		struct box b;
		size_t removed;
		int status;

		furnish(&b);
		faults = (struct faults){ .full_at = n };
		status = box_commit(&b, (uint64_t[]){ 0, 2 }, 2, &removed);
		faults = (struct faults){ 0 };
		done = status == POPART_OK;
		interrupted += status == POPART_R_PARTIAL;
		CU_ASSERT_TRUE(done || status == POPART_R_PERM || status == POPART_R_PARTIAL);
		box_append(&b, TEXT(M("5")));
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_TRUE(status == POPART_R_PERM
				? box_holds(&b, TEXT(M("1") M("2") M("3") M("4") M("5")))
				: box_holds(&b, TEXT(M("2") M("4") M("5"))));
		if (status == POPART_R_PARTIAL) {
			CU_ASSERT_EQUAL(mockhost_stat(b.host, "removals-finished"), 1);
			CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "is now finished"));
		}
		box_free(&b);
	}
	CU_ASSERT_TRUE(done);
	CU_ASSERT_TRUE(interrupted > 1);
}

/* The first login after that finds the disk still full, and says so until it is not. */
static void full_at_the_replay(void)
{
	struct box b;
	size_t removed;
	unsigned n = 0;
	int status;

	do {
		furnish(&b);
		faults = (struct faults){ .full_at = ++n };
		status = box_commit(&b, (uint64_t[]){ 0 }, 1, &removed);
		if (status != POPART_R_PARTIAL)
			box_free(&b);
	} while (status != POPART_R_PARTIAL && n < 100);
	CU_ASSERT_EQUAL_FATAL(status, POPART_R_PARTIAL);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_TEMP);
	faults = (struct faults){ 0 };
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("2") M("3") M("4"))));
	box_free(&b);
}

static void no_state_dir(void)
{
	struct box b;
	size_t removed;
	char path[300], moved[300];

	furnish(&b);
	snprintf(path, sizeof(path), "%s/state", b.dir);
	snprintf(moved, sizeof(moved), "%s/moved", b.dir);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(rename(path, moved), 0);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 1 }, 1, &removed), POPART_R_PERM);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("2") M("3") M("4"))));
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK); /* which makes it */
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 1 }, 1, &removed), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("3") M("4"))));
	box_free(&b);
}

static void hard_link(void)
{
	struct box b;
	size_t removed;
	char other[400];

	furnish(&b);
	snprintf(other, sizeof(other), "%s.other", b.path);
	CU_ASSERT_EQUAL(link(b.path, other), 0);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 1 }, 1, &removed), POPART_R_PERM);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("1") M("2") M("3") M("4"))));
	box_free(&b);
}

static void append_now(void *box, unsigned nth)
{
	static const char late[] = M("5");
	struct box *b = box;

	if (nth == faults.writes)
		box_append(b, TEXT(late));
}

/* Somebody who takes no lock appends between any two steps. */
static void appended_without_lock(void)
{
	for (unsigned n = 1; n < 30; n++) {
		struct box b;
		size_t removed;
		bool came;

		furnish(&b);
		faults = (struct faults){ .on_sync = append_now, .arg = &b, .writes = n };
		CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0, 2 }, 2, &removed), POPART_OK);
		came = faults.syncs >= n;
		faults = (struct faults){ 0 };
		CU_ASSERT_TRUE(came ? box_holds(&b, TEXT(M("2") M("4") M("5")))
				    : box_holds(&b, TEXT(M("2") M("4"))));
		box_free(&b);
	}
}

/* ---- journals that do not fit ---- */

static void interrupt(struct box *b)
{
	int status = POPART_OK;
	size_t removed;

	for (unsigned n = 8; status != POPART_R_PARTIAL && n < 100; n++) {
		if (n > 8)
			box_free(b);
		furnish(b);
		faults = (struct faults){ .full_at = n };
		status = box_commit(b, (uint64_t[]){ 0 }, 1, &removed);
		faults = (struct faults){ 0 };
	}
	CU_ASSERT_EQUAL_FATAL(status, POPART_R_PARTIAL);
	CU_ASSERT_TRUE(has_file(b->journal));
}

/* Another program has rewritten the mailbox after the crash: it stays what that made of it. */
static void set_aside(void)
{
	static const char other[] = M("7") M("8") M("9") M("10") M("11") M("12");
	char moved[400];
	struct box b;

	for (int how = 0; how < 3; how++) {
		interrupt(&b);
		snprintf(moved, sizeof(moved), "%s.old", b.path);
		if (how == 0) {
			box_put(&b, TEXT(other));
		} else if (how == 1) {
			CU_ASSERT_EQUAL(rename(b.path, moved), 0);
			box_put(&b, TEXT(other));
		} else {
			CU_ASSERT_EQUAL(truncate(b.journal, 200), 0);
			box_put(&b, TEXT(other));
		}
		CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
		CU_ASSERT_EQUAL(b.list.n, 6);
		CU_ASSERT_TRUE(box_holds(&b, TEXT(other)));
		CU_ASSERT_FALSE(has_file(b.journal));
		CU_ASSERT_EQUAL(mockhost_stat(b.host, "journals-set-aside"), 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "the journal is kept as"));
		box_free(&b);
	}
}

/* Somebody else's login, read only: it would show a mailbox in pieces. */
static void not_read_in_pieces(void)
{
	const char *const options[] = { "read_only=true", NULL };
	struct box b;

	interrupt(&b);
	box_restart(&b, options);
	CU_ASSERT_EQUAL(box_login(&b), POPART_R_PERM);
	box_restart(&b, NULL);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(M("2") M("3") M("4"))));
	box_free(&b);
}

CU_TestInfo commit_tests[] = { { "every set of four", every_set }, { "a full disk", full_disk },
	{ "a disk that is full in the middle", full_in_the_middle },
	{ "a disk that is full at the replay", full_at_the_replay },
	{ "no state_dir", no_state_dir }, { "another name", hard_link },
	{ "mail is appended without a lock", appended_without_lock },
	{ "journals that do not fit", set_aside },
	{ "nothing is read in pieces", not_read_in_pieces }, CU_TEST_INFO_NULL };
