/* SPDX-License-Identifier: MIT */
#include "bin/modpath.h"
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static struct popart_str directory_of(struct popart_str path)
{
	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	return path.len > 1 ? view_of(path.ptr, path.len - 1) : path;
}

void modpath_build_tree(const char *binary, struct buf *out)
{
	struct popart_str dir = directory_of(view_str(binary));
	struct buf pattern;
	glob_t found = { 0 };

	if (view_ends(dir, VIEW_LIT("/.libs"))) /* behind libtool's wrapper */
		dir = directory_of(dir);
	buf_init(&pattern, 8192);
	buf_add(&pattern, dir);
	buf_add_str(&pattern, "/modules/*/.libs");
	if (glob(buf_cstr(&pattern), GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (i > 0)
				buf_add_char(out, ':');
			buf_add_str(out, found.gl_pathv[i]);
		}
	}
	globfree(&found);
	buf_free(&pattern);
}

bool modpath_use(const char *wanted)
{
	char self[PATH_MAX];
	struct buf tree;
	bool ok = true;

	if (wanted)
		return setenv("POPART_MODULE_PATH", wanted, 1) == 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return true;
	self[n] = '\0';
	buf_init(&tree, 65536);
	modpath_build_tree(self, &tree);
	if (tree.len > 0)
		ok = setenv("POPART_MODULEDIR", buf_cstr(&tree), 1) == 0;
	buf_free(&tree);
	return ok;
}
