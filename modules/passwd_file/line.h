/* SPDX-License-Identifier: MIT */
#ifndef PASSWD_FILE_LINE_H
#define PASSWD_FILE_LINE_H
/*
 * One line of the file: user:secret:uid:gid:gecos:home:shell:extra. What is behind the
 * secret may be left out. extra is words of the form key=value, divided by blanks.
 */
#include "../secrets/octets.h"

#define LINE_MAX_OCTETS 4096u
#define LINE_MAX_EXTRAS 32u /* the host takes 64 attributes */

/* The fields point into the line. */
struct line {
	struct popart_str user, secret, uid, gid, home, extra;
};

/* A comment, or blank. */
bool line_is_empty(struct popart_str text);
/* text: without its line end. False: *why says what is wrong with it; static. */
bool line_parse(struct popart_str text, struct line *, const char **why);
/* The next word of extra, which line_parse has seen. False: there is none. */
bool line_next_extra(
	struct popart_str *extra, struct popart_str *key, struct popart_str *value);

#endif
