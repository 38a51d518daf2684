/* SPDX-License-Identifier: MIT */
#include "worker/where.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suites.h"

#define ROOM 256

static bool none(const void *ctx, const char *path)
{
	(void)ctx;
	(void)path;
	return false;
}

static bool is_main(const void *ctx, const char *path)
{
	(void)ctx;
	return *path == '\0';
}

static struct where *make(bool (*is_module)(const void *, const char *))
{
	struct where *w = where_new(is_module, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	return w;
}

static uintptr_t here(void)
{
	return (uintptr_t)here;
}

/* qsort's address by the linker's own account. */
static Dl_info in_libc(uintptr_t *address)
{
	Dl_info info = { .dli_fname = NULL };
	void *symbol = dlsym(RTLD_DEFAULT, "qsort");

	CU_ASSERT_FATAL(symbol != NULL && dladdr(symbol, &info) != 0);
	*address = (uintptr_t)symbol;
	return info;
}

static void file_and_address(void)
{
	struct where *w = make(none);
	char text[ROOM], expected[ROOM];
	uintptr_t address;
	Dl_info info = in_libc(&address);
	const char *slash = strrchr(info.dli_fname, '/');

	where_write(w, &address, 1, NULL, text, sizeof(text));
	(void)snprintf(expected, sizeof(expected), "%s+0x%lx (", slash ? slash + 1 : "",
		(unsigned long)(address - (uintptr_t)info.dli_fbase));
	CU_ASSERT_EQUAL(strncmp(text, expected, strlen(expected)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "build-id"));
	CU_ASSERT_EQUAL(text[strlen(text) - 1], ')');
	where_free(&w);
	CU_ASSERT_PTR_NULL(w);
}

/* The module is named before the library that it has called; a call is where it is made,
 * not where it returns to. */
static void modules_come_first(void)
{
	struct where *w = make(is_main);
	uintptr_t frames[3];
	char text[ROOM], inner[ROOM], outer[ROOM], *comma;

	(void)in_libc(&frames[0]);
	frames[1] = frames[0] + 1;
	frames[2] = here() + 1;
	where_write(w, frames, 3, NULL, text, sizeof(text));
	where_write(w, frames, 1, NULL, inner, sizeof(inner));
	comma = strstr(text, ", in ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(comma);
	CU_ASSERT_STRING_EQUAL(comma + strlen(", in "), inner);
	frames[0] = here();
	where_write(w, frames, 1, NULL, outer, sizeof(outer));
	*comma = '\0';
	CU_ASSERT_STRING_EQUAL(text, outer);
	CU_ASSERT_EQUAL(strncmp(text, "popartd+0x", 10), 0);
	where_free(&w);
}

static void nowhere(void)
{
	struct where *w = make(is_main);
	const uintptr_t odd = 0x10, touched = 0;
	char text[ROOM], tiny[8];
	uintptr_t frame = here();

	where_write(w, &odd, 1, &touched, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "0x10, address 0x0");
	where_write(w, NULL, 0, NULL, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
	where_write(w, &frame, 1, NULL, tiny, sizeof(tiny));
	CU_ASSERT_STRING_EQUAL(tiny, "popartd"); /* cut */
	where_free(&w);
}

static void what_is_loaded_makes_it_old(void)
{
	struct where *w = make(none);
	void *handle;

	CU_ASSERT_FALSE(where_is_old(w));
	handle = dlopen("libutil.so.1", RTLD_NOW);
	if (handle && where_is_old(w)) {
		where_free(&w);
		w = make(none);
		CU_ASSERT_FALSE(where_is_old(w));
		(void)dlclose(handle);
		CU_ASSERT_TRUE(where_is_old(w));
	}
	where_free(&w);
}

CU_TestInfo where_tests[] = {
	{ "the file, an address in it, and its build id", file_and_address },
	{ "a module is named first, then where it waits", modules_come_first },
	{ "addresses of nothing, and a room that is too small", nowhere },
	{ "what is loaded later makes the table old", what_is_loaded_makes_it_old },
	CU_TEST_INFO_NULL,
};
