/* SPDX-License-Identifier: MIT */
/* What a login reads, and when it believes its index. */
#include "unit/mbox/tests.h"
#include "index.h"

static const char one[] = FROM "Message-ID: <1>\n\none\n\n",
		  two[] = FROM "Message-ID: <2>\n\ntwo\n\n";
#define ONE "Message-ID: <1>\n\none\n"
#define TWO "Message-ID: <2>\n\ntwo\n"

static int64_t stat_of(struct box *b, const char *name)
{
	return mockhost_stat(b->host, name);
}

static void furnish(struct box *b)
{
	box_make(b, NULL);
	box_put(b, TEXT(one));
	box_append(b, TEXT(two));
	box_expect(b, (const char *const[]){ ONE, TWO, NULL });
	box_logout(b);
	CU_ASSERT_EQUAL(stat_of(b, "read-all"), 1);
}

static void nothing_new(void)
{
	struct box b;
	int64_t read;

	furnish(&b);
	read = stat_of(&b, "octets-scanned");
	for (int i = 0; i < 3; i++)
		box_expect(&b, (const char *const[]){ ONE, TWO, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "read-nothing"), 3);
	CU_ASSERT_EQUAL(stat_of(&b, "octets-scanned"), read);
	CU_ASSERT_EQUAL(stat_of(&b, "index-writes"), 1);
	box_free(&b);
}

static void what_is_new(void)
{
	struct box b;
	int64_t read;

	furnish(&b);
	read = stat_of(&b, "octets-scanned");
	box_append(&b, TEXT(one));
	box_expect(&b, (const char *const[]){ ONE, TWO, ONE, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "read-new"), 1);
	CU_ASSERT_EQUAL(stat_of(&b, "octets-scanned") - read, (int64_t)strlen(one));
	box_expect(&b, (const char *const[]){ ONE, TWO, ONE, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "read-nothing"), 1);
	box_free(&b);
}

/* The last message had no end, and goes on. */
static void last_goes_on(void)
{
	struct box b;

	box_make(&b, NULL);
	box_put(&b, TEXT(one));
	box_append(&b, TEXT(FROM "A: b\n\nthere is"));
	box_expect(&b, (const char *const[]){ ONE, "A: b\n\nthere is", NULL });
	box_append(&b, TEXT(" more\n\n"));
	box_expect(&b, (const char *const[]){ ONE, "A: b\n\nthere is more\n", NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "read-new"), 1);
	box_free(&b);
}

static void changed_in_its_place(void)
{
	struct box b;

	furnish(&b);
	box_put(&b, TEXT(two)); /* shorter */
	box_expect(&b, (const char *const[]){ TWO, NULL });
	box_put(&b, TEXT(one)); /* of the same length */
	box_expect(&b, (const char *const[]){ ONE, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "read-all"), 3);
	box_put(&b, "", 0);
	box_expect(&b, (const char *const[]){ NULL });
	box_put(&b, TEXT(two));
	box_append(&b, TEXT(one)); /* longer, and begins otherwise */
	box_expect(&b, (const char *const[]){ TWO, ONE, NULL });
	box_free(&b);
}

static void another_file(void)
{
	struct box b;
	char other[400];
	char *text;
	size_t n;

	furnish(&b);
	text = box_text(&b, &n);
	snprintf(other, sizeof(other), "%s.other", b.path);
	CU_ASSERT_EQUAL(rename(b.path, other), 0);
	box_put(&b, text, n);
	box_expect(&b, (const char *const[]){ ONE, TWO, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "read-all"), 2);
	free(text);
	box_free(&b);
}

static void spoilt(void)
{
	struct box b;
	int64_t believed;
	char *text;
	size_t n;

	furnish(&b);
	text = file_text(b.index, &n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (size_t i = 0; i < n; i += 5) {
		FILE *f = fopen(b.index, "r+b");

		text[i] ^= 1;
		fwrite(text, 1, n, f);
		fclose(f);
		text[i] ^= 1;
		box_expect(&b, (const char *const[]){ ONE, TWO, NULL });
		/* Its head at once, the rest when it was needed. */
		CU_ASSERT_EQUAL(stat_of(&b, "read-nothing"), stat_of(&b, "found-again"));
	}
	believed = stat_of(&b, "read-nothing");
	CU_ASSERT_TRUE(believed > 0 && stat_of(&b, "read-all") > 1);
	/* Only a part, nothing, no file, no permission to write one. */
	CU_ASSERT_EQUAL(truncate(b.index, (off_t)n - 1), 0);
	box_expect(&b, (const char *const[]){ ONE, TWO, NULL });
	CU_ASSERT_EQUAL(truncate(b.index, 0), 0);
	box_expect(&b, (const char *const[]){ ONE, TWO, NULL });
	unlink(b.index);
	CU_ASSERT_EQUAL(mkdir(b.index, 0700), 0);
	box_expect(&b, (const char *const[]){ ONE, TWO, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "index-failures"), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(mockhost_log(b.host), "cannot write"));
	CU_ASSERT_EQUAL(stat_of(&b, "read-nothing"), believed);
	free(text);
	box_free(&b);
}

static void other_format(void)
{
	const char *const options[] = { "format=mboxo", NULL };
	struct box b;

	box_make(&b, NULL);
	box_put(&b, TEXT(FROM "A: b\n\n>From x\n\n"));
	box_expect(&b, (const char *const[]){ "A: b\n\nFrom x\n", NULL });
	box_restart(&b, options);
	box_expect(&b, (const char *const[]){ "A: b\n\n>From x\n", NULL });
	box_free(&b);
}

/* After a removal nothing has to be read but what came meanwhile. */
static void after_a_removal(void)
{
	struct box b;
	size_t removed;
	int64_t read;

	furnish(&b);
	CU_ASSERT_EQUAL(box_login(&b), POPART_OK);
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0 }, 1, &removed), POPART_OK);
	read = stat_of(&b, "octets-scanned");
	box_expect(&b, (const char *const[]){ TWO, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "octets-scanned"), read);
	box_append(&b, TEXT(one));
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0 }, 1, &removed), POPART_OK);
	box_expect(&b, (const char *const[]){ ONE, NULL });
	CU_ASSERT_EQUAL(stat_of(&b, "octets-scanned") - read, (int64_t)strlen(one));
	CU_ASSERT_EQUAL(stat_of(&b, "read-all"), 1);
	box_free(&b);
}

static void read_only(void)
{
	const char *const options[] = { "read_only=true", NULL };
	struct box b;
	size_t removed;

	box_make(&b, options);
	box_put(&b, TEXT(one));
	box_expect(&b, (const char *const[]){ ONE, NULL });
	CU_ASSERT_EQUAL(box_commit(&b, (uint64_t[]){ 0 }, 1, &removed), POPART_OK);
	CU_ASSERT_EQUAL(removed, 1);
	CU_ASSERT_TRUE(box_holds(&b, TEXT(one)));
	CU_ASSERT_FALSE(has_file(b.index));
	CU_ASSERT_EQUAL(box_deliver(&b, TEXT("x"), 1), POPART_R_UNSUPPORTED);
	box_free(&b);
}

CU_TestInfo index_tests[] = { { "nothing new: nothing is read", nothing_new },
	{ "only what is new is read", what_is_new },
	{ "the last message goes on", last_goes_on },
	{ "changed in its place", changed_in_its_place }, { "another file", another_file },
	{ "a spoilt index", spoilt }, { "another format", other_format },
	{ "after a removal", after_a_removal }, { "read_only", read_only }, CU_TEST_INFO_NULL };
