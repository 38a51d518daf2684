/* SPDX-License-Identifier: MIT */
#include "bin/modpath.h"
#include <glob.h>

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
