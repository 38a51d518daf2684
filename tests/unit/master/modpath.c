/* SPDX-License-Identifier: MIT */
#include "bin/modpath.h"
#include "suites.h"
#include "temporary.h"

static const char *const tree[] = { "modules", "modules/one", "modules/one/.libs",
	"modules/two", "modules/two/.libs", ".libs" };

static void find(const char *top, const char *binary, struct buf *out)
{
	char path[256];

	buf_reset(out);
	modpath_build_tree(temporary_path(path, sizeof(path), top, binary), out);
}

static void a_build_tree_is_found(void)
{
	char top[] = TEMPORARY, path[256];
	struct buf out;

	buf_init(&out, 4096);
	temporary_make(top);
	find(top, "popartd", &out);
	CU_ASSERT_EQUAL(out.len, 0);
	for (size_t i = 0; i < ARRAY_LEN(tree); i++)
		CU_ASSERT_EQUAL(
			mkdir(temporary_path(path, sizeof(path), top, tree[i]), 0700), 0);
	find(top, "popartd", &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "/modules/one/.libs"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "/modules/two/.libs"));
	CU_ASSERT_PTR_NOT_NULL(strchr(buf_cstr(&out), ':'));
	find(top, ".libs/popartd", &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_cstr(&out), "/modules/one/.libs"));
	for (size_t i = ARRAY_LEN(tree); i-- > 0;)
		(void)rmdir(temporary_path(path, sizeof(path), top, tree[i]));
	(void)rmdir(top);
	buf_free(&out);
}

CU_TestInfo modpath_tests[] = {
	{ "a build tree is found from its binary", a_build_tree_is_found },
	CU_TEST_INFO_NULL,
};
