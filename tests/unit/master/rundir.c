/* SPDX-License-Identifier: MIT */
#include "master/rundir.h"
#include "suites.h"
#include "temporary.h"

/* Makes name below top for the account and returns whether that worked. */
static bool make(const char *top, const char *name, const struct account *a, const char *says)
{
	char path[256];
	struct report r;

	report_init(&r);
	bool ok = rundir_make(temporary_path(path, sizeof(path), top, name), a,
		(struct place){ .file = "x.conf", .line = 3 }, &r);
	if (says)
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), says));
	report_free(&r);
	return ok;
}

static struct account myself(void)
{
	static char name[] = "myself";

	return (struct account){ .name = name, .uid = geteuid(), .gid = getegid() };
}

static void remove_both(const char *top)
{
	char path[256];

	(void)rmdir(temporary_path(path, sizeof(path), top, "run/locks"));
	(void)rmdir(temporary_path(path, sizeof(path), top, "run"));
	(void)rmdir(top);
}

static void both_are_made_and_private(void)
{
	char top[] = TEMPORARY, path[256];
	const struct account me = myself();
	struct stat st;

	temporary_make(top);
	CU_ASSERT_TRUE(make(top, "run", &me, NULL));
	CU_ASSERT_EQUAL(stat(temporary_path(path, sizeof(path), top, "run"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFDIR | 0711);
	CU_ASSERT_EQUAL(stat(temporary_path(path, sizeof(path), top, "run/locks"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFDIR | 0700);
	CU_ASSERT_TRUE(make(top, "run", &me, NULL));
	remove_both(top);
}

static void they_go_to_the_account(void)
{
	char top[] = TEMPORARY, path[256];
	struct account other = myself();
	struct stat st;

	if (geteuid() != 0)
		return;
	other.uid = other.gid = 54321;
	other.change = true;
	temporary_make(top);
	CU_ASSERT_TRUE(make(top, "run", &other, NULL));
	CU_ASSERT_EQUAL(stat(temporary_path(path, sizeof(path), top, "run/locks"), &st), 0);
	CU_ASSERT_EQUAL(st.st_uid, 54321);
	CU_ASSERT_EQUAL(st.st_gid, 54321);
	remove_both(top);
}

static void those_of_somebody_else_are_refused(void)
{
	char top[] = TEMPORARY, path[256];
	struct account other = myself();
	const struct account me = myself();
	struct stat st;

	other.uid += 1;
	temporary_make(top);
	CU_ASSERT_TRUE(make(top, "run", &me, NULL));
	(void)temporary_path(path, sizeof(path), top, "run");
	CU_ASSERT_EQUAL(chmod(path, 0700), 0);
	CU_ASSERT_FALSE(make(top, "run", &other, "closed to the workers' user"));
	CU_ASSERT_EQUAL(chmod(path, 0755), 0);
	CU_ASSERT_FALSE(make(top, "run", &other, "/locks belongs to"));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFDIR | 0755); /* left alone */
	remove_both(top);
}

static void a_link_below_is_not_followed(void)
{
	char top[] = TEMPORARY, path[256];
	const struct account me = myself();

	temporary_make(top);
	CU_ASSERT_EQUAL(mkdir(temporary_path(path, sizeof(path), top, "run"), 0700), 0);
	CU_ASSERT_EQUAL(
		symlink("/tmp", temporary_path(path, sizeof(path), top, "run/locks")), 0);
	CU_ASSERT_FALSE(make(top, "run", &me, "/locks"));
	CU_ASSERT_EQUAL(unlink(path), 0);
	remove_both(top);
}

static bool check(const char *top, const char *name, const struct account *a, const char *says)
{
	char path[256];
	struct report r;

	report_init(&r);
	bool ok = rundir_check(temporary_path(path, sizeof(path), top, name), a,
		(struct place){ .file = "x.conf" }, &r);
	CU_ASSERT_EQUAL(ok, r.errors == 0);
	if (says)
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&r.text), says));
	report_free(&r);
	return ok;
}

static void a_check_says_the_same_and_makes_nothing(void)
{
	char top[] = TEMPORARY, path[256];
	const struct account me = myself();
	struct account other = myself();
	struct stat st;

	other.uid += 1;
	temporary_make(top);
	CU_ASSERT_TRUE(check(top, "run", &me, NULL));
	CU_ASSERT_EQUAL(stat(temporary_path(path, sizeof(path), top, "run"), &st), -1);
	CU_ASSERT_FALSE(check(top, "none/run", &me, "cannot make run_dir"));
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_TRUE(check(top, "run", &me, NULL));
	CU_ASSERT_FALSE(check(top, "run", &other, "closed to the workers' user"));
	CU_ASSERT_TRUE(make(top, "run", &me, NULL));
	CU_ASSERT_TRUE(check(top, "run", &me, NULL));
	CU_ASSERT_EQUAL(chmod(path, 0711), 0);
	CU_ASSERT_FALSE(check(top, "run", &other, "/locks belongs to"));
	remove_both(top);
}

static void the_parent_has_to_be_there(void)
{
	const struct account me = myself();

	CU_ASSERT_FALSE(
		make("/no/such", "run", &me, "x.conf:3: cannot make run_dir /no/such/run"));
}

CU_TestInfo rundir_tests[] = {
	{ "both are made, and private", both_are_made_and_private },
	{ "they go to the account", they_go_to_the_account },
	{ "those of somebody else are refused", those_of_somebody_else_are_refused },
	{ "a link below is not followed", a_link_below_is_not_followed },
	{ "a check says the same, and makes nothing", a_check_says_the_same_and_makes_nothing },
	{ "the parent has to be there", the_parent_has_to_be_there },
	CU_TEST_INFO_NULL,
};
